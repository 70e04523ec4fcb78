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

pydl_status FN(dropout_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(dropout_forward_args) *a = args;
    const uint32_t threshold = dropout_threshold(a->rate);
    const real scale = (real)(1 / (1 - a->rate));
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n > PARALLEL_MIN)
    for (isize start = 0; start < a->n; start += PHILOX_WORDS) {
        uint32_t words[PHILOX_WORDS];
        philox_group(a->stream[0], a->stream[1], (uint64_t)(start / PHILOX_WORDS), words);
        FN(dropout_core)(a->x + start, words, threshold, scale, min_isize(PHILOX_WORDS, a->n - start), a->y + start, a->mask + start);
    }
    return PYDL_OK;
}

static void FN(dropout_back_core)(const real *dy, const uint8_t *mask, real scale, isize n, real *dx)
{
    #pragma omp simd
    for (isize i = 0; i < n; i++) dx[i] = mask[i] ? dy[i] * scale : 0;
}

pydl_status FN(dropout_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(dropout_backward_args) *a = args;
    const real scale = (real)(1 / (1 - a->rate));
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n > PARALLEL_MIN)
    for (isize start = 0; start < a->n; start += BLOCK)
        FN(dropout_back_core)(a->dy + start, a->mask + start, scale, min_isize(BLOCK, a->n - start), a->dx + start);
    return PYDL_OK;
}

pydl_status FN(dropout_noise)(const pydl_ctx *ctx, const void *args)
{
    const FN(dropout_noise_args) *a = args;
    const uint32_t threshold = dropout_threshold(a->rate);
    const real scale = (real)(1 / (1 - a->rate));
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n > PARALLEL_MIN)
    for (isize start = 0; start < a->n; start += PHILOX_WORDS) {
        uint32_t words[PHILOX_WORDS];
        philox_group(a->stream[0], a->stream[1], (uint64_t)(start / PHILOX_WORDS), words);
        for (isize i = 0; i < min_isize(PHILOX_WORDS, a->n - start); i++) a->noise[start + i] = words[i] >= threshold ? scale : 0;
    }
    return PYDL_OK;
}
#endif
