/*
 * Runs the cases, in oldguest's place of its self-check: through the table first, again when ops have been registered
 * (`register` on the command line), and again when the sites are patched.
 *
 * A line before each case and one after it, so that a case that ends the guest has a name too:
 *   conformance: PHASE: case N: TITLE
 *   conformance: PHASE: ok N | refused N: WHY | FAILED N: WHY
 *   conformance: PHASE: done
 * `table=N`, `registered=N` and `patched=N` on the command line begin a phase with case N: what comes after one that did not come back.
 * `last=N` ends all after case N.
 */
#include "case.h"

static const char *note;

enum verdict failed(const char *why)
{
  note = why;
  return FAILED;
}

enum verdict refused(const char *why)
{
  note = why;
  return REFUSED;
}

/* What a case that failed half-way may have left behind. */
static void tidy(void)
{
  irq_enable();
  load_kernel_space();
  set_fixmap(FIX_CHECK, 0);
  set_fixmap(FIX_CHECK2, 0);
  page_a[0] = WORD_A;
  page_b[0] = WORD_B;
}

static enum verdict run_one(const struct op_case *c)
{
  if (c->slot > PARAVIRT_SLOT(name) && !((u32 *)&paravirt_ops)[c->slot])
    return failed("the slot is empty");
  return c->run();
}

static u32 number_after(const char *name, u32 otherwise)
{
  const char *value = option_value(name);
  return value ? parse_number(value, NULL) : otherwise;
}

/* oldguest's titles end with what has happened before: nothing yet, the registration call, the patcher. */
static const char *phase_of(const char *title, int full)
{
  static const char registered[] = "registered";
  u32 length = strlen(title), n = sizeof registered - 1;
  if (full)
    return "table";
  return length > n && !strncmp(title + length - n, registered, n) ? registered : "patched";
}

void selfcheck(const char *title, int full)
{
  const char *phase = phase_of(title, full);
  u32 last = number_after("last", __stop_cases - __start_cases - 1);
  page_a = page_alloc();
  page_b = page_alloc();
  tidy();
  for (u32 n = number_after(phase, 0); n <= last; n++) {
    const struct op_case *c = &__start_cases[n];
    printk("conformance: %s: case %u: %s\n", phase, n, c->title);
    enum verdict v = run_one(c);
    tidy();
    if (v == OK)
      printk("conformance: %s: ok %u\n", phase, n);
    else
      printk("conformance: %s: %s %u: %s\n", phase, v == REFUSED ? "refused" : "FAILED", n, note);
  }
  page_put(virt_to_pfn(page_a));
  page_put(virt_to_pfn(page_b));
  printk("conformance: %s: done\n", phase);
}
