/**
 * The C program that executes single x87 and SIMD instructions on the host processor for the comparison tests, and the
 * layout of its input and output. It reads cases from standard input, builds for each a few bytes of machine code
 * around the instruction under test (64-bit mode, where these instructions act as in 32-bit mode), runs them, and writes what the processor left.
 *
 * A case: 16 bytes of code (zero-padded) with its length in byte 15, EFLAGS, EAX, ECX, EDX, a 512-byte state image
 * (FSAVE's 108 bytes, or FXSAVE's), 128 bytes of memory at which EBX points. A result: trap number or −1, EFLAGS, EAX,
 * ECX, EDX, image, memory.
 */
export const CASE_SIZE = 16 + 16 + 512 + 128
export const RESULT_SIZE = 4 + 16 + 512 + 128

/** One instruction with its surroundings. */
export interface NativeCase {
  readonly code: readonly number[]
  readonly eflags: number
  /** EAX, ECX, EDX. */
  readonly gpr: readonly [number, number, number]
  readonly image: Uint8Array
  readonly memory: Uint8Array
}

/** What the processor left. */
export interface NativeResult {
  /** Exception vector, or -1. */
  readonly trap: number
  readonly eflags: number
  readonly gpr: readonly [number, number, number]
  readonly image: Uint8Array
  readonly memory: Uint8Array
}

/** Cases as the program reads them. */
export function encodeCases(cases: readonly NativeCase[]): Uint8Array {
  const out = new Uint8Array(cases.length * CASE_SIZE)
  const view = new DataView(out.buffer)
  cases.forEach((c, n) => {
    const at = n * CASE_SIZE
    out.set(c.code, at)
    out[at + 15] = c.code.length
    view.setUint32(at + 16, c.eflags, true)
    c.gpr.forEach((value, i) => {
      view.setUint32(at + 20 + 4 * i, value, true)
    })
    out.set(c.image, at + 32)
    out.set(c.memory, at + 544)
  })
  return out
}

/** Result number n of the program's output. */
export function decodeResult(output: Uint8Array, n: number): NativeResult {
  const at = n * RESULT_SIZE
  const view = new DataView(output.buffer, output.byteOffset + at, RESULT_SIZE)
  return {
    trap: view.getInt32(0, true),
    eflags: view.getUint32(4, true),
    gpr: [view.getUint32(8, true), view.getUint32(12, true), view.getUint32(16, true)],
    image: output.subarray(at + 20, at + 532),
    memory: output.subarray(at + 532, at + 660),
  }
}

/** C source, for gcc on an x86-64 Linux host; the program's first argument is `x87` or `simd`. */
export const NATIVE_SOURCE: string = String.raw`
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
`
