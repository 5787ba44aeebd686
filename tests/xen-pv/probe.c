/*
 * A paravirtual guest that asks Xen for what it must not have, and prints each answer on the console: "what = result" a line.
 * The same image runs on Xen itself (scripts/xen/real.mjs) and here, and the lines are compared. Nothing that is printed depends on
 * which frames a domain has been given.
 */
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;
typedef unsigned long long u64;

enum { SET_TRAP_TABLE, MMU_UPDATE, SET_GDT, STACK_SWITCH, SET_CALLBACKS, FPU_TASKSWITCH, SCHED_OP_COMPAT, PLATFORM_OP,
       SET_DEBUGREG, GET_DEBUGREG, UPDATE_DESCRIPTOR, MEMORY_OP = 12, MULTICALL, UPDATE_VA_MAPPING, SET_TIMER_OP,
       EVENT_CHANNEL_OP_COMPAT, XEN_VERSION, CONSOLE_IO, PHYSDEV_OP_COMPAT, GRANT_TABLE_OP, VM_ASSIST,
       UPDATE_VA_MAPPING_OTHERDOMAIN, IRET, VCPU_OP, SET_SEGMENT_BASE, MMUEXT_OP, XSM_OP, NMI_OP, SCHED_OP, CALLBACK_OP,
       XENOPROF_OP, EVENT_CHANNEL_OP, PHYSDEV_OP, HVM_OP, SYSCTL, DOMCTL };

#define SELF 0x7ff0u
#define IO 0x7ff1u
#define XEN 0x7ff2u
#define RW 0x63u
#define RO 0x61u
#define NOWHERE 0xd0000000u
#define PAGE 4096u

int try(u32 *at, u32 value);
int try8(u64 *at, u64 old, u64 value);
void page_fault(void);
int hypercall(int number, u32 a, u32 b, u32 c, u32 d, u32 e);

/* ---- The console ring (xen/include/public/io/console.h) ---- */

struct console {
	u8 in[1024], out[2048];
	volatile u32 in_cons, in_prod, out_cons, out_prod;
};

static u8 pages[24][PAGE] __attribute__((aligned(4096)));
static u32 arguments[64] __attribute__((aligned(4096)));
static u32 list[1024] __attribute__((aligned(4096)));
static struct console *console;
static u32 *start_info, *p2m;
static u32 console_port;

static void notify(void) { hypercall(EVENT_CHANNEL_OP, 4, (u32)&console_port, 0, 0, 0); }

static void put(char c)
{
	while (console->out_prod - console->out_cons >= 2048) {
		notify();
		hypercall(SCHED_OP, 0, 0, 0, 0, 0);
	}
	console->out[console->out_prod % 2048] = c;
	__asm__ volatile("" ::: "memory");
	console->out_prod++;
}

static void say(const char *text)
{
	while (*text) put(*text++);
}

static void number(int value)
{
	char digits[12];
	int n = 0;
	u32 left = value < 0 ? -(u32)value : (u32)value;
	if (value < 0) put('-');
	do digits[n++] = '0' + left % 10; while (left /= 10);
	while (n) put(digits[--n]);
}

static void result(const char *what, int value)
{
	say(what);
	say(" = ");
	number(value);
	say("\r\n");
	notify();
}

/* ---- Short forms ---- */

static u32 mfn(const void *page) { return p2m[(u32)page / PAGE]; }
static u32 machine(const void *page) { return mfn(page) * PAGE; }

static int update_high(u32 low, u32 high, u32 value, u32 value_high, u32 dom)
{
	arguments[0] = low;
	arguments[1] = high;
	arguments[2] = value;
	arguments[3] = value_high;
	return hypercall(MMU_UPDATE, (u32)arguments, 1, 0, dom, 0);
}
static int update(u32 pointer, u32 value) { return update_high(pointer, 0, value, 0, SELF); }

static int ext2(u32 cmd, u32 arg1, u32 arg2)
{
	arguments[0] = cmd;
	arguments[1] = arg1;
	arguments[2] = arg2;
	return hypercall(MMUEXT_OP, (u32)arguments, 1, 0, SELF, 0);
}
static int ext(u32 cmd, u32 arg1) { return ext2(cmd, arg1, 0); }
static int map(const void *page, u32 low, u32 high, u32 flags)
{
	return hypercall(UPDATE_VA_MAPPING, (u32)page, low, high, flags, 0);
}
static int protect(const void *page, u32 flags) { return map(page, machine(page) + flags, 0, 2); }

