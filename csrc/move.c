#ifndef real
#include "index.h"
#include "internal.h"
#include "move.h"

/* ---- copies between strided views ---- */

/* Rows and columns of the little squares a transposition goes by: both sides of a square stay in L1. */
enum { SQUARE = 32 };

#define FOR_ITEM(itemsize, statement)                                                   \
    do {                                                                                \
        if ((itemsize) == 4)      { typedef uint32_t item; statement; }                 \
        else if ((itemsize) == 8) { typedef uint64_t item; statement; }                 \
        else                      { typedef uint8_t item; statement; }                  \
    } while (0)

/* y[i * y_step + j * y_stride] = x[i * x_step + j * x_stride], i < rows, j < n. */
static void copy_rows(isize itemsize, const char *x, isize x_stride, isize x_step, char *y, isize y_stride, isize y_step, isize rows, isize n)
{
    if (x_stride == 1 && y_stride == 1 && n * itemsize >= 256)
        for (isize i = 0; i < rows; i++) memcpy(y + i * y_step * itemsize, x + i * x_step * itemsize, (size_t)(n * itemsize));
    else if (x_stride == 1 && y_stride == 1)
        FOR_ITEM(itemsize, const item *from = (const void *)x; item *to = (void *)y;
                 for (isize i = 0; i < rows; i++) for (isize j = 0; j < n; j++) to[i * y_step + j] = from[i * x_step + j]);
    else if (y_stride == 1)
        FOR_ITEM(itemsize, const item *from = (const void *)x; item *to = (void *)y;
                 for (isize i = 0; i < rows; i++) for (isize j = 0; j < n; j++) to[i * y_step + j] = from[i * x_step + j * x_stride]);
    else
        FOR_ITEM(itemsize, const item *from = (const void *)x; item *to = (void *)y;
                 for (isize i = 0; i < rows; i++) for (isize j = 0; j < n; j++) to[i * y_step + j * y_stride] = from[i * x_step + j * x_stride]);
}

/* y[i * y_stride + j] = x[i + j * x_stride], i < rows, j < columns; four by four of four bytes in registers: 2.5x, bench_move.py. */
static void copy_square(isize itemsize, const char *x, isize x_stride, char *y, isize y_stride, isize rows, isize columns)
{
    isize whole_rows = 0;
    if (itemsize == 4) {
        typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));
        const uint32_t *from = (const void *)x;
        uint32_t *to = (void *)y;
        for (; whole_rows + 4 <= rows; whole_rows += 4) {
            isize j = 0;
            for (; j + 4 <= columns; j += 4) {
                const four a = *(const four *)(from + whole_rows + j * x_stride), b = *(const four *)(from + whole_rows + (j + 1) * x_stride);
                const four c = *(const four *)(from + whole_rows + (j + 2) * x_stride), d = *(const four *)(from + whole_rows + (j + 3) * x_stride);
                const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
                const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
                *(four *)(to + whole_rows * y_stride + j) = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
                *(four *)(to + (whole_rows + 1) * y_stride + j) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
                *(four *)(to + (whole_rows + 2) * y_stride + j) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
                *(four *)(to + (whole_rows + 3) * y_stride + j) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
            }
            for (isize i = whole_rows; i < whole_rows + 4; i++)
                for (isize rest = j; rest < columns; rest++) to[i * y_stride + rest] = from[i + rest * x_stride];
        }
    }
    FOR_ITEM(itemsize, const item *from = (const void *)x; item *to = (void *)y;
             for (isize i = whole_rows; i < rows; i++) for (isize j = 0; j < columns; j++) to[i * y_stride + j] = from[i + j * x_stride]);
}

/* The axis that is contiguous in x, if the last one, contiguous in y, is another; else -1. */
static isize turned_axis(const LEVEL_FN(strided_copy_args) *a)
{
    const isize last = a->ndim - 1;
    if (a->y_stride[last] != 1 || a->x_stride[last] == 1 || a->x_stride[last] == 0) return -1;
    for (isize d = 0; d < last; d++)
        if (a->x_stride[d] == 1 && a->shape[d] >= 4) return d;
    return -1;
}

/* Offsets in elements of position `row` of all axes but the last and `turned`. */
static void offsets_of(const LEVEL_FN(strided_copy_args) *a, isize turned, isize row, isize *x_offset, isize *y_offset)
{
    *x_offset = *y_offset = 0;
    for (isize d = a->ndim - 2; d >= 0; d--) {
        if (d == turned) continue;
        *x_offset += row % a->shape[d] * a->x_stride[d];
        *y_offset += row % a->shape[d] * a->y_stride[d];
        row /= a->shape[d];
    }
}

