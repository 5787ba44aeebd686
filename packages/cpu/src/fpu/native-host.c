/*
 * Executes single x87 and SIMD instructions for the comparison tests. Reads cases from standard input, builds a few
 * bytes of machine code around the instruction under test, runs them, writes what the processor left. The layout of a
 * case and of a result is in native-program.ts. For gcc on an x86-64 Linux host; the first argument is x87 or simd.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static struct { uint8_t code[16]; uint32_t eflags, gpr[3]; uint8_t image[512], memory[128]; } in;
static struct { int32_t trap; uint32_t eflags, gpr[3]; uint8_t image[512], memory[128]; } out;
static uint8_t image[512] __attribute__((aligned(64)));
static uint8_t memory[256] __attribute__((aligned(64)));
static struct { uint64_t flags; uint32_t gpr[3]; } regs;
static uint8_t *code, *resume;

static void trapped(int sig, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  (void)sig; (void)info;
  out.trap = uc->uc_mcontext.gregs[REG_TRAPNO];
  uc->uc_mcontext.gregs[REG_RIP] = (greg_t)resume;
}

#define PUT(bytes) (memcpy(p, bytes, sizeof bytes - 1), p += sizeof bytes - 1)

int main(int argc, char **argv) {
  int simd = argc > 1 && !strcmp(argv[1], "simd");
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_sigaction = trapped;
  sa.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGFPE, &sa, 0); sigaction(SIGILL, &sa, 0); sigaction(SIGSEGV, &sa, 0); sigaction(SIGBUS, &sa, 0);
  code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return 2;
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    uint8_t *p = code;
    memcpy(image, in.image, 512);
    memcpy(memory, in.memory, 128);
    regs.flags = in.eflags;
    memcpy(regs.gpr, in.gpr, 12);
    /* push rbx; push rbp; rbx = memory (rsi); rbp = regs (rdx); r8 = image (rdi); rdi = memory */
    PUT("\x53\x55\x48\x89\xf3\x48\x89\xd5\x49\x89\xf8\x48\x89\xdf");
    if (simd) PUT("\x41\x0f\xae\x08"); else PUT("\x41\xdd\x20");
    PUT("\xff\x75\x00\x9d\x8b\x45\x08\x8b\x4d\x0c\x8b\x55\x10");
    memcpy(p, in.code, in.code[15]);
    p += in.code[15];
    resume = p;
    PUT("\x89\x45\x08\x89\x4d\x0c\x89\x55\x10\x9c\x8f\x45\x00");
    if (simd) PUT("\x41\x0f\xae\x00"); else PUT("\x41\xdd\x30");
    PUT("\xdb\xe3\x5d\x5b\xc3");
    out.trap = -1;
    ((void (*)(void *, void *, void *))code)(image, memory, &regs);
    out.eflags = regs.flags;
    memcpy(out.gpr, regs.gpr, 12);
    memcpy(out.image, image, 512);
    memcpy(out.memory, memory, 128);
    if (simd) { uint32_t mxcsr = 0x1f80; __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr)); }
    fwrite(&out, sizeof out, 1, stdout);
  }
  return 0;
}
