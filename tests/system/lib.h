/* What the processor test kernels share: descriptors, traps, and words to the debug console (port 0xE9). */
#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

/* Selectors. 0x40 and up are the tests' own. */
enum { KCODE = 8, KDATA = 0x10, UCODE = 0x1b, UDATA = 0x23, TSS_MAIN = 0x28, TSS_OTHER = 0x30, TSS_FAULT = 0x38, FREE = 0x40 };
/* Access bytes: present, DPL 0, system or not, type. */
enum { CODE = 0x9a, DATA = 0x92, A_TSS = 0x89, A_LDT = 0x82, DPL3 = 0x60, FLAT = 0xc };
/* The vector by which ring 3 ends an attempt. */
enum { DONE = 0x40 };

struct tss {
  u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs,
      gs, ldt;
  u16 trap, iomap;
  u8 bitmap[0x2000 / 8 + 1];
};
struct frame {
  u32 gs, fs, es, ds, edi, esi, ebp, unused, ebx, edx, ecx, eax, vector, error, eip, cs, eflags, esp, ss, ves, vds, vfs, vgs;
};
/* The last trap that ended an attempt. */
struct trap {
  u32 vector, error, eip, cs, eflags, esp, ss, cr2, eax;
};

extern struct trap trap;
extern struct tss tss_main, tss_other, tss_fault;
extern u64 gdt[128];
extern u64 idt[256];
extern u32 user_eflags;
/* Looks at each trap first; non-zero: go on where it happened. */
extern int (*trap_hook)(struct frame *);
extern u8 stubs[], user_stack_top[], ring0_stack_top[], boot_stack_top[], df_stack_top[];

int attempt(void (*f)(u32), u32 argument);
void enter_user(u32 eip);
void enter_v86(u32 csip);
void switch_segments(void);
#define USER(f) attempt(enter_user, (u32)(f))

void describe(u32 selector, u32 base, u32 limit, u32 access, u32 flags);
void describe_in(u64 *table, u32 selector, u32 base, u32 limit, u32 access, u32 flags);
void gate(u64 *at, u32 selector, u32 offset, u32 access, u32 count);
void put(const char *text);
void hex(u32 value);
void line(const char *name, u32 value);
/* The outcome of an attempt: vector, error code, EIP, CS, the control flags, CR2 for page faults. */
void outcome(const char *name, int vector);
/* One that QEMU's TCG is known not to model: our machine alone is held to `expected` (vector << 16 | error code). */
void by_the_manual(const char *name, int vector, int expected_vector, u32 expected_error);
/* The same for a value. */
void check(const char *name, u32 value, u32 expected);
/* Whether this is QEMU: its CPUID hypervisor leaf. What would bring TCG down is left out there. */
int in_qemu(void);
void finish(void);

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline u32 cr0(void) { u32 v; __asm__ volatile("mov %%cr0, %0" : "=r"(v)); return v; }
static inline u32 cr2(void) { u32 v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline u32 cr3(void) { u32 v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline u32 cr4(void) { u32 v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static inline void set_cr0(u32 v) { __asm__ volatile("mov %0, %%cr0" ::"r"(v) : "memory"); }
static inline void set_cr3(u32 v) { __asm__ volatile("mov %0, %%cr3" ::"r"(v) : "memory"); }
static inline void set_cr4(u32 v) { __asm__ volatile("mov %0, %%cr4" ::"r"(v) : "memory"); }
static inline void invlpg(u32 at) { __asm__ volatile("invlpg (%0)" ::"r"(at) : "memory"); }
static inline u64 rdmsr(u32 n) { u64 v; __asm__ volatile("rdmsr" : "=A"(v) : "c"(n)); return v; }
static inline void wrmsr(u32 n, u64 v) { __asm__ volatile("wrmsr" ::"A"(v), "c"(n)); }
static inline u32 flags(void) { u32 v; __asm__ volatile("pushfl; popl %0" : "=r"(v)); return v; }
static inline void ltr(u32 s) { __asm__ volatile("ltr %w0" ::"r"(s)); }