/* A copy's tasks: a few rows, or a piece of a long one; where an axis is turned, `down` rows of squares for each position of the others. */
typedef struct { const LEVEL_FN(strided_copy_args) *a; isize turned, rows, pieces, together, down; } copy_plan;

static void copy_rows_part(const void *plan, isize start, isize end)
{
    const copy_plan *p = plan;
    const LEVEL_FN(strided_copy_args) *a = p->a;
    const isize last = a->ndim - 1, length = a->shape[last], item = a->itemsize;
    for (isize task = start; task < end; task++) {
        const isize column = task % p->pieces * BLOCK, n = min_isize(BLOCK, length - column), first = task / p->pieces * p->together;
        const isize stop = min_isize(first + p->together, p->rows), side = last > 0 ? a->shape[last - 1] : 1;
        for (isize row = first; row < stop;) {
            isize x_offset, y_offset, more = min_isize(side - row % side, stop - row);         /* rows to the end of the next axis */
            offsets_of(a, -1, row, &x_offset, &y_offset);
            const char *x = (const char *)a->x + (x_offset + column * a->x_stride[last]) * item;
            char *y = (char *)a->y + (y_offset + column * a->y_stride[last]) * item;
            copy_rows(item, x, a->x_stride[last], last > 0 ? a->x_stride[last - 1] : 0, y, a->y_stride[last], last > 0 ? a->y_stride[last - 1] : 0, more, n);
            row += more;
        }
    }
}

static void copy_squares_part(const void *plan, isize start, isize end)
{
    const copy_plan *p = plan;
    const LEVEL_FN(strided_copy_args) *a = p->a;
    const isize last = a->ndim - 1, length = a->shape[last], item = a->itemsize, height = a->shape[p->turned];
    for (isize task = start; task < end; task++) {
        const isize i = task % p->down * SQUARE;
        isize x_offset, y_offset;
        offsets_of(a, p->turned, task / p->down, &x_offset, &y_offset);
        for (isize k = 0; k < length; k += SQUARE)
            copy_square(item, (const char *)a->x + (x_offset + i + k * a->x_stride[last]) * item, a->x_stride[last],
                        (char *)a->y + (y_offset + i * a->y_stride[p->turned] + k) * item, a->y_stride[p->turned],
                        min_isize(SQUARE, height - i), min_isize(SQUARE, length - k));
    }
}

pydl_status LEVEL_FN(strided_copy)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(strided_copy_args) *a = args;
    const isize last = a->ndim - 1, length = a->shape[last];
    copy_plan p = { .a = a, .turned = turned_axis(a), .rows = 1 };
    for (isize d = 0; d < last; d++) if (d != p.turned) p.rows *= a->shape[d];
    if (p.turned >= 0) {
        p.down = ceil_div(a->shape[p.turned], SQUARE);
        return run_parts(ctx, p.rows * a->shape[p.turned] * length > PARALLEL_MIN, p.rows * p.down, 1, copy_squares_part, &p);
    }
    p.pieces = max_isize(ceil_div(length, BLOCK), 1);
    p.together = p.pieces > 1 ? 1 : max_isize(BLOCK / 4 / max_isize(length, 1), 1);
    return run_parts(ctx, p.rows * length > PARALLEL_MIN, ceil_div(p.rows, p.together) * p.pieces, 1, copy_rows_part, &p);
}

static void fill_part(const void *args, isize start, isize stop)
{
    const LEVEL_FN(fill_args) *a = args;
    const isize n = stop - start;
    char *to = (char *)a->y + start * a->itemsize;
    if (a->value == 0) memset(to, 0, (size_t)(n * a->itemsize));
    else FOR_ITEM(a->itemsize, item *y = (void *)to; const item value = (item)a->value; for (isize i = 0; i < n; i++) y[i] = value);
}
pydl_status LEVEL_FN(fill)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(fill_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, fill_part, a);
}

/* ---- casts ---- */

enum { PYDL_FLOAT32, PYDL_FLOAT64, PYDL_INT32, PYDL_INT64, PYDL_UINT8, PYDL_BOOL };

static inline int32_t to_int32(double x) { return x != x ? 0 : x >= 2147483647.0 ? INT32_MAX : x <= -2147483648.0 ? INT32_MIN : (int32_t)x; }
static inline int64_t to_int64(double x) { return x != x ? 0 : x >= 9223372036854775808.0 ? INT64_MAX : x <= -9223372036854775808.0 ? INT64_MIN : (int64_t)x; }
static inline uint8_t to_uint8(double x) { return x != x ? 0 : x >= 255 ? 255 : x <= 0 ? 0 : (uint8_t)x; }

