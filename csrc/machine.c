#ifndef real
#include "internal.h"
#include "simd.h"
#include "machine.h"
/* Most registers hold sums: as many independent chains as keep two multiply-add units busy that take four or five cycles (Zen 2: five; eight chains
   reach 0.8 of what twelve do). */
enum { CHAINS = SIMD_REGISTERS * 3 / 4 };
#define EACH_REAL "machine.c"
#include "each_real.h"
#else

/* A sum of `rounds` ones in each lane of each chain, which start at -0, -1, -2, ..., so that none is another; the largest, in the first lane. */
static real FN(chains)(isize rounds)
{
    FN(vec) sum[CHAINS];
    const FN(vec) one = FN(vset)(1);
    #pragma GCC unroll 24
    for (int c = 0; c < CHAINS; c++) sum[c] = FN(vset)((real)-c);
    for (isize r = 0; r < rounds; r++) {
        #pragma GCC unroll 24
        for (int c = 0; c < CHAINS; c++) sum[c] = FN(vfma)(one, one, sum[c]);
    }
    #pragma GCC unroll 24
    for (int c = 1; c < CHAINS; c++) sum[0] = FN(vmax)(sum[0], sum[c]);
    real lane[FN(LANES)];
    FN(vstore)(lane, sum[0]);
    return lane[0];
}
static void FN(chains_part)(const void *data, isize start, isize stop)
{
    const FN(multiply_add_peak_args) *a = data;
    for (isize t = start; t < stop; t++) {
        const real sum = FN(chains)(a->rounds);
        if (t == 0) a->total[0] = sum;
    }
}
pydl_status FN(multiply_add_peak)(const pydl_ctx *ctx, const void *args)
{
    const FN(multiply_add_peak_args) *a = args;
    run_parts(ctx, 1, ctx->threads, 1, FN(chains_part), a);
    a->flops[0] = 2.0 * (double)a->rounds * CHAINS * FN(LANES) * ctx->threads;
    return PYDL_OK;
}

#endif
