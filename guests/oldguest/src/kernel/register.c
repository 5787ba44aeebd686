/*
 * Ops on request, with the word `register`: a kernel that has booted by itself asks whoever is underneath for better ops than
 * its own. A CPUID leaf says whether anybody is there, and by which port he is asked; he changes the table.
 */
#include "io.h"
#include "kernel.h"
#include "paravirt.h"

#define REGISTRATION_LEAF 0x40005000
#define REGISTRATION_VERSION 1
#define REGISTER 1
#define REFUSED 0x80000000

void register_ops(void)
{
  u32 last, version, modules, port, unused, signature[3];
  cpuid(REGISTRATION_LEAF, &last, &signature[0], &signature[1], &signature[2]);
  if (memcmp(signature, "ParagraftOps", sizeof signature)) {
    printk("paravirt: nobody has ops to register\n");
    return;
  }
  cpuid(REGISTRATION_LEAF + 1, &version, &modules, &port, &unused);
  if (version != REGISTRATION_VERSION) {
    printk("paravirt: registration of version %u is not understood\n", version);
    return;
  }
  outl(REGISTER, port);
  u32 answer = inl(port);
  if (answer & REFUSED)
    printk("paravirt: registration was refused, reason %u\n", answer & ~REFUSED);
  else
    printk("paravirt: %u modules registered, %u ops replaced\n", modules, answer);
}
