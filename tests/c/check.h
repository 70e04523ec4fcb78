/* What the tests of kernels share: counted failures, and numbers that are the same in every run. */
#ifndef CHECK_H
#define CHECK_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "pydl.h"

#define MAYBE_UNUSED __attribute__((unused))

static int failures = 0;
static uint64_t state = 88172645463325252u;
MAYBE_UNUSED static double random_unit(void)                           /* xorshift: -1 .. 1 */
{
    state ^= state << 13; state ^= state >> 7; state ^= state << 17;
    return (double)(int64_t)state / 9223372036854775808.0;
}
MAYBE_UNUSED static isize random_size(isize low, isize high)           /* low .. high */
{
    return low + (isize)((random_unit() + 1) / 2 * (double)(high - low + 1)) % (high - low + 1);
}
/* Count and tell what is not right, and at which numbers. */
MAYBE_UNUSED static void check(int right, const char *what, long a, long b)
{
    if (right) return;
    failures++;
    if (failures < 20) printf("%s fails at (%ld, %ld)\n", what, a, b);
}
#endif
