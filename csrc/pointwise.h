/* What kernels that map every element on its own have in common: their argument structs and the shell that splits the work. */
#ifndef real
#ifndef PYDL_POINTWISE_H
#define PYDL_POINTWISE_H
#include "internal.h"
#define EACH_REAL "pointwise.h"
#include "each_real.h"
#endif
#else

/* y[i] = f(x[i]).  x, y: (n,).  Overwrites y; y may be x.  `alpha` is the kernel's one parameter, 0 where it has none. */
typedef struct { const real *x; double alpha; isize n; real *y; } FN(pointwise_args);

/* dx[i] = dy[i] * f'(...), from what the forward pass kept: `kept` is x or y, as the kernel's line says.
   dy, kept, dx: (n,).  Overwrites dx; dx may be dy or kept. */
typedef struct { const real *dy; const real *kept; double alpha; isize n; real *dx; } FN(pointwise_backward_args);

typedef void FN(pointwise_core)(const real *x, real alpha, real *y, isize n);
typedef void FN(pointwise_backward_core)(const real *dy, const real *kept, real alpha, real *dx, isize n);

static inline pydl_status FN(pointwise)(const pydl_ctx *ctx, const FN(pointwise_args) *a, FN(pointwise_core) *core)
{
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n > PARALLEL_MIN)
    for (isize start = 0; start < a->n; start += BLOCK)
        core(a->x + start, (real)a->alpha, a->y + start, min_isize(BLOCK, a->n - start));
    return PYDL_OK;
}

static inline pydl_status FN(pointwise_backward)(const pydl_ctx *ctx, const FN(pointwise_backward_args) *a, FN(pointwise_backward_core) *core)
{
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n > PARALLEL_MIN)
    for (isize start = 0; start < a->n; start += BLOCK)
        core(a->dy + start, a->kept + start, (real)a->alpha, a->dx + start, min_isize(BLOCK, a->n - start));
    return PYDL_OK;
}
#endif

/* A kernel by its formula: in x (and alpha) for y, or in dy and x or y for dx.  Forty kernels differ in nothing else.
   `omp simd`: x and y may be the same array, so the compiler must be told that elements do not depend on each other. */
#ifndef FORWARD
#define FORWARD(name, formula)                                                                                                  \
    static void FN(name##_core)(const real *x_, real alpha, real *y_, isize n)                                                  \
    {                                                                                                                           \
        (void)alpha;                                                                                                            \
        _Pragma("omp simd") for (isize i = 0; i < n; i++) { const real x = x_[i]; y_[i] = (formula); }                          \
    }                                                                                                                           \
    pydl_status FN(name)                                                                                                        \
        (const pydl_ctx *ctx, const void *args) { return FN(pointwise)(ctx, args, FN(name##_core)); }

#define BACKWARD_FROM(kept, name, formula)                                                                                      \
    static void FN(name##_core)(const real *dy_, const real *kept_, real alpha, real *dx_, isize n)                             \
    {                                                                                                                           \
        (void)alpha;                                                                                                            \
        _Pragma("omp simd") for (isize i = 0; i < n; i++) { const real dy = dy_[i], kept = kept_[i]; dx_[i] = (formula); }      \
    }                                                                                                                           \
    pydl_status FN(name)                                                                                                        \
        (const pydl_ctx *ctx, const void *args) { return FN(pointwise_backward)(ctx, args, FN(name##_core)); }
#endif