#define CAST(from_t, to_t, formula) do { const from_t *x = from; to_t *y = to; for (isize i = 0; i < n; i++) y[i] = (to_t)(formula); } while (0)

static void cast_from_float(const void *from, isize to_type, void *to, isize n)
{
    switch (to_type) {
    case PYDL_FLOAT32: CAST(float, float, x[i]); break;
    case PYDL_FLOAT64: CAST(float, double, x[i]); break;
    case PYDL_INT32:   CAST(float, int32_t, to_int32((double)x[i])); break;
    case PYDL_INT64:   CAST(float, int64_t, to_int64((double)x[i])); break;
    case PYDL_UINT8:   CAST(float, uint8_t, to_uint8((double)x[i])); break;
    default:           CAST(float, uint8_t, x[i] != 0); break;
    }
}

static void cast_from_double(const void *from, isize to_type, void *to, isize n)
{
    switch (to_type) {
    case PYDL_FLOAT32: CAST(double, float, x[i]); break;
    case PYDL_FLOAT64: CAST(double, double, x[i]); break;
    case PYDL_INT32:   CAST(double, int32_t, to_int32(x[i])); break;
    case PYDL_INT64:   CAST(double, int64_t, to_int64(x[i])); break;
    case PYDL_UINT8:   CAST(double, uint8_t, to_uint8(x[i])); break;
    default:           CAST(double, uint8_t, x[i] != 0); break;
    }
}

#define CAST_FROM_INTEGER(from_t)                                                                       \
    static void cast_from_##from_t(const void *from, isize to_type, void *to, isize n)                  \
    {                                                                                                   \
        switch (to_type) {                                                                              \
        case PYDL_FLOAT32: CAST(from_t, float, x[i]); break;                                            \
        case PYDL_FLOAT64: CAST(from_t, double, x[i]); break;                                           \
        case PYDL_INT32:   CAST(from_t, int32_t, x[i]); break;                                          \
        case PYDL_INT64:   CAST(from_t, int64_t, x[i]); break;                                          \
        case PYDL_UINT8:   CAST(from_t, uint8_t, x[i]); break;                                          \
        default:           CAST(from_t, uint8_t, x[i] != 0); break;                                     \
        }                                                                                               \
    }
CAST_FROM_INTEGER(int32_t)
CAST_FROM_INTEGER(int64_t)
CAST_FROM_INTEGER(uint8_t)

static void cast_part(const void *args, isize start, isize stop)
{
    static const isize size[] = {4, 8, 4, 8, 1, 1};
    static void (*const cast_from[])(const void *, isize, void *, isize) = {
        cast_from_float, cast_from_double, cast_from_int32_t, cast_from_int64_t, cast_from_uint8_t, cast_from_uint8_t,
    };
    const LEVEL_FN(cast_args) *a = args;
    cast_from[a->x_type]((const char *)a->x + start * size[a->x_type], a->y_type, (char *)a->y + start * size[a->y_type], stop - start);
}
pydl_status LEVEL_FN(cast)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(cast_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, cast_part, a);
}

/* ---- rows by index ---- */

static void take_part(const void *args, isize start, isize stop)
{
    const LEVEL_FN(take_rows_args) *a = args;
    for (isize i = start; i < stop; i++) {
        if (i + 8 < stop) {                                 /* rows of a large table: the next ones are asked for in time */
            const char *ahead = (const char *)a->x + index_at(a->index, a->index_size, i + 8) * a->row_bytes;
            for (isize b = 0; b < min_isize(a->row_bytes, 1024); b += 64) __builtin_prefetch(ahead + b);
        }
        memcpy((char *)a->y + i * a->row_bytes, (const char *)a->x + index_at(a->index, a->index_size, i) * a->row_bytes, (size_t)a->row_bytes);
    }
}
pydl_status LEVEL_FN(take_rows)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(take_rows_args) *a = args;
    if (check_indices(ctx, a->index, a->index_size, a->n, a->rows) != PYDL_OK) return PYDL_BAD_INDEX;
    return run_parts(ctx, a->n * a->row_bytes > 4 * PARALLEL_MIN, a->n, 64, take_part, a);
}

#define EACH_REAL "move.c"
#include "each_real.h"
#else

static void FN(add_row)(const real *x, real *y, isize n)
{
    #pragma omp simd
    for (isize j = 0; j < n; j++) y[j] += x[j];
}

