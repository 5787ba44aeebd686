/* Counts to five, sleeping between, so that others have their turns. */
#include "lib.h"

int main(void)
{
  struct line l = { .length = 0 };
  for (u32 i = 1; i <= 5; i++) {
    put(&l, "counter: ");
    put_number(&l, i);
    end_line(&l);
    sleep_ticks(1);
  }
  return 0;
}
