/* The self-check: every op against its meaning (OPS.md). */
#ifndef OLDGUEST_SELFCHECK_H
#define OLDGUEST_SELFCHECK_H

/* `title` begins each line; only the full report has a line for each group and each refusal. */
void selfcheck(const char *title, int full);
/* Ends the boot in the way that the command line asks for, if any. */
void fail_on_purpose(void);

#endif