static int memory(u32 op, u32 a, u32 b, u32 c, u32 d, u32 e)
{
	u32 *w = arguments;
	w[0] = a; w[1] = b; w[2] = c; w[3] = d; w[4] = e;
	return hypercall(MEMORY_OP, op, (u32)w, 0, 0, 0);
}

static void zero(void *page)
{
	for (u32 i = 0; i < PAGE / 4; i++) ((volatile u32 *)page)[i] = 0;
}

/* ---- What is asked ---- */

/* Entries of the tables that the domain began with: they are mapped, read-only, from pt_base on. */
static u64 *l3;
static u64 *table_of(u64 entry)
{
	u32 frame = entry >> 12;
	u32 base = start_info[60 / 4], count = start_info[64 / 4];
	for (u32 i = 0; i < count; i++) if (p2m[base / PAGE + i] == frame) return (u64 *)(base + i * PAGE);
	return 0;
}
static u32 address_of(u64 *entry) { return p2m[(u32)entry / PAGE] * PAGE + (u32)entry % PAGE; }
static u32 entry_of(const void *page)
{
	u64 *l2 = table_of(l3[0]);
	u64 *l1 = table_of(l2[(u32)page >> 21]);
	return address_of(l1 + ((u32)page >> 12) % 512);
}

static void pins(void)
{
	u8 *a = pages[0];
	result("pin a writable page as L1", ext(0, mfn(a)));
	result("map it read-only", protect(a, RO));
	result("pin it as L1", ext(0, mfn(a)));
	result("pin it again", ext(0, mfn(a)));
	result("pin it as L2", ext(1, mfn(a)));
	result("map it writable", protect(a, RW));
	result("map it writable by mmu_update", update(entry_of(a), machine(a) + RW));
	result("clear it", ext(16, mfn(a)));
	result("copy over it", ext2(17, mfn(a), mfn(pages[1])));
	result("copy from it", ext2(17, mfn(pages[1]), mfn(a)));
	result("unpin it", ext(4, mfn(a)));
	result("unpin it again", ext(4, mfn(a)));
	result("clear it now", ext(16, mfn(a)));
	result("map it writable now", protect(a, RW));
	result("pin frame 0x3fffffff", ext(0, 0x3fffffff));
	result("pin L4 of anything", ext(3, mfn(a)));
	result("pin an empty page as L3", (protect(a, RO), ext(2, mfn(a))));
	result("pin an empty page as L2", ext(1, mfn(a)));
	result("unpin that", ext(4, mfn(a)));
	protect(a, RW);
}

static void forged(void)
{
	static const struct { const char *what; u32 low, high; } entries[] = {
		{ "forged L1: frame out of range", 0x61, 0x1000 },
		{ "forged L1: frame of all ones", 0xfffff061, 0xfffff },
		{ "forged L1: caching attributes", 0x71, 0 },
		{ "forged L1: PSE", 0xe1, 0 },
		{ "forged L1: bit 62", 0x61, 0x40000000 },
		{ "forged L1: NX and available bits", 0xe61, 0x80100000 },
		{ "forged L1: global", 0x161, 0 },
	};
	u8 *a = pages[0], *b = pages[1];
	for (u32 i = 0; i < sizeof entries / sizeof *entries; i++) {
		u32 *slot = (u32 *)a + 14;
		zero(a);
		slot[0] = entries[i].low + (entries[i].high == 0x1000 || entries[i].low >> 12 ? 0 : machine(b));
		slot[1] = entries[i].high;
		protect(a, RO);
		int pinned = ext(0, mfn(a));
		result(entries[i].what, pinned);
		if (pinned == 0) ext(4, mfn(a));
		protect(a, RW);
	}
	zero(a);
	((u32 *)a)[2] = machine(a) + RW;
	protect(a, RO);
	result("forged L1: itself, writable", ext(0, mfn(a)));
	protect(a, RW);
	((u32 *)a)[2] = address_of(l3) + RW;
	protect(a, RO);
	result("forged L1: a table in use, writable", ext(0, mfn(a)));
	protect(a, RW);
	((u32 *)a)[2] = address_of(l3) + RO;
	protect(a, RO);
	result("L1: a table in use, read-only", ext(0, mfn(a)));
	result("unpin that L1", ext(4, mfn(a)));
	protect(a, RW);
	zero(a);
	((u32 *)a)[0] = machine(a) + 0x67;
	protect(a, RO);
	result("forged L2: itself, writable", ext(1, mfn(a)));
	protect(a, RW);
	((u32 *)a)[0] = machine(a) + 0x65;
	protect(a, RO);
	result("L2: itself, read-only", ext(1, mfn(a)));
	result("unpin that L2", ext(4, mfn(a)));
	protect(a, RW);
	((u32 *)a)[0] = machine(b) + 0x67;
	protect(a, RO);
	result("forged L2: a writable page as L1", ext(1, mfn(a)));
	protect(a, RW);
	zero(a);
	((u64 *)a)[0] = l3[0];
	((u64 *)a)[3] = l3[3];
	protect(a, RO);
	result("forged L3: another's fourth directory", ext(2, mfn(a)));
	protect(a, RW);
	((u64 *)a)[3] = 0;
	protect(a, RO);
	result("forged L3: no fourth directory", ext(2, mfn(a)));
	result("forged L3 as base pointer", ext(5, mfn(a)));
	protect(a, RW);
	zero(a);
	zero(b);
	((u64 *)a)[0] = l3[0];
	((u64 *)a)[3] = (u64)machine(b) + 1;
	((u32 *)b)[1020] = 0xdead001;
	protect(a, RO);
	protect(b, RO);
	result("a table of its own as base pointer", ext(5, mfn(a)));
	result("its directory's last entries, covered", ((u32 *)b)[1020] != 0xdead001);
	result("its fourth directory pinned", ext(1, mfn(b)));
	result("its first slot, the same", update(machine(a), (u32)l3[0]));
	result("its fourth slot", update(machine(a) + 24, 0));
	result("its fifth slot", update(machine(a) + 32, 0));
	result("back", ext(5, address_of(l3) / PAGE));
	protect(a, RW);
	protect(b, RW);
}

