#ifndef real
#include "internal.h"
#include "activation.h"
#define EACH_REAL "activation.c"
#include "each_real.h"
#else

static void FN(leaky_relu_core)(const real *x, real slope, real *y, isize n)
{
    for (isize i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

pydl_status FN(leaky_relu_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(leaky_relu_forward_args) *a = args;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n > PARALLEL_MIN)
    for (isize start = 0; start < a->n; start += BLOCK)
        FN(leaky_relu_core)(a->x + start, (real)a->slope, a->y + start, min_isize(BLOCK, a->n - start));
    return PYDL_OK;
}

static void FN(leaky_relu_back_core)(const real *dy, const real *y, real slope, real *dx, isize n)
{
    for (isize i = 0; i < n; i++) dx[i] = y[i] > 0 ? dy[i] : slope * dy[i];
}

pydl_status FN(leaky_relu_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(leaky_relu_backward_args) *a = args;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n > PARALLEL_MIN)
    for (isize start = 0; start < a->n; start += BLOCK)
        FN(leaky_relu_back_core)(a->dy + start, a->y + start, (real)a->slope, a->dx + start, min_isize(BLOCK, a->n - start));
    return PYDL_OK;
}
#endif
