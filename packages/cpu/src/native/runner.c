/*
 * Runs instruction sequences on the host processor: for each test on stdin it sets registers, flags and memory, runs
 * the code up to an int3 (or a fault), and writes what the processor left. Built by the tests with gcc -m32.
 *
 * Everything goes through signal frames: SIGUSR1's handler replaces the interrupted context by the test's, the trap's
 * handler reads the context and puts the saved one back.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/ldt.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x20000000u
#define CODE_SIZE 0x2000u
#define DATA 0x10000000u
#define DATA_SIZE 0x2000u
/* Readable but not writable; between it and the data nothing is mapped. */
#define READ_ONLY (DATA + 0x3000u)

struct input {
  uint32_t length;
  uint8_t code[64];
  uint32_t regs[8]; /* eax ecx edx ebx esp ebp esi edi */
  uint32_t eflags;
  uint32_t offset; /* of the code in its page */
  uint32_t seed;
  uint32_t fs; /* 0: null, 1: a segment of 2 KB at the data, 2: one that expands down to that limit */
};
struct output {
  uint32_t regs[8];
  uint32_t eflags, eip, vector, error, cr2, hash;
};

static ucontext_t saved;
static struct input in;
static struct output out;
static int selectors[3];
static const int order[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};

static void start(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)info;
  ucontext_t *uc = context;
  memcpy(&saved, uc, sizeof saved);
  for (int i = 0; i < 8; i++) uc->uc_mcontext.gregs[order[i]] = in.regs[i];
  uc->uc_mcontext.gregs[REG_EFL] = in.eflags;
  uc->uc_mcontext.gregs[REG_EIP] = CODE + in.offset;
  uc->uc_mcontext.gregs[REG_FS] = selectors[in.fs];
}

static void finish(int sig, siginfo_t *info, void *context) {
  /* AC is the test's own: the compiler's code need not be aligned. */
  __asm__ volatile("pushfl; andl $~0x40000, (%%esp); popfl" ::: "cc", "memory");
  (void)sig, (void)info;
  ucontext_t *uc = context;
  for (int i = 0; i < 8; i++) out.regs[i] = uc->uc_mcontext.gregs[order[i]];
  out.eflags = uc->uc_mcontext.gregs[REG_EFL];
  out.eip = uc->uc_mcontext.gregs[REG_EIP];
  out.vector = uc->uc_mcontext.gregs[REG_TRAPNO];
  out.error = uc->uc_mcontext.gregs[REG_ERR];
  out.cr2 = out.vector == 14 ? uc->uc_mcontext.cr2 : 0;
  memcpy(uc->uc_mcontext.gregs, saved.uc_mcontext.gregs, sizeof saved.uc_mcontext.gregs);
}

/* A data segment at the data, of 0x800 bytes; its selector, or 0 where the kernel gives none. */
static int make_segment(int expand_down) {
  struct user_desc d = {
      .entry_number = -1, .base_addr = DATA, .limit = 0x7ff, .seg_32bit = 1, .contents = expand_down, .useable = 1};
  return syscall(SYS_set_thread_area, &d) == 0 ? (int)d.entry_number * 8 + 3 : 0;
}

int main(void) {
  const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  uint8_t *code = mmap((void *)CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, fixed, -1, 0);
  uint32_t *data = mmap((void *)DATA, DATA_SIZE, PROT_READ | PROT_WRITE, fixed, -1, 0);
  uint32_t *fixture = mmap((void *)READ_ONLY, 0x1000, PROT_READ | PROT_WRITE, fixed, -1, 0);
  if (code == MAP_FAILED || data == MAP_FAILED || fixture == MAP_FAILED) return 2;
  for (uint32_t i = 0; i < 0x400; i++) fixture[i] = i * 0x01010101u;
  mprotect(fixture, 0x1000, PROT_READ);
  selectors[1] = make_segment(0);
  selectors[2] = make_segment(1);
  if (selectors[1] == 0 || selectors[2] == 0) return 3;
  static uint8_t alternate[65536];
  stack_t ss = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&ss, NULL);
  struct sigaction sa = {.sa_sigaction = start, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &sa, NULL);
  sa.sa_sigaction = finish;
  sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
  int traps[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS};
  for (unsigned i = 0; i < sizeof traps / sizeof *traps; i++) sigaction(traps[i], &sa, NULL);
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    uint32_t x = in.seed;
    for (uint32_t i = 0; i < DATA_SIZE / 4; i++) {
      x ^= x << 13, x ^= x >> 17, x ^= x << 5;
      data[i] = x;
    }
    memset(code, 0xcc, CODE_SIZE);
    memcpy(code + in.offset, in.code, in.length);
    memset(&out, 0, sizeof out);
    /* A signal frame does not restore NT and ID: a test may have left them. */
    __asm__ volatile("pushl $0x202; popfl" ::: "cc", "memory");
    raise(SIGUSR1);
    uint32_t h = 0x811c9dc5;
    for (uint32_t i = 0; i < DATA_SIZE / 4; i++) h = (h ^ data[i]) * 0x01000193;
    out.hash = h;
    fwrite(&out, sizeof out, 1, stdout);
  }
  return 0;
}