static void updates(void)
{
	u8 *b = pages[1];
	u32 at = entry_of(b), own = machine(b);
	u64 *l2 = table_of(l3[0]), *last = table_of(l3[3]);
	result("entry: caching attributes", update(at, own + 0x71));
	result("entry: frame out of range", update_high(at, 0, 0x61, 0x1000, SELF));
	result("entry: frame of all ones", update_high(at, 0, 0xfffff061, 0xfffff, SELF));
	result("entry: for domain 0", update_high(at, 0, own + RW, 0, 0));
	result("entry: for domain 77", update_high(at, 0, own + RW, 0, 77));
	result("entry: of DOMID_IO", update_high(at, 0, own + RO, 0, IO));
	result("entry: of DOMID_XEN", update_high(at, 0, own + RO, 0, XEN));
	result("entry: tables of domain 0", update_high(at, 0, own + RW, 0, SELF | 1 << 16));
	result("entry: tables of domain 77", update_high(at, 0, own + RW, 0, SELF | 78 << 16));
	result("entry: command 3", update(at | 3, own + RW));
	result("entry: command 4", update(at | 4, own + RW));
	result("entry: command 2 keeps A and D", update(at | 2, own + 3));
	result("entry: read-only", update(at, own + RO));
	result("entry: writable", update(at, own + RW));
	result("words of a plain page", update(own + 8, 4711));
	result("are written", ((u32 *)b)[2]);
	result("frame out of range", update_high(0, 0x100, 0, 0, SELF));
	result("address above 52 bits", update_high(own, 0x100000, 0, 0, SELF));
	result("M2P of its own", update(own | 1, (u32)b / PAGE));
	result("M2P of a frame out of range", update_high(1, 0x100, 0, 0, SELF));
	result("directory: the hypervisor's part", update(address_of(last + 428), 0));
	result("directory: below it", update(address_of(last + 427), 0));
	result("directory: a writable page", update(address_of(last), own + 0x67));
	result("directory: PSE", update(address_of(last), own + 0xe7));
	result("directory: of DOMID_IO", update_high(address_of(last), 0, own + 0x67, 0, IO));
	result("top: slot 3", update(address_of(l3 + 3), 0));
	result("top: slot 1, a plain page", update(address_of(l3 + 1), own + 1));
	result("top: slot 1, PWT", update(address_of(l3 + 1), own + 9));
	result("requests nowhere", hypercall(MMU_UPDATE, NOWHERE, 1, 0, SELF, 0));
	result("no requests, nowhere", hypercall(MMU_UPDATE, NOWHERE, 0, 0, SELF, 0));
	result("linear: with write permission", update(address_of(l2 + 300), address_of(l2) + 0x67));
	result("linear: without", update(address_of(l2 + 300), address_of(l2) + 0x65));
	result("linear: gone", update(address_of(l2 + 300), 0));
}

