/* Finding a program in the image. */
#include "kernel.h"
#include "sched.h"

const struct program *program_named(const char *name)
{
  for (const struct program *p = programs; p->name; p++)
    if (!strncmp(p->name, name, strlen(name) + 1)) {
      if (p->image->magic != PROGRAM_MAGIC)
        panic("program %s has a bad header", name);
      return p;
    }
  panic("no program %s", name);
}
