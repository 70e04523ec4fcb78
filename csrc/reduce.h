/* Sums and extremes over any axes. */
#ifndef real
#ifndef PYDL_REDUCE_H
#define PYDL_REDUCE_H
#include "pydl.h"

enum { PYDL_REDUCE_DIMS = 8 };

#define EACH_REAL "reduce.h"
#include "each_real.h"
#endif
#else

/* y[kept axes] = scale * f over the reduced axes of x.  x is contiguous; the boundary drops axes of size 1, merges neighbours of one kind,
   and says of each kind the sizes and the strides in x (in elements); both kinds have at least one axis.  y: contiguous over the kept axes.
   Overwrites y.

   The work is cut by shape: every result is a sum over runs of at most 32768 elements, in the order of the runs.
   Sums and products are in double; the sum over nothing is 0, the product 1, extremes over nothing are -inf and inf; a NaN makes the extreme a NaN. */
typedef struct {
    void *scratch;
    const real *x;
    isize kept_ndim;
    isize kept_shape[PYDL_REDUCE_DIMS];
    isize kept_stride[PYDL_REDUCE_DIMS];
    isize reduced_ndim;
    isize reduced_shape[PYDL_REDUCE_DIMS];
    isize reduced_stride[PYDL_REDUCE_DIMS];
    double scale;
    real *y;
} FN(reduce_args);
pydl_status FN(reduce_sum)(const pydl_ctx *ctx, const void *args);
isize FN(reduce_sum_scratch)(const pydl_ctx *ctx, const void *args);
pydl_status FN(reduce_product)(const pydl_ctx *ctx, const void *args);
isize FN(reduce_product_scratch)(const pydl_ctx *ctx, const void *args);
pydl_status FN(reduce_max)(const pydl_ctx *ctx, const void *args);
isize FN(reduce_max_scratch)(const pydl_ctx *ctx, const void *args);
pydl_status FN(reduce_min)(const pydl_ctx *ctx, const void *args);
isize FN(reduce_min_scratch)(const pydl_ctx *ctx, const void *args);

/* index[o, i] = position along the middle axis of the largest (smallest) x[o, :, i]: the first of equals; a NaN counts as the extreme.
   x: (outer, length, inner), length >= 1.   index: (outer, inner).   Overwrites index. */
typedef struct { const real *x; isize outer; isize length; isize inner; int32_t *index; } FN(argmax_args);
pydl_status FN(argmax)(const pydl_ctx *ctx, const void *args);
pydl_status FN(argmin)(const pydl_ctx *ctx, const void *args);

#endif