static void addresses(void)
{
	u8 *b = pages[1];
	u32 own = machine(b);
	result("va: not mapped", map((void *)NOWHERE, own + RW, 0, 0));
	result("va: the hypervisor's", map((void *)0xf5800000, own + RW, 0, 0));
	result("va: the last page", map((void *)0xfffff000, own + RW, 0, 0));
	result("va: caching attributes", map(b, own + 0x71, 0, 0));
	result("va: flush of nowhere's", map(b, own + RW, 0, NOWHERE | 1));
	result("va: invlpg of nowhere's", map(b, own + RW, 0, NOWHERE | 2));
	result("va: flush type 3", map(b, own + RW, 0, 3));
	result("va: all", map(b, own + RW, 0, 4 | 2));
	result("va: domain 0's", hypercall(UPDATE_VA_MAPPING_OTHERDOMAIN, (u32)b, own + RW, 0, 0, 0));
	result("va: domain 77's", hypercall(UPDATE_VA_MAPPING_OTHERDOMAIN, (u32)b, own + RW, 0, 0, 77));
	result("va: DOMID_IO's", hypercall(UPDATE_VA_MAPPING_OTHERDOMAIN, (u32)b, own + RW, 0, 0, IO));
	result("va: DOMID_XEN's", hypercall(UPDATE_VA_MAPPING_OTHERDOMAIN, (u32)b, own + RW, 0, 0, XEN));
	result("va: oneself's", hypercall(UPDATE_VA_MAPPING_OTHERDOMAIN, (u32)b, own + RW, 0, 0, SELF));
}

static void extended(void)
{
	result("ext: new user base pointer", ext(15, mfn(pages[0])));
	result("ext: flush cache", ext(12, 0));
	result("ext: flush cache, globally", ext(18, 0));
	result("ext: mark super", ext(19, mfn(pages[0])));
	result("ext: unmark super", ext(20, mfn(pages[0])));
	result("ext: 14", ext(14, 0));
	result("ext: 99", ext(99, 0));
	result("ext: flush", ext(6, 0));
	result("ext: flush all", ext(10, 0));
	result("ext: invlpg", ext(7, (u32)pages[0]));
	result("ext: invlpg all of the hypervisor's", ext(11, 0xf5800000));
	result("ext: flush of nowhere's", ext2(8, 0, NOWHERE));
	result("ext: invlpg of nowhere's", ext2(9, (u32)pages[0], NOWHERE));
	result("ext: LDT unaligned", ext2(13, (u32)pages[2] + 8, 4));
	result("ext: LDT of 8193", ext2(13, (u32)pages[2], 8193));
	result("ext: LDT", ext2(13, (u32)pages[2], 4));
	result("ext: no LDT", ext2(13, 12345, 0));
	result("ext: base pointer to a plain page", ext(5, mfn(pages[0])));
	result("ext: base pointer out of range", ext(5, 0x3fffffff));
	result("ext: ops nowhere", hypercall(MMUEXT_OP, NOWHERE, 1, 0, SELF, 0));
	arguments[0] = 6;
	result("ext: for domain 0", hypercall(MMUEXT_OP, (u32)arguments, 1, 0, 0, 0));
	result("ext: for domain 77", hypercall(MMUEXT_OP, (u32)arguments, 1, 0, 77, 0));
	result("ext: for DOMID_IO", hypercall(MMUEXT_OP, (u32)arguments, 1, 0, IO, 0));
	arguments[0] = 6;
	arguments[3] = 99;
	arguments[6] = 6;
	list[0] = 4711;
	result("ext: three, the second bad", hypercall(MMUEXT_OP, (u32)arguments, 3, (u32)list, SELF, 0));
	result("ext: done", list[0]);
}

