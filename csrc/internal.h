/* Loop helpers for kernel files. */
#ifndef PYDL_INTERNAL_H
#define PYDL_INTERNAL_H

#include <math.h>
#include <string.h>
#include "pydl.h"
#include "each_real.h"

/* Elements a thread takes at a time.  A multiple of every vector width, small enough to stay in L1/L2. */
#define BLOCK ((isize)4096)
/* Below this many elements of simple work, waking a second thread costs more than it saves. */
#define PARALLEL_MIN ((isize)32768)

static inline isize min_isize(isize a, isize b) { return a < b ? a : b; }
static inline isize max_isize(isize a, isize b) { return a > b ? a : b; }
static inline isize ceil_div(isize a, isize b) { return (a + b - 1) / b; }
#endif
