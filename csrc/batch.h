/* Making a batch: choosing rows of a data set, as they are or turned into reals.
   Codes are those of labels.h.  Every kernel overwrites dst. */
#ifndef real
#ifndef PYDL_BATCH_H
#define PYDL_BATCH_H
#include "pydl.h"
#include "each_real.h"

/* dst[i, :] = src[index[i], :], byte for byte.  src: (src_rows, row_bytes), index: (n,), dst: (n, row_bytes).
   PYDL_BAD_INDEX unless 0 <= index[i] < src_rows; nothing is written then. */
typedef struct { const void *src; const int64_t *index; isize src_rows; isize row_bytes; isize n; void *dst; } pydl_gather_rows_args;
pydl_status LEVEL_FN(gather_rows)(const pydl_ctx *ctx, const void *args);

#define EACH_REAL "batch.h"
#include "each_real.h"
#endif
#else

/* dst[i, :] = src[index[i], :] * scale + shift.  src: (src_rows, row) of dtype src_code, index: (n,), dst: (n, row). */
typedef struct {
    const void *src; isize src_code; const int64_t *index; isize src_rows; isize row; isize n; double scale; double shift;
    real *dst;
} FN(gather_convert_args);
pydl_status FN(gather_convert)(const pydl_ctx *ctx, const void *args);

#endif