static void frames(void)
{
	u8 *c = pages[3];
	u32 old = mfn(c);
	int now = memory(3, SELF, 0, 0, 0, 0);
	result("memory: current, of nowhere", hypercall(MEMORY_OP, 3, NOWHERE, 0, 0, 0));
	result("memory: current, domain 0's", memory(3, 0, 0, 0, 0, 0));
	result("memory: current, domain 77's", memory(3, 77, 0, 0, 0, 0));
	result("memory: current | 64", memory(3 | 64, SELF, 0, 0, 0, 0));
	result("memory: maximum is enough", memory(4, SELF, 0, 0, 0, 0) >= now);
	list[0] = old;
	result("memory: decrease, mapped", memory(1, (u32)list, 1, 0, 0, SELF));
	result("memory: it is there still", memory(3, SELF, 0, 0, 0, 0) - now);
	result("memory: unmapped", map(c, 0, 0, 2));
	result("memory: it is gone", memory(3, SELF, 0, 0, 0, 0) - now);
	result("memory: mapped again", map(c, old * PAGE + RW, 0, 2) < 0);
	list[0] = (u32)c / PAGE;
	result("memory: populate", memory(6, (u32)list, 1, 0, 0, SELF));
	u32 fresh = list[0];
	result("memory: it is back", memory(3, SELF, 0, 0, 0, 0) - now);
	result("memory: M2P of it", ((u32 *)0xf5800000)[fresh] == (u32)c / PAGE);
	p2m[(u32)c / PAGE] = fresh;
	result("memory: mapped", map(c, fresh * PAGE + RW, 0, 2));
	list[0] = 0x3fffffff;
	result("memory: decrease, none of its own", memory(1, (u32)list, 1, 0, 0, SELF));
	result("memory: decrease, order 10", memory(1, (u32)list, 1, 10, 0, SELF));
	result("memory: populate, order 10", memory(6, (u32)list, 1, 10, 0, SELF));
	result("memory: populate, 12 bits", memory(6, (u32)list, 1, 0, 12, SELF));
	result("memory: populate on demand", memory(6, (u32)list, 1, 0, 1 << 16, SELF));
	result("memory: decrease, domain 0's", memory(1, (u32)list, 1, 0, 0, 0));
	result("memory: decrease, of nowhere", hypercall(MEMORY_OP, 1, NOWHERE, 0, 0, 0));
	result("memory: decrease from 3, of nowhere", hypercall(MEMORY_OP, 1 | 3 << 6, NOWHERE, 0, 0, 0));
	result("memory: add to physmap", memory(7, SELF, 0, 0, 100, 0));
	result("memory: add to physmap, domain 77's", memory(7, 77, 0, 0, 100, 0));
	result("memory: remove from physmap", memory(15, SELF, 100, 0, 0, 0));
	result("memory: machine's map", memory(10, 4, (u32)list, 0, 0, 0));
	result("memory: map of nowhere", hypercall(MEMORY_OP, 9, NOWHERE, 0, 0, 0));
	result("memory: vnuma", memory(26, SELF, 0, 0, 0, 0));
	result("memory: claim", memory(24, 0, 0, 0, 0, SELF));
	result("memory: operation 63", memory(63, 0, 0, 0, 0, 0));
	result("memory: machphys mapping", memory(12, 0, 0, 0, 0, 0));
	result("memory: its start", arguments[0] == 0xf5800000);
	result("memory: its end", arguments[1] == 0xf6800000);
	result("memory: its entries", arguments[2]);
	result("memory: machphys list", memory(5, 1, (u32)list, 0, 0, 0));
	result("memory: its length", arguments[2]);
	result("memory: exchange of nowhere", hypercall(MEMORY_OP, 11, NOWHERE, 0, 0, 0));
	for (u32 i = 0; i < 11; i++) arguments[i] = 0;
	arguments[0] = (u32)list; arguments[1] = 1; arguments[4] = SELF;
	arguments[5] = (u32)list; arguments[6] = 2; arguments[9] = SELF;
	result("memory: exchange, sizes differ", hypercall(MEMORY_OP, 11, (u32)arguments, 0, 0, 0));
	arguments[6] = 1;
	list[0] = mfn(pages[4]);
	result("memory: exchange, mapped", hypercall(MEMORY_OP, 11, (u32)arguments, 0, 0, 0));
	result("memory: exchanged", arguments[10]);
	arguments[4] = arguments[9] = 77;
	result("memory: exchange, domain 77's", hypercall(MEMORY_OP, 11, (u32)arguments, 0, 0, 0));
}

static int grant(u32 op, u32 at, u32 flags, u32 ref, u32 dom)
{
	u32 *w = arguments;
	w[0] = at; w[1] = 0; w[2] = flags; w[3] = ref; w[4] = dom; w[5] = w[6] = w[7] = 0;
	int answer = hypercall(GRANT_TABLE_OP, op, (u32)w, 1, 0, 0);
	return answer ? answer : op == 0 ? (int)w[4] >> 16 : (int)(w[5] << 16) >> 16;
}

