#include "selfcheck.h"
void selfcheck(void) {}
