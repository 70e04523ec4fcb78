/* Moving elements without computing: copies between strided views, rows by index, casts.  Sizes in bytes where no real type is named. */
#ifndef real
#ifndef PYDL_MOVE_H
#define PYDL_MOVE_H
#include "pydl.h"
#include "each_real.h"

enum { PYDL_MOVE_DIMS = 8 };

/* y[i, j, ...] = x[i, j, ...] over `shape`, ndim >= 1 axes, each side with strides of its own, in elements of `itemsize` 1, 4 or 8 bytes;
   x and y point at element (0, 0, ...).  No element of y is met twice, and y does not overlap x.  Overwrites these elements of y, no others.
   Transposing, slicing and its adjoint, concatenating, padding, repeating and broadcasting are this with various strides. */
typedef struct {
    const void *x;
    isize itemsize;
    isize ndim;
    isize shape[PYDL_MOVE_DIMS];
    isize x_stride[PYDL_MOVE_DIMS];
    isize y_stride[PYDL_MOVE_DIMS];
    void *y;
} LEVEL_FN(strided_copy_args);
pydl_status LEVEL_FN(strided_copy)(const pydl_ctx *ctx, const void *args);

/* y[i] = the element whose first `itemsize` (1, 4 or 8) bytes are `value`'s.  y: (n,).  Overwrites y. */
typedef struct { uint64_t value; isize itemsize; isize n; void *y; } LEVEL_FN(fill_args);
pydl_status LEVEL_FN(fill)(const pydl_ctx *ctx, const void *args);

/* y[i] = x[i] as another type; types as in _common.pxd: 0 float32, 1 float64, 2 int32, 3 int64, 4 uint8, 5 bool.   x, y: (n,).  Overwrites y.
   Floats go to integers toward zero; what does not fit goes to the nearest that does, NaN to 0.  Wide integers lose their high bits.
   Anything but zero is true. */
typedef struct { const void *x; isize x_type; isize y_type; isize n; void *y; } LEVEL_FN(cast_args);
pydl_status LEVEL_FN(cast)(const pydl_ctx *ctx, const void *args);

/* y[i] = x[index[i]], rows of `row_bytes`.  x: (rows, row_bytes); index: (n,), integers of index_size 4 or 8 bytes; y: (n, row_bytes).
   Overwrites y.  PYDL_BAD_INDEX unless 0 <= index[i] < rows. */
typedef struct { const void *x; isize rows; isize row_bytes; const void *index; isize index_size; isize n; void *y; } LEVEL_FN(take_rows_args);
pydl_status LEVEL_FN(take_rows)(const pydl_ctx *ctx, const void *args);

#define EACH_REAL "move.h"
#include "each_real.h"
#endif
#else

/* dx[r] = sum of dy[i] over all i with index[i] == r, in the order of i.  The adjoint of take_rows.
   dy: (n, width); index: (n,) as above; dx: (rows, width).  Overwrites dx.  PYDL_BAD_INDEX unless 0 <= index[i] < rows. */
typedef struct { const real *dy; const void *index; isize index_size; isize n; isize rows; isize width; real *dx; } FN(scatter_rows_args);
pydl_status FN(scatter_rows)(const pydl_ctx *ctx, const void *args);

/* The same by rows: the distinct indices in rising order in `rows` (count[0] of them) and each one's sum, in the order of i, in that row of sums.  The work
   follows n, not limit.  dy: (n, width); index: (n,); rows: (n,); count: (1,); sums: (n, width).  Overwrites rows, count, sums as far as count[0] goes.
   PYDL_BAD_INDEX unless 0 <= index[i] < limit. */
typedef struct {
    void *scratch;
    const real *dy; const void *index; isize index_size; isize n; isize limit; isize width;
    int64_t *rows; int64_t *count; real *sums;
} FN(sum_rows_args);
pydl_status FN(sum_rows)(const pydl_ctx *ctx, const void *args);
isize FN(sum_rows_scratch)(const pydl_ctx *ctx, const void *args);

/* y[i, k] = index[i] == k.   index: (n,) as above; y: (n, classes).   Overwrites y.   PYDL_BAD_INDEX unless 0 <= index[i] < classes. */
typedef struct { const void *index; isize index_size; isize n; isize classes; real *y; } FN(one_hot_args);
pydl_status FN(one_hot)(const pydl_ctx *ctx, const void *args);

#endif