static void grants(void)
{
	u32 *table = (u32 *)pages[5];
	u8 *here = pages[6];
	u32 *w = arguments;
	w[0] = SELF; w[1] = 1; w[2] = 0; w[3] = (u32)list;
	result("grants: set up", hypercall(GRANT_TABLE_OP, 2, (u32)w, 1, 0, 0));
	result("grants: status", (short)w[2]);
	result("grants: its frame", map(table, list[0] * PAGE + RW, 0, 2));
	result("grants: set up 65 frames", (w[0] = SELF, w[1] = 65000, hypercall(GRANT_TABLE_OP, 2, (u32)w, 1, 0, 0)));
	result("grants: two structures", hypercall(GRANT_TABLE_OP, 2, (u32)w, 2, 0, 0));
	result("grants: of nowhere", hypercall(GRANT_TABLE_OP, 0, NOWHERE, 1, 0, 0));
	result("grants: map, neither way", grant(0, (u32)here, 0, 9, SELF));
	result("grants: map, domain 77's", grant(0, (u32)here, 2, 9, 77));
	result("grants: map, reference out of range", grant(0, (u32)here, 2, 0x7fffffff, SELF));
	result("grants: map, empty entry", grant(0, (u32)here, 2, 9, SELF));
	table[18] = 1 | 77 << 16;
	table[19] = mfn(pages[7]);
	result("grants: map, granted to another", grant(0, (u32)here, 2, 9, SELF));
	result("grants: unmap, handle 1000", grant(1, (u32)here, 0, 1000, 0));
	w[0] = mfn(pages[7]); w[1] = SELF; w[2] = address_of(l3) / PAGE; w[3] = SELF; w[4] = 16; w[5] = 0;
	result("grants: copy over a table", (hypercall(GRANT_TABLE_OP, 5, (u32)w, 1, 0, 0), (short)w[5]));
	w[0] = 0x3fffffff; w[2] = mfn(pages[7]); w[4] = 16; w[5] = 0;
	result("grants: copy from nowhere", (hypercall(GRANT_TABLE_OP, 5, (u32)w, 1, 0, 0), (short)w[5]));
	w[0] = mfn(pages[7]); w[4] = 5000; w[5] = 0;
	result("grants: copy too much", (hypercall(GRANT_TABLE_OP, 5, (u32)w, 1, 0, 0), (short)w[5]));
	result("grants: operation 99", hypercall(GRANT_TABLE_OP, 99, (u32)w, 1, 0, 0));
	result("grants: version 3", (w[0] = 3, hypercall(GRANT_TABLE_OP, 8, (u32)w, 1, 0, 0)));
}

static void processor(void)
{
	u8 *d = pages[8];
	result("gdt: 15 frames", hypercall(SET_GDT, (u32)list, 7169, 0, 0, 0));
	list[0] = 0x3fffffff;
	result("gdt: frame out of range", hypercall(SET_GDT, (u32)list, 8, 0, 0, 0));
	list[0] = mfn(d);
	result("gdt: a writable frame", hypercall(SET_GDT, (u32)list, 8, 0, 0, 0));
	zero(d);
	protect(d, RO);
	result("gdt: a frame", hypercall(SET_GDT, (u32)list, 8, 0, 0, 0));
	result("gdt: writable now", protect(d, RW));
	result("gdt: list nowhere", hypercall(SET_GDT, NOWHERE, 8, 0, 0, 0));
	result("descriptor: unaligned", hypercall(UPDATE_DESCRIPTOR, machine(d) + 4, 0, 0, 0, 0));
	result("descriptor: code, level 0", hypercall(UPDATE_DESCRIPTOR, machine(d) + 8, 0, 0xffff, 0x00cf9b00, 0));
	result("descriptor: its level", ((u32 *)d)[3] >> 13 & 3);
	result("descriptor: a gate of level 3 to level 0", hypercall(UPDATE_DESCRIPTOR, machine(d) + 16, 0, 8 << 16, 0xec00, 0));
	result("descriptor: a task state", hypercall(UPDATE_DESCRIPTOR, machine(d) + 24, 0, 0x67, 0x8900, 0));
	result("descriptor: of a table", hypercall(UPDATE_DESCRIPTOR, address_of(l3), 0, 0, 0, 0));
	result("descriptor: out of range", hypercall(UPDATE_DESCRIPTOR, 0, 0x100, 0, 0, 0));
	result("gdt: none", hypercall(SET_GDT, 0, 0, 0, 0, 0));
	result("stack: SS 3", hypercall(STACK_SWITCH, 3, (u32)d, 0, 0, 0));
	result("stack: Xen's", hypercall(STACK_SWITCH, 0xe021, (u32)d, 0, 0, 0));
	result("callbacks", hypercall(SET_CALLBACKS, 0xe019, 0, 0xe019, 0, 0));
	result("taskswitch", hypercall(FPU_TASKSWITCH, 0, 0, 0, 0, 0));
	result("traps: of nowhere", hypercall(SET_TRAP_TABLE, NOWHERE, 0, 0, 0, 0));
	result("traps: none", hypercall(SET_TRAP_TABLE, 0, 0, 0, 0, 0));
	result("debugreg 4", hypercall(SET_DEBUGREG, 4, 0, 0, 0, 0));
	result("debugreg 8", hypercall(SET_DEBUGREG, 8, 0, 0, 0, 0));
	result("debugreg 0 of the hypervisor's", hypercall(SET_DEBUGREG, 0, 0xf5800000, 0, 0, 0));
	result("assist 99", hypercall(VM_ASSIST, 0, 99, 0, 0, 0));
	result("assist 2, command 2", hypercall(VM_ASSIST, 2, 2, 0, 0, 0));
	result("assist 2", hypercall(VM_ASSIST, 0, 2, 0, 0, 0));
	result("assist 4", hypercall(VM_ASSIST, 0, 4, 0, 0, 0));
	result("assist 32", hypercall(VM_ASSIST, 0, 32, 0, 0, 0));
}

