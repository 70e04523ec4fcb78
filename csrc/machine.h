/* What the machine can do at most: the yardstick of profiles and benchmarks. */
#ifndef real
#ifndef PYDL_MACHINE_H
#define PYDL_MACHINE_H
#include "pydl.h"
#define EACH_REAL "machine.h"
#include "each_real.h"
#endif
#else

/* rounds multiply-adds in every lane of every accumulator of a register file, on each of ctx->threads threads: nothing but arithmetic.
   total[0] = rounds, so that the work is not left out.  flops[0] = operations done, multiplication and addition counted apart. */
typedef struct { isize rounds; real *total; double *flops; } FN(multiply_add_peak_args);
pydl_status FN(multiply_add_peak)(const pydl_ctx *ctx, const void *args);

#endif
