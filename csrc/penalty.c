#ifndef real
#include "internal.h"
#include "penalty.h"
#define EACH_REAL "penalty.c"
#include "each_real.h"
#else

static double FN(penalty_core)(const real *w, double l1, double l2, isize n)
{
    double absolute = 0, squares = 0;
    #pragma omp simd reduction(+:absolute, squares)
    for (isize i = 0; i < n; i++) {
        const double v = (double)w[i];
        absolute += fabs(v);
        squares += v * v;
    }
    return (l1 ? l1 * absolute : 0) + (l2 ? l2 * squares : 0);
}

isize FN(penalty_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(penalty_forward_args) *a = args;
    (void)ctx;
    return ceil_div(a->n, BLOCK) * (isize)sizeof(double);
}

static void FN(penalty_part)(const void *args, isize start, isize stop)
{
    const FN(penalty_forward_args) *a = args;
    double *block = a->scratch;
    block[start / BLOCK] = FN(penalty_core)(a->w + start, a->l1, a->l2, stop - start);
}
pydl_status FN(penalty_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(penalty_forward_args) *a = args;
    const double *block = a->scratch;
    double total = 0;
    run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(penalty_part), a);
    for (isize b = 0; b < ceil_div(a->n, BLOCK); b++) total += block[b];
    a->value[0] = (real)total;
    return PYDL_OK;
}

static void FN(penalty_back_part)(const void *args, isize start, isize stop)
{
    const FN(penalty_backward_args) *a = args;
    const real by_sign = (real)(a->l1 * (double)a->dvalue[0]), by_value = (real)(2 * a->l2 * (double)a->dvalue[0]), *w = a->w;
    real *dw = a->dw;
    #pragma omp simd
    for (isize i = start; i < stop; i++) {
        const real sign = w[i] > 0 ? by_sign : w[i] < 0 ? -by_sign : 0;
        dw[i] = sign + by_value * w[i];
    }
}

pydl_status FN(penalty_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(penalty_backward_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(penalty_back_part), a);
}

/* Columns `count` <= 64 of (d, inner), their norms in double. */
static void FN(constrain_columns)(const FN(constrain_norm_args) *a, real *w, isize count)
{
    double squares[64] = { 0 };
    real scale[64];
    for (isize k = 0; k < a->d; k++)
        for (isize i = 0; i < count; i++) squares[i] += (double)w[k * a->inner + i] * (double)w[k * a->inner + i];
    for (isize i = 0; i < count; i++) {
        const double norm = sqrt(squares[i]), wanted = fmin(fmax(norm, a->low), a->high);
        scale[i] = (real)((a->rate * wanted + (1 - a->rate) * norm) / (norm + 1e-7));
    }
    for (isize k = 0; k < a->d; k++)
        for (isize i = 0; i < count; i++) w[k * a->inner + i] *= scale[i];
}

static void FN(constrain_part)(const void *args, isize start, isize stop)
{
    const FN(constrain_norm_args) *a = args;
    const isize blocks = ceil_div(a->inner, 64);
    for (isize t = start; t < stop; t++) {
        const isize at = t % blocks * 64;
        FN(constrain_columns)(a, a->w + t / blocks * a->d * a->inner + at, min_isize(64, a->inner - at));
    }
}
pydl_status FN(constrain_norm)(const pydl_ctx *ctx, const void *args)
{
    const FN(constrain_norm_args) *a = args;
    return run_parts(ctx, a->outer * a->d * a->inner > PARALLEL_MIN, a->outer * ceil_div(a->inner, 64), 1, FN(constrain_part), a);
}

pydl_status FN(constrain_non_negative)(const pydl_ctx *ctx, const void *args)
{
    const FN(constrain_non_negative_args) *a = args;
    (void)ctx;
    for (isize i = 0; i < a->n; i++) a->w[i] = a->w[i] < 0 ? 0 : a->w[i];
    return PYDL_OK;
}
#endif