/* Writes to page tables that are mapped read-only. */
static void writes(void)
{
	static const struct { u8 vector, flags; u16 cs; u32 address; } traps[] = { { 14, 0, 0xe019, (u32)page_fault }, { 0 } };
	u8 *a = pages[9], *b = pages[10], *plain = pages[11];
	u64 *l2 = table_of(l3[0]);
	u32 *entry = (u32 *)a + 8, own = machine(b), top = address_of(l3);
	zero(a);
	entry[0] = own + RW;
	protect(a, RO);
	protect(plain, RO);
	result("traps", hypercall(SET_TRAP_TABLE, (u32)traps, 0, 0, 0, 0));
	result("write: pinned", ext(0, mfn(a)));
	result("write: without the assist", (hypercall(VM_ASSIST, 1, 2, 0, 0, 0), try(entry, own + RO)));
	result("write: is it as it was", entry[0] == own + RW);
	result("write: the assist", hypercall(VM_ASSIST, 0, 2, 0, 0, 0));
	result("write: a plain page", try((u32 *)plain, 1));
	result("write: a table at the top", try((u32 *)l3 + 2, own + 1));
	result("write: a directory", try((u32 *)(l2 + 300), own + 1));
	result("write: the M2P table", try((u32 *)0xf5800000, 1));
	result("write: read-only", try(entry, own + RO));
	result("write: it is", entry[0] == own + RO);
	result("write: a table, writable", try(entry, top + RW));
	result("write: a table, read-only", try(entry, top + RO));
	result("write: caching attributes", try(entry, own + 0x71));
	result("write: caching attributes, done", entry[0] == own + 0x71);
	result("write: large", try(entry, own + 0xe1));
	result("write: large, done", entry[0] == own + 0xe1);
	result("write: nothing", try(entry, 0));
	result("write: upper half first, out of range", try(entry + 1, 0x1000));
	result("write: lower half then", try(entry, own + RW));
	result("write: upper half", try(entry + 1, 0));
	result("write: whole now", (try(entry, own + RW), entry[0] == own + RW && entry[1] == 0));
	result("write: upper half out of range", try(entry + 1, 0x1000));
	result("write: what becomes of the lower", entry[0] == own + RW - 1);
	result("write: and back", (try(entry + 1, 0), try(entry, own + RW)));
	result("write: unaligned", try((u32 *)((u8 *)entry + 2), 0xffff0000));
	result("write: CMPXCHG8B", try8((u64 *)entry, own + RW, own + RO));
	result("write: CMPXCHG8B that does not match", try8((u64 *)entry, own + RW, own + RW));
	result("write: CMPXCHG8B of a table, writable", try8((u64 *)entry, own + RO, top + RW));
	result("write: as it was", entry[0] == own + RO);
	result("write: a page of b's as a table", (protect(b, RO), ext(0, mfn(b))));
	result("write: b, writable", try(entry, own + RW));
	result("write: unpin b", ext(4, mfn(b)));
	result("write: b, writable now", try(entry, own + RW));
	result("write: gone", try(entry, 0));
	protect(b, RW);
	result("write: unpinned", ext(4, mfn(a)));
	result("write: no table any more", try(entry, 0));
	protect(a, RW);
	protect(plain, RW);
}