/* Rows first .. stop of dx.  Each has one owner, who goes through all indices: the order of additions is the same however many threads there are. */
static void FN(scatter_part)(const void *args, isize first, isize stop)
{
    const FN(scatter_rows_args) *a = args;
    memset(a->dx + first * a->width, 0, (size_t)((stop - first) * a->width) * sizeof(real));
    for (isize i = 0; i < a->n; i++) {
        const isize row = index_at(a->index, a->index_size, i);
        if (row >= first && row < stop) FN(add_row)(a->dy + i * a->width, a->dx + row * a->width, a->width);
    }
}
pydl_status FN(scatter_rows)(const pydl_ctx *ctx, const void *args)
{
    const FN(scatter_rows_args) *a = args;
    if (check_indices(ctx, a->index, a->index_size, a->n, a->rows) != PYDL_OK) return PYDL_BAD_INDEX;
    const int worth = a->width >= 16 && (a->n + a->rows) * a->width > PARALLEL_MIN;
    return run_parts(ctx, worth, a->rows, worth ? ceil_div(a->rows, 16) : max_isize(a->rows, 1), FN(scatter_part), a);
}

/* The positions 0 .. n - 1 sorted by their index, those of one index in their order; DIGIT bits at a time from the lowest on.  Returns one of the two
   buffers (n,).  counts: (1 << DIGIT,). */
enum { FN(DIGIT) = 11 };
static isize *FN(sorted_positions)(const FN(sum_rows_args) *a, isize *from, isize *to, isize *counts)
{
    for (isize i = 0; i < a->n; i++) from[i] = i;
    for (int shift = 0; shift == 0 || (shift < 63 && (a->limit - 1) >> shift); shift += FN(DIGIT)) {
        const isize mask = ((isize)1 << FN(DIGIT)) - 1;
        memset(counts, 0, (size_t)(mask + 1) * sizeof(isize));
        for (isize i = 0; i < a->n; i++) counts[index_at(a->index, a->index_size, i) >> shift & mask]++;
        for (isize digit = 0, before = 0; digit <= mask; digit++) {
            const isize here = counts[digit];
            counts[digit] = before;
            before += here;
        }
        for (isize i = 0; i < a->n; i++) to[counts[index_at(a->index, a->index_size, from[i]) >> shift & mask]++] = from[i];
        isize *const swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* What the parts of the work share: the sorted positions, and where each distinct index begins among them. */
typedef struct { const FN(sum_rows_args) *a; const isize *sorted, *begin; } FN(row_sums);
static void FN(sum_part)(const void *data, isize start, isize stop)
{
    const FN(row_sums) *s = data;
    const isize width = s->a->width;
    for (isize k = start; k < stop; k++) {
        real *sum = s->a->sums + k * width;
        memcpy(sum, s->a->dy + s->sorted[s->begin[k]] * width, (size_t)width * sizeof(real));
        for (isize i = s->begin[k] + 1; i < s->begin[k + 1]; i++) FN(add_row)(s->a->dy + s->sorted[i] * width, sum, width);
    }
}
pydl_status FN(sum_rows)(const pydl_ctx *ctx, const void *args)
{
    const FN(sum_rows_args) *a = args;
    isize *one = a->scratch, *two = one + a->n, *begin = two + a->n, found = 0;
    if (check_indices(ctx, a->index, a->index_size, a->n, a->limit) != PYDL_OK) return PYDL_BAD_INDEX;
    const isize *sorted = FN(sorted_positions)(a, one, two, begin + a->n + 1);
    for (isize i = 0; i < a->n; i++) {
        const isize row = index_at(a->index, a->index_size, sorted[i]);
        if (i > 0 && row == a->rows[found - 1]) continue;
        a->rows[found] = row;
        begin[found++] = i;
    }
    begin[found] = a->n;
    *a->count = found;
    return run_parts(ctx, a->n * a->width > PARALLEL_MIN, found, 16, FN(sum_part), &(FN(row_sums)){ a, sorted, begin });
}
isize FN(sum_rows_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(sum_rows_args) *a = args;
    (void)ctx;
    return (3 * a->n + 1 + ((isize)1 << FN(DIGIT))) * (isize)sizeof(isize);
}

pydl_status FN(one_hot)(const pydl_ctx *ctx, const void *args)
{
    const FN(one_hot_args) *a = args;
    if (check_indices(ctx, a->index, a->index_size, a->n, a->classes) != PYDL_OK) return PYDL_BAD_INDEX;
    memset(a->y, 0, (size_t)(a->n * a->classes) * sizeof(real));
    for (isize i = 0; i < a->n; i++) a->y[i * a->classes + index_at(a->index, a->index_size, i)] = 1;
    return PYDL_OK;
}
#endif
