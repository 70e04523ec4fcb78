/* Arithmetic element by element: of one array, and of two that are broadcast against each other. */
#ifndef real
#ifndef PYDL_ELEMENTWISE_H
#define PYDL_ELEMENTWISE_H
#include "pydl.h"
#include "pointwise.h"

enum { PYDL_MAX_DIMS = 8 };

/* z[i] = x[i] and y[i], x[i] or y[i], not x[i].  Bytes 0 or 1: (n,).  Overwrites z; z may be x or y. */
typedef struct { const uint8_t *x; const uint8_t *y; isize n; uint8_t *z; } LEVEL_FN(logical_args);
pydl_status LEVEL_FN(logical_and)(const pydl_ctx *ctx, const void *args);
pydl_status LEVEL_FN(logical_or)(const pydl_ctx *ctx, const void *args);
typedef struct { const uint8_t *x; isize n; uint8_t *z; } LEVEL_FN(logical_not_args);
pydl_status LEVEL_FN(logical_not)(const pydl_ctx *ctx, const void *args);

#define EACH_REAL "elementwise.h"
#include "each_real.h"
#endif
#else

/* ---- one array: pointwise_args (pointwise.h) ---- */

pydl_status FN(negative)(const pydl_ctx *ctx, const void *args);
pydl_status FN(reciprocal)(const pydl_ctx *ctx, const void *args);
pydl_status FN(exp)(const pydl_ctx *ctx, const void *args);
pydl_status FN(expm1)(const pydl_ctx *ctx, const void *args);
pydl_status FN(log)(const pydl_ctx *ctx, const void *args);
pydl_status FN(log1p)(const pydl_ctx *ctx, const void *args);
pydl_status FN(sqrt)(const pydl_ctx *ctx, const void *args);
pydl_status FN(rsqrt)(const pydl_ctx *ctx, const void *args);
pydl_status FN(square)(const pydl_ctx *ctx, const void *args);
pydl_status FN(absolute)(const pydl_ctx *ctx, const void *args);
pydl_status FN(sign)(const pydl_ctx *ctx, const void *args);
pydl_status FN(sin)(const pydl_ctx *ctx, const void *args);
pydl_status FN(cos)(const pydl_ctx *ctx, const void *args);
pydl_status FN(floor)(const pydl_ctx *ctx, const void *args);
pydl_status FN(ceil)(const pydl_ctx *ctx, const void *args);
pydl_status FN(round)(const pydl_ctx *ctx, const void *args);          /* half to even */
pydl_status FN(scale)(const pydl_ctx *ctx, const void *args);           /* alpha x */
pydl_status FN(power_number)(const pydl_ctx *ctx, const void *args);    /* x^alpha */

/* Gradients: pointwise_backward_args.  Those that are not here are one of the kernels above or below (exp: dy y; log: dy / x). */
pydl_status FN(reciprocal_backward)(const pydl_ctx *ctx, const void *args);      /* from y: -dy y^2 */
pydl_status FN(expm1_backward)(const pydl_ctx *ctx, const void *args);           /* from y: dy (y + 1) */
pydl_status FN(log1p_backward)(const pydl_ctx *ctx, const void *args);           /* from x: dy / (1 + x) */
pydl_status FN(sqrt_backward)(const pydl_ctx *ctx, const void *args);            /* from y: dy / (2 y) */
pydl_status FN(rsqrt_backward)(const pydl_ctx *ctx, const void *args);           /* from y: -dy y^3 / 2 */
pydl_status FN(square_backward)(const pydl_ctx *ctx, const void *args);          /* from x: 2 dy x */
pydl_status FN(absolute_backward)(const pydl_ctx *ctx, const void *args);        /* from x: dy sign(x) */
pydl_status FN(sin_backward)(const pydl_ctx *ctx, const void *args);             /* from x: dy cos x */
pydl_status FN(cos_backward)(const pydl_ctx *ctx, const void *args);             /* from x: -dy sin x */
pydl_status FN(power_number_backward)(const pydl_ctx *ctx, const void *args);    /* from x: dy alpha x^(alpha - 1), 0 if alpha is 0 */

/* y[i] = min(max(x[i], low), high).  x, y: (n,).  Overwrites y; y may be x.  A NaN stays a NaN. */
typedef struct { const real *x; double low; double high; isize n; real *y; } FN(clip_args);
pydl_status FN(clip)(const pydl_ctx *ctx, const void *args);

/* dx[i] = low <= x[i] <= high ? dy[i] : 0.  dy, x, dx: (n,).  Overwrites dx; dx may be dy or x. */
typedef struct { const real *dy; const real *x; double low; double high; isize n; real *dx; } FN(clip_backward_args);
pydl_status FN(clip_backward)(const pydl_ctx *ctx, const void *args);

/* z[i] = mask[i] ? x[i * x_step] : y[i * y_step].  Steps are 1, or 0 for a single number.  mask, z: (n,).  Overwrites z; z may be x or y. */
typedef struct { const uint8_t *mask; const real *x; const real *y; isize x_step; isize y_step; isize n; real *z; } FN(where_args);
pydl_status FN(where)(const pydl_ctx *ctx, const void *args);

/* ---- two arrays, broadcast ---- */

/* z[i, j, ...] = f(x[i, j, ...], y[i, j, ...]) over `shape`, `ndim` >= 1 axes, z contiguous.  A stride (in elements) of 0 repeats the
   array along that axis; the last axis has strides 0 or 1.  The boundary merges axes as far as it can, so equal shapes and
   numbers are one axis and a bias row two.  Overwrites z; z may be an operand that is not broadcast.  z: real; bytes for the comparisons. */
typedef struct {
    const real *x;
    const real *y;
    isize ndim;
    isize shape[PYDL_MAX_DIMS];
    isize x_stride[PYDL_MAX_DIMS];
    isize y_stride[PYDL_MAX_DIMS];
    void *z;
} FN(binary_args);
pydl_status FN(add)(const pydl_ctx *ctx, const void *args);
pydl_status FN(subtract)(const pydl_ctx *ctx, const void *args);
pydl_status FN(multiply)(const pydl_ctx *ctx, const void *args);
pydl_status FN(divide)(const pydl_ctx *ctx, const void *args);
pydl_status FN(power)(const pydl_ctx *ctx, const void *args);
pydl_status FN(maximum)(const pydl_ctx *ctx, const void *args);         /* a NaN in either is a NaN */
pydl_status FN(minimum)(const pydl_ctx *ctx, const void *args);
pydl_status FN(floor_divide)(const pydl_ctx *ctx, const void *args);    /* floor(x / y) */
pydl_status FN(equal)(const pydl_ctx *ctx, const void *args);           /* these write bytes: 1 where it holds */
pydl_status FN(not_equal)(const pydl_ctx *ctx, const void *args);
pydl_status FN(greater)(const pydl_ctx *ctx, const void *args);
pydl_status FN(greater_equal)(const pydl_ctx *ctx, const void *args);

#endif