static void others(void)
{
	result("sched_op 99", hypercall(SCHED_OP, 99, (u32)arguments, 0, 0, 0));
	result("sched_op poll of nowhere", hypercall(SCHED_OP, 3, NOWHERE, 0, 0, 0));
	result("sched_op_compat 3", hypercall(SCHED_OP_COMPAT, 3, 0, 0, 0, 0));
	result("event_channel_op 99", hypercall(EVENT_CHANNEL_OP, 99, (u32)arguments, 0, 0, 0));
	arguments[0] = 2000;
	result("event_channel_op send 2000", hypercall(EVENT_CHANNEL_OP, 4, (u32)arguments, 0, 0, 0));
	result("event_channel_op send of nowhere", hypercall(EVENT_CHANNEL_OP, 4, NOWHERE, 0, 0, 0));
	result("xen_version 99", hypercall(XEN_VERSION, 99, (u32)list, 0, 0, 0));
	result("xen_version features of nowhere", hypercall(XEN_VERSION, 6, NOWHERE, 0, 0, 0));
	result("vcpu_op is_up, 0", hypercall(VCPU_OP, 3, 0, 0, 0, 0));
	result("vcpu_op is_up, 5", hypercall(VCPU_OP, 3, 5, 0, 0, 0));
	result("vcpu_op 99", hypercall(VCPU_OP, 99, 0, 0, 0, 0));
	result("nmi_op 99", hypercall(NMI_OP, 99, 0, 0, 0, 0));
	result("callback_op 99", hypercall(CALLBACK_OP, 99, (u32)arguments, 0, 0, 0));
	arguments[0] = 4;
	result("physdev_op set_iopl 4", hypercall(PHYSDEV_OP, 6, (u32)arguments, 0, 0, 0));
	arguments[0] = 1;
	result("physdev_op set_iopl 1", hypercall(PHYSDEV_OP, 6, (u32)arguments, 0, 0, 0));
	result("physdev_op 99", hypercall(PHYSDEV_OP, 99, (u32)arguments, 0, 0, 0));
	result("set_segment_base", hypercall(SET_SEGMENT_BASE, 0, 0, 0, 0, 0));
	result("xsm_op", hypercall(XSM_OP, 0, 0, 0, 0, 0));
	result("platform_op of nowhere", hypercall(PLATFORM_OP, NOWHERE, 0, 0, 0, 0));
	result("hvm_op get_param of nowhere", hypercall(HVM_OP, 1, NOWHERE, 0, 0, 0));
	result("sysctl of nowhere", hypercall(SYSCTL, NOWHERE, 0, 0, 0, 0));
	result("domctl of nowhere", hypercall(DOMCTL, NOWHERE, 0, 0, 0, 0));
	result("hypercall 11", hypercall(11, 0, 0, 0, 0, 0));
	result("hypercall 63", hypercall(63, 0, 0, 0, 0, 0));
	result("hypercall 1000", hypercall(1000, 0, 0, 0, 0, 0));
	result("multicall of nowhere", hypercall(MULTICALL, NOWHERE, 1, 0, 0, 0));
	arguments[0] = MULTICALL;
	arguments[8] = 99;
	result("multicall in a multicall", hypercall(MULTICALL, (u32)arguments, 2, 0, 0, 0));
	result("its result", arguments[1]);
	result("the next one's", arguments[9]);
}

void main(u32 *info)
{
	start_info = info;
	p2m = (u32 *)info[68 / 4];
	l3 = (u64 *)info[60 / 4];
	console_port = info[56 / 4];
	hypercall(UPDATE_VA_MAPPING, (u32)pages[23], info[52 / 4] * PAGE + RW, 0, 2, 0);
	console = (struct console *)pages[23];
	say("probe\r\n");
	pins();
	forged();
	updates();
	addresses();
	extended();
	frames();
	grants();
	processor();
	writes();
	others();
	say("end\r\n");
	notify();
	while (console->out_cons != console->out_prod) hypercall(SCHED_OP, 0, 0, 0, 0, 0);
	arguments[0] = 0;
	hypercall(SCHED_OP, 2, (u32)arguments, 0, 0, 0);
}
