/* What kernels that map every element on its own have in common: their argument structs, and a kernel from a formula. */
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

#endif

/* A kernel by its formula: in x (and alpha) for y, or in dy and x or y for dx.  Forty kernels differ in nothing else.
   `omp simd`: x and y may be the same array, so the compiler must be told that elements do not depend on each other. */
#ifndef FORWARD
#define FORWARD(name, formula)                                                                                                  \
    static void FN(name##_part)(const void *args, isize start, isize stop)                                                      \
    {                                                                                                                           \
        const FN(pointwise_args) *a = args;                                                                                     \
        const real *x_ = a->x, alpha = (real)a->alpha;                                                                          \
        real *y_ = a->y;                                                                                                        \
        (void)alpha;                                                                                                            \
        _Pragma("omp simd") for (isize i = start; i < stop; i++) { const real x = x_[i]; y_[i] = (formula); }                   \
    }                                                                                                                           \
    pydl_status FN(name)                                                                                                        \
        (const pydl_ctx *ctx, const void *args)                                                                                 \
    {                                                                                                                           \
        const FN(pointwise_args) *a = args;                                                                                     \
        return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(name##_part), a);                                            \
    }

#define BACKWARD_FROM(given, name, formula)                                                                                     \
    static void FN(name##_part)(const void *args, isize start, isize stop)                                                      \
    {                                                                                                                           \
        const FN(pointwise_backward_args) *a = args;                                                                            \
        const real *dy_ = a->dy, *kept_ = a->kept, alpha = (real)a->alpha;                                                      \
        real *dx_ = a->dx;                                                                                                      \
        (void)alpha;                                                                                                            \
        _Pragma("omp simd") for (isize i = start; i < stop; i++) { const real dy = dy_[i], given = kept_[i]; dx_[i] = (formula); } \
    }                                                                                                                           \
    pydl_status FN(name)                                                                                                        \
        (const pydl_ctx *ctx, const void *args)                                                                                 \
    {                                                                                                                           \
        const FN(pointwise_backward_args) *a = args;                                                                            \
        return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(name##_part), a);                                            \
    }
#endif
