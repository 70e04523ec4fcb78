#ifndef real
#include "internal.h"
#include "philox.h"
#include "dropout.h"

/* An element stays if its word is at least this. */
static inline uint32_t dropout_threshold(double rate)
{
    const double t = rate * 0x1p32;
    return t >= 0x1p32 - 1 ? UINT32_MAX : (uint32_t)(t + 0.5);
}

#define EACH_REAL "dropout.c"
#include "each_real.h"
#else

static void FN(dropout_core)(const real *x, const uint32_t *words, uint32_t threshold, real scale, isize n, real *y, uint8_t *mask)
{
    #pragma omp simd
    for (isize i = 0; i < n; i++) {
        y[i] = words[i] >= threshold ? x[i] * scale : 0;
        mask[i] = words[i] >= threshold;
    }
}

/* PHILOX_WORDS elements, or the last ones. */
static void FN(dropout_part)(const void *args, isize start, isize stop)
{
    const FN(dropout_forward_args) *a = args;
    uint32_t words[PHILOX_WORDS];
    philox_group(a->stream[0], a->stream[1], (uint64_t)(start / PHILOX_WORDS), words);
    FN(dropout_core)(a->x + start, words, dropout_threshold(a->rate), (real)(1 / (1 - a->rate)), stop - start, a->y + start, a->mask + start);
}
pydl_status FN(dropout_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(dropout_forward_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, PHILOX_WORDS, FN(dropout_part), a);
}

static void FN(dropout_back_part)(const void *args, isize start, isize stop)
{
    const FN(dropout_backward_args) *a = args;
    const real *dy = a->dy, scale = (real)(1 / (1 - a->rate));
    const uint8_t *mask = a->mask;
    real *dx = a->dx;
    #pragma omp simd
    for (isize i = start; i < stop; i++) dx[i] = mask[i] ? dy[i] * scale : 0;
}

pydl_status FN(dropout_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(dropout_backward_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(dropout_back_part), a);
}

static void FN(noise_part)(const void *args, isize start, isize stop)
{
    const FN(dropout_noise_args) *a = args;
    const uint32_t threshold = dropout_threshold(a->rate);
    const real scale = (real)(1 / (1 - a->rate));
    uint32_t words[PHILOX_WORDS];
    philox_group(a->stream[0], a->stream[1], (uint64_t)(start / PHILOX_WORDS), words);
    for (isize i = 0; i < stop - start; i++) a->noise[start + i] = words[i] >= threshold ? scale : 0;
}
pydl_status FN(dropout_noise)(const pydl_ctx *ctx, const void *args)
{
    const FN(dropout_noise_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, PHILOX_WORDS, FN(noise_part), a);
}
#endif
