/* System calls, by INT 0x80: number in EAX, arguments in EBX, ECX, EDX, result in EAX. Numbers are Linux's where it has them. */
#include "desc.h"
#include "kernel.h"
#include "paravirt.h"
#include "sched.h"

#define SYS_exit 1
#define SYS_fork 2
#define SYS_write 4
#define SYS_waitpid 7
#define SYS_times 43
#define SYS_getpid 20
#define SYS_iopl 110
#define SYS_sched_yield 158
#define SYS_nanosleep 162

#define LINE_MAX 256

/* Copies from user space, or faults the user's pages in; nonzero where there are none. */
static int copy_from_user(void *to, u32 from, u32 bytes)
{
  int failed = 0;
  u32 d0, d1, d2;
  if (from + bytes < from || from + bytes > PAGE_OFFSET)
    return -EFAULT;
  asm volatile("1: rep movsb\n2:\n"
               ".pushsection .text.fixup, \"ax\"\n3: movl $1, %0\njmp 2b\n.popsection\n"
               ".pushsection __ex_table, \"a\"\n.long 1b, 3b\n.popsection"
               : "+r"(failed), "=&c"(d0), "=&D"(d1), "=&S"(d2)
               : "1"(bytes), "2"(to), "3"(from)
               : "memory");
  return failed ? -EFAULT : 0;
}

static int put_user(u32 to, u32 value)
{
  int failed = 0;
  if (to > PAGE_OFFSET - 4)
    return -EFAULT;
  asm volatile("1: movl %1, (%2)\n2:\n"
               ".pushsection .text.fixup, \"ax\"\n3: movl $1, %0\njmp 2b\n.popsection\n"
               ".pushsection __ex_table, \"a\"\n.long 1b, 3b\n.popsection"
               : "+r"(failed)
               : "r"(value), "r"(to)
               : "memory");
  return failed ? -EFAULT : 0;
}

/* A line at a time, so that the lines of two processes do not mix. */
static int sys_write(u32 fd, u32 from, u32 bytes)
{
  char line[LINE_MAX];
  if (fd != 1 && fd != 2)
    return -EINVAL;
  for (u32 done = 0; done < bytes;) {
    u32 n = bytes - done < LINE_MAX ? bytes - done : LINE_MAX;
    if (copy_from_user(line, from + done, n))
      return -EFAULT;
    u32 flags = save_fl();
    irq_disable();
    for (u32 i = 0; i < n; i++)
      printk("%c", line[i]);
    restore_fl(flags);
    done += n;
  }
  return bytes;
}

static int sys_waitpid(int pid, u32 status)
{
  int code, got = wait_task(pid, &code);
  if (got > 0 && status && put_user(status, code))
    return -EFAULT;
  return got;
}

/* The level is in the saved flags, for the return to the user, and with the op, for who keeps it elsewhere. */
static int sys_iopl(struct pt_regs *regs, u32 level)
{
  if (level > 3)
    return -EINVAL;
  regs->eflags = (regs->eflags & ~0x3000u) | level << 12;
  current->thread.iopl = level;
  set_iopl_mask(level << 12);
  return 0;
}

void syscall(struct pt_regs *regs)
{
  irq_enable();
  switch (regs->eax) {
  case SYS_exit:
    exit_task(regs->ebx);
  case SYS_fork:
    regs->eax = fork_task(regs);
    break;
  case SYS_write:
    regs->eax = sys_write(regs->ebx, regs->ecx, regs->edx);
    break;
  case SYS_waitpid:
    regs->eax = sys_waitpid(regs->ebx, regs->ecx);
    break;
  case SYS_getpid:
    regs->eax = current->pid;
    break;
  case SYS_times:
    regs->eax = jiffies;
    break;
  case SYS_iopl:
    regs->eax = sys_iopl(regs, regs->ebx);
    break;
  case SYS_sched_yield:
    regs->eax = 0;
    schedule();
    break;
  case SYS_nanosleep:
    regs->eax = 0;
    sleep_ticks(regs->ebx);
    break;
  default:
    regs->eax = -ENOSYS;
  }
}

#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

/* SYSEXIT goes from ring 0 to ring 3, so only a kernel in ring 0 can use the pair. */
void sysenter_init(void)
{
  if (!cpu_has(FEATURE_SEP) || kernel_rpl())
    return;
  write_msr(MSR_SYSENTER_CS, KERNEL_CS);
  write_msr(MSR_SYSENTER_ESP, (u32)&tss);
  write_msr(MSR_SYSENTER_EIP, (u32)sysenter_entry);
}
