/* Dense layer: y = activation(x weight + bias).   x, dx: (n, d_in).  weight, dweight: (d_in, units).  bias, dbias: (units,).  y, dy: (n, units). */
#ifndef real
#ifndef PYDL_DENSE_H
#define PYDL_DENSE_H
#include "pydl.h"
#define EACH_REAL "dense.h"
#include "each_real.h"
#endif
#else

/* y = x weight + bias, then max(y, 0) if relu.  bias may be NULL.  Overwrites y.
   prepared: what dense_prepare made of weight, if dense_prepared_size was not 0; or NULL. */
typedef struct {
    void *scratch;
    const real *x; const real *weight; const real *bias; isize n; isize d_in; isize units; isize relu;
    const real *prepared; real *y;
} FN(dense_forward_args);
pydl_status FN(dense_forward)(const pydl_ctx *ctx, const void *args);
isize FN(dense_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* The weight packed, for calls of dense_forward that do not change it.  prepared: dense_prepared_size reals, overwritten; 0 of them where that many
   rows of x read the weight as it lies. */
typedef struct { const real *weight; isize d_in; isize units; real *prepared; } FN(dense_prepare_args);
pydl_status FN(dense_prepare)(const pydl_ctx *ctx, const void *args);
typedef struct { isize n; isize d_in; isize units; isize *size; } FN(dense_prepared_size_args);
pydl_status FN(dense_prepared_size)(const pydl_ctx *ctx, const void *args);

/* dweight = x^T dy;  dbias[j] = sum_i dy[i, j], added up in double.  Either may be NULL.  Overwrites both.  dy is the gradient before the
   activation: with relu, activation's relu_backward comes first (one pass over dy is 0.5 % of the products at (128, 784, 512)). */
typedef struct {
    void *scratch;
    const real *x; const real *dy; isize n; isize d_in; isize units;
    real *dweight; real *dbias;
} FN(dense_backward_weight_args);
pydl_status FN(dense_backward_weight)(const pydl_ctx *ctx, const void *args);
isize FN(dense_backward_weight_scratch)(const pydl_ctx *ctx, const void *args);

/* dx = dy weight^T.  Overwrites dx. */
typedef struct {
    void *scratch;
    const real *dy; const real *weight; isize n; isize d_in; isize units;
    real *dx;
} FN(dense_backward_input_args);
pydl_status FN(dense_backward_input)(const pydl_ctx *ctx, const void *args);
isize FN(dense_backward_input_scratch)(const pydl_ctx *ctx, const void *args);

#endif
