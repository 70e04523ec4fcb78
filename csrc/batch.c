#ifndef real
#include "internal.h"
#include "labels.h"
#include "batch.h"

/* Rows i .. i + run - 1 of the batch are neighbours in the data set: one copy does for all of them. */
static isize contiguous_run(const int64_t *index, isize i, isize end)
{
    isize run = 1;
    while (i + run < end && index[i + run] == index[i] + run) run++;
    return run;
}

/* A thread takes as many rows as make about a block of elements. */
static isize rows_at_a_time(isize row) { return max_isize(1, BLOCK / max_isize(row, 1)); }

static void gather_part(const void *args, isize start, isize stop)
{
    const pydl_gather_rows_args *a = args;
    for (isize i = start, run; i < stop; i += run) {
        run = contiguous_run(a->index, i, stop);
        memcpy((char *)a->dst + i * a->row_bytes, (const char *)a->src + (isize)a->index[i] * a->row_bytes, (size_t)(run * a->row_bytes));
    }
}
pydl_status LEVEL_FN(gather_rows)(const pydl_ctx *ctx, const void *args)
{
    const pydl_gather_rows_args *a = args;
    pydl_status status = labels_check(ctx, a->index, PYDL_INT64, a->n, a->src_rows, IGNORE_NONE);
    if (status != PYDL_OK || a->row_bytes == 0) return status;
    return run_parts(ctx, a->n * a->row_bytes > 4 * PARALLEL_MIN, a->n, rows_at_a_time(a->row_bytes / 4), gather_part, a);
}

#define EACH_REAL "batch.c"
#include "each_real.h"
#else

/* dst[i] = src[first + i] * scale + shift */
static void FN(convert_core)(const void *src, isize code, isize first, isize n, real scale, real shift, real *restrict dst)
{
    const float *f32 = src;
    const double *f64 = src;
    const int32_t *i32 = src;
    const int64_t *i64 = src;
    const uint64_t *u64 = src;
    const unsigned char *u8 = src;
    switch (code) {
    case PYDL_FLOAT32: for (isize i = 0; i < n; i++) dst[i] = (real)f32[first + i] * scale + shift; break;
    case PYDL_FLOAT64: for (isize i = 0; i < n; i++) dst[i] = (real)f64[first + i] * scale + shift; break;
    case PYDL_INT32: for (isize i = 0; i < n; i++) dst[i] = (real)i32[first + i] * scale + shift; break;
    case PYDL_INT64: for (isize i = 0; i < n; i++) dst[i] = (real)i64[first + i] * scale + shift; break;
    case PYDL_UINT64: for (isize i = 0; i < n; i++) dst[i] = (real)u64[first + i] * scale + shift; break;
    default: for (isize i = 0; i < n; i++) dst[i] = (real)u8[first + i] * scale + shift;
    }
}

static void FN(convert_part)(const void *args, isize start, isize stop)
{
    const FN(gather_convert_args) *a = args;
    for (isize i = start, run; i < stop; i += run) {
        run = contiguous_run(a->index, i, stop);
        FN(convert_core)(a->src, a->src_code, (isize)a->index[i] * a->row, run * a->row, (real)a->scale, (real)a->shift, a->dst + i * a->row);
    }
}
pydl_status FN(gather_convert)(const pydl_ctx *ctx, const void *args)
{
    const FN(gather_convert_args) *a = args;
    pydl_status status = labels_check(ctx, a->index, PYDL_INT64, a->n, a->src_rows, IGNORE_NONE);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->row > PARALLEL_MIN, a->n, rows_at_a_time(a->row), FN(convert_part), a);
}
#endif
