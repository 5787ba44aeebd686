/* The self-check: every op against its meaning (OPS.md). */
#ifndef OLDGUEST_SELFCHECK_H
#define OLDGUEST_SELFCHECK_H

void selfcheck(void);
/* Ends the boot in the way that the command line asks for, if any. */
void fail_on_purpose(void);

#endif
