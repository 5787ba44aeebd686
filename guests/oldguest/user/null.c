/* Enters the kernel once, in the ordinary way, and ends. */
#include "lib.h"

int main(void) { return getpid() > 0 ? 42 : 1; }
