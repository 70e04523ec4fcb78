/* Whole images: units of work are blocks of 64 channels of one image. */
#ifndef real
#include "pool_parts.h"

#define EACH_REAL "pool_global.c"
#include "each_real.h"
#else

enum { FN(global_channels) = 64, FN(global_pixels) = 64 };

static void FN(global_avg_core)(const real *x, isize pixels, isize c, isize count, real *y)
{
    double total[64] = { 0 };
    for (isize start = 0; start < pixels; start += FN(global_pixels)) {
        real sum[64] = { 0 };
        for (isize p = start; p < min_isize(pixels, start + FN(global_pixels)); p++) {
            #pragma omp simd
            for (isize ch = 0; ch < count; ch++) sum[ch] += x[p * c + ch];
        }
        for (isize ch = 0; ch < count; ch++) total[ch] += (double)sum[ch];
    }
    for (isize ch = 0; ch < count; ch++) y[ch] = (real)(total[ch] / (double)pixels);
}

static void FN(global_avg_pool_forward_part)(const void *args, isize start, isize stop)
{
    const FN(global_avg_pool_forward_args) *a = args;
    const isize blocks = ceil_div(a->c, FN(global_channels));
    for (isize i = start; i < stop; i++) {
        const isize b = i / blocks, ch = i % blocks * FN(global_channels);
        FN(global_avg_core)(a->x + b * a->pixels * a->c + ch, a->pixels, a->c, min_isize(FN(global_channels), a->c - ch), a->y + b * a->c + ch);
    }
}

pydl_status FN(global_avg_pool_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_avg_pool_forward_args) *a = args;
    const isize blocks = ceil_div(a->c, FN(global_channels));
    return run_parts(ctx, parallel_rows(a->n * blocks, a->pixels * min_isize(a->c, 64)), a->n * blocks, 1, FN(global_avg_pool_forward_part), a);
}

static void FN(global_avg_pool_backward_part)(const void *args, isize start, isize stop)
{
    const FN(global_avg_pool_backward_args) *a = args;
    const real scale = (real)(1.0 / (double)a->pixels);
    for (isize i = start; i < stop; i++) {
        const real *dy = a->dy + i / a->pixels * a->c;
        real *dx = a->dx + i * a->c;
        for (isize ch = 0; ch < a->c; ch++) dx[ch] = scale * dy[ch];
    }
}

pydl_status FN(global_avg_pool_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_avg_pool_backward_args) *a = args;
    return run_parts(ctx, parallel_rows(a->n * a->pixels, a->c), a->n * a->pixels, ceil_div(BLOCK, max_isize(1, a->c)), FN(global_avg_pool_backward_part), a);
}

static void FN(global_max_core)(const real *x, isize pixels, isize c, isize count, real *y, int32_t *argmax)
{
    real best[64];
    FN(lane_int) where[64];
    for (isize ch = 0; ch < count; ch++) { best[ch] = x[ch]; where[ch] = 0; }
    for (isize p = 1; p < pixels; p++) {
        const real *at = x + p * c;
        #pragma omp simd
        for (isize ch = 0; ch < count; ch++) {
            int beats = !(at[ch] <= best[ch]) & (best[ch] == best[ch]);
            best[ch] = beats ? at[ch] : best[ch];
            where[ch] = beats ? (FN(lane_int))p : where[ch];
        }
    }
    for (isize ch = 0; ch < count; ch++) y[ch] = best[ch];
    if (argmax) for (isize ch = 0; ch < count; ch++) argmax[ch] = (int32_t)where[ch];
}

static void FN(global_max_pool_forward_part)(const void *args, isize start, isize stop)
{
    const FN(global_max_pool_forward_args) *a = args;
    const isize blocks = ceil_div(a->c, FN(global_channels));
    for (isize i = start; i < stop; i++) {
        const isize b = i / blocks, ch = i % blocks * FN(global_channels);
        FN(global_max_core)(a->x + b * a->pixels * a->c + ch, a->pixels, a->c, min_isize(FN(global_channels), a->c - ch),
                            a->y + b * a->c + ch, a->argmax ? a->argmax + b * a->c + ch : NULL);
    }
}

pydl_status FN(global_max_pool_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_max_pool_forward_args) *a = args;
    const isize blocks = ceil_div(a->c, FN(global_channels));
    return run_parts(ctx, parallel_rows(a->n * blocks, a->pixels * min_isize(a->c, 64)), a->n * blocks, 1, FN(global_max_pool_forward_part), a);
}

static void FN(global_max_pool_backward_part)(const void *args, isize start, isize stop)
{
    const FN(global_max_pool_backward_args) *a = args;
    for (isize i = start; i < stop; i++) {
        const isize b = i / a->pixels;
        const int32_t p = (int32_t)(i % a->pixels);
        const real *dy = a->dy + b * a->c;
        const int32_t *argmax = a->argmax + b * a->c;
        real *dx = a->dx + i * a->c;
        for (isize ch = 0; ch < a->c; ch++) dx[ch] = argmax[ch] == p ? dy[ch] : 0;
    }
}

pydl_status FN(global_max_pool_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_max_pool_backward_args) *a = args;
    return run_parts(ctx, parallel_rows(a->n * a->pixels, a->c), a->n * a->pixels, ceil_div(BLOCK, max_isize(1, a->c)), FN(global_max_pool_backward_part), a);
}

#endif
