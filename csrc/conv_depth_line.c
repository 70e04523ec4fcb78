#ifndef real
#include "internal.h"
#include "conv_depth_line.h"

/* Most reals of a band that is copied, for its mask. */
#define DEPTH_COPY ((isize)1 << 15)

#define EACH_REAL "conv_depth_line.c"
#include "each_real.h"
#else

/* Vectors of channels, neighbours at a time: whole cache lines, and eight sums.   Pixels a multiple of 2 KB apart fall into few sets of the first-level cache,
   where half a line would be gone before its other half is asked for (14x14x512, 8 lanes: 1.9x). */
enum { FN(DEPTH_VECTORS) = sizeof(FN(vec)) < 64 ? 2 : 1, FN(DEPTH_COUNT) = 8 / FN(DEPTH_VECTORS) };

/* A line of the result.  Places count from the lowest source pixel up. */
typedef struct {
    const FN(depth_lines_args) *a;
    isize rows, weight_row, weight_step;                             /* window rows inside the image; reals from one row, place to the next */
    const real *source, *weight;                                     /* the first of these rows, from column 0 and from place 0 on */
    real *out;
} FN(depth_line);

/* DEPTH_COUNT neighbours from j on, whose windows are inside along the row, `vectors` of their channels at a time; the last overlap the ones before.   taps,
   stride and vectors are constants. */
ALWAYS_INLINE void FN(depth_block)(const FN(depth_line) *t, isize j, const int taps, const int stride, const int vectors)
{
    const FN(depth_lines_args) *a = t->a;
    const isize channels = a->channels, row_step = a->x.source * channels, out_step = a->out_step, step = vectors * FN(LANES);
    const real *first = t->source + (j * stride + axis_low(a->x)) * channels;
    const FN(vec) least = FN(vset)(FN(least)(a->relu));
    for (isize next = 0; next < channels; next += step) {
        const isize from = min_isize(next, channels - step);
        const real *line = first + from, *w = t->weight + from;
        FN(vec) sum[FN(DEPTH_COUNT)][FN(DEPTH_VECTORS)];
        #pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            sum[0][v] = a->start ? FN(vload)(a->start + from + v * FN(LANES)) : FN(vzero)();
            #pragma GCC unroll 8
            for (int i = 1; i < FN(DEPTH_COUNT); i++) sum[i][v] = sum[0][v];
        }
        for (isize m = 0; m < t->rows; m++, line += row_step, w += t->weight_row) {
            FN(vec) weight[DEPTH_TAPS][FN(DEPTH_VECTORS)];
            #pragma GCC unroll 5
            for (int q = 0; q < taps; q++)
                #pragma GCC unroll 2
                for (int v = 0; v < vectors; v++) weight[q][v] = FN(vload)(w + q * t->weight_step + v * FN(LANES));
            const real *x = line;
            #pragma GCC unroll 20
            for (int p = 0; p < (FN(DEPTH_COUNT) - 1) * stride + taps; p++, x += channels)
                #pragma GCC unroll 2
                for (int v = 0; v < vectors; v++) {
                    const FN(vec) pixel = FN(vload)(x + v * FN(LANES));
                    #pragma GCC unroll 5
                    for (int q = 0; q < taps; q++) {
                        const int i = (p - q) / stride;
                        if (p >= q && i * stride == p - q && i < FN(DEPTH_COUNT)) sum[i][v] = FN(vfma)(pixel, weight[q][v], sum[i][v]);
                    }
                }
        }
        real *to = t->out + j * out_step + from;
        #pragma GCC unroll 8
        for (int i = 0; i < FN(DEPTH_COUNT); i++, to += out_step)
            #pragma GCC unroll 2
            for (int v = 0; v < vectors; v++) FN(vstore)(to + v * FN(LANES), FN(vmax)(least, sum[i][v]));
    }
}

#define BLOCKS(taps, stride) \
    static void FN(depth_##taps##_##stride##_1)(const FN(depth_line) *t, isize j) { FN(depth_block)(t, j, taps, stride, 1); } \
    static void FN(depth_##taps##_##stride##_2)(const FN(depth_line) *t, isize j) { FN(depth_block)(t, j, taps, stride, FN(DEPTH_VECTORS)); }
BLOCKS(1, 1) BLOCKS(2, 1) BLOCKS(3, 1) BLOCKS(4, 1) BLOCKS(5, 1) BLOCKS(3, 2) BLOCKS(5, 2)
#undef BLOCKS
#define PAIR(taps, stride) { FN(depth_##taps##_##stride##_1), FN(depth_##taps##_##stride##_2) }
/* NULL: conv_depthwise.c's own sums serve, for few ask for these. */
static void (*const FN(depth_blocks)[DEPTH_TAPS][DEPTH_STRIDE][2])(const FN(depth_line) *, isize) = {
    { PAIR(1, 1) }, { PAIR(2, 1) }, { PAIR(3, 1), PAIR(3, 2) }, { PAIR(4, 1) }, { PAIR(5, 1), PAIR(5, 2) }
};
#undef PAIR

/* One pixel, whose window may hang over the end of the row.   vectors: a constant, so many sums do not wait for each other. */
ALWAYS_INLINE void FN(depth_pixel_core)(const FN(depth_line) *t, isize j, const int vectors)
{
    const FN(depth_lines_args) *a = t->a;
    const isize channels = a->channels, row_step = a->x.source * channels, left = j * a->x.stride + axis_low(a->x), step = vectors * FN(LANES);
    const isize first = max_isize(0, -left), last = min_isize(a->x.taps, a->x.source - left);
    const FN(vec) least = FN(vset)(FN(least)(a->relu));
    for (isize next = 0; next < channels; next += step) {
        const isize from = min_isize(next, channels - step);
        FN(vec) sum[4];
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[v] = a->start ? FN(vload)(a->start + from + v * FN(LANES)) : FN(vzero)();
        for (isize m = 0; m < t->rows; m++)
            for (isize q = first; q < last; q++) {
                const real *x = t->source + m * row_step + (left + q) * channels + from, *w = t->weight + m * t->weight_row + q * t->weight_step + from;
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) sum[v] = FN(vfma)(FN(vload)(x + v * FN(LANES)), FN(vload)(w + v * FN(LANES)), sum[v]);
            }
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) FN(vstore)(t->out + j * a->out_step + from + v * FN(LANES), FN(vmax)(least, sum[v]));
    }
}
static void FN(depth_pixel)(const FN(depth_line) *t, isize j)
{
    if (t->a->channels >= 4 * FN(LANES)) FN(depth_pixel_core)(t, j, 4);
    else FN(depth_pixel_core)(t, j, 1);
}

/* Results first <= j < last of a row have their windows inside. */
static void FN(depth_inside)(conv_axis x, isize *first, isize *last)
{
    const isize low = axis_low(x), room = x.source - low - x.taps;                                       /* room: where the last window inside begins, - low */
    *first = min_isize(x.size, ceil_div(max_isize(0, -low), x.stride));
    *last = min_isize(x.size, room < 0 ? 0 : room / x.stride + 1);
}

static void FN(depth_row)(const FN(depth_line) *t)
{
    const conv_axis x = t->a->x;
    isize first, last;
    FN(depth_inside)(x, &first, &last);
    const int wide = t->a->channels >= FN(DEPTH_VECTORS) * FN(LANES);
    isize j = 0;
    if (last - first >= FN(DEPTH_COUNT)) {
        for (; j < first; j++) FN(depth_pixel)(t, j);
        for (; j < last; j += FN(DEPTH_COUNT))                       /* the last block overlaps the one before */
            FN(depth_blocks)[x.taps - 1][x.stride - 1][wide](t, min_isize(j, last - FN(DEPTH_COUNT)));
        j = last;
    }
    for (; j < x.size; j++) FN(depth_pixel)(t, j);
}

typedef struct { const FN(depth_lines_args) *a; isize rows, bands, weight_row, weight_step; const real *weight; } FN(depth_bands);

static FN(depth_bands) FN(depth_bands_of)(const FN(depth_lines_args) *a)
{
    const conv_axis y = a->y, x = a->x;
    const isize line = x.source * a->channels, down = y.step < 0 ? -y.k_step : y.k_step, across = x.step < 0 ? -x.k_step : x.k_step;
    const isize place = (y.k_first + (y.step < 0 ? y.taps - 1 : 0) * y.k_step) * a->kw + x.k_first + (x.step < 0 ? x.taps - 1 : 0) * x.k_step;
    const double work = (double)a->n * (double)(y.size * x.size) * (double)(y.taps * x.taps) * (double)a->channels;
    const isize tasks = max_isize(1, min_isize(CONV_TASKS, (isize)(work / CONV_TASK_WORK)));
    FN(depth_bands) b = { .a = a, .rows = ceil_div(y.size, min_isize(y.size, ceil_div(tasks, a->n))), .weight = a->weight + place * a->channels };
    if (a->positive) b.rows = max_isize(1, min_isize(b.rows, (DEPTH_COPY / line - y.taps) / y.stride + 1));
    b.bands = ceil_div(y.size, b.rows);
    b.weight_row = down * a->kw * a->channels;
    b.weight_step = across * a->channels;
    return b;
}

static isize FN(depth_own)(const FN(depth_bands) *b)
{
    return b->a->positive ? whole_lines(axis_reach(b->a->y, b->rows) * b->a->x.source * b->a->channels) * (isize)sizeof(real) : 0;
}
static int FN(depth_parallel)(const FN(depth_lines_args) *a)
{
    return (double)a->n * (double)(a->y.size * a->x.size) * (double)(a->y.taps * a->x.taps) * (double)a->channels > CONV_PARALLEL_MIN;
}

/* Some rows of an image. */
static void FN(depth_band)(const void *data, isize task, void *own)
{
    const FN(depth_bands) *b = data;
    const FN(depth_lines_args) *a = b->a;
    const conv_axis y = a->y;
    const isize image = task / b->bands, first = task % b->bands * b->rows, stop = min_isize(y.size, first + b->rows), line = a->x.source * a->channels;
    const isize low = max_isize(0, first * y.stride + axis_low(y)), high = min_isize(y.source, (stop - 1) * y.stride + axis_low(y) + y.taps);
    const real *source = a->source + image * y.source * line;
    if (a->positive && high > low) {
        FN(keep_positive)(source + low * line, a->positive + (image * y.source + low) * line, (high - low) * line, own);
        source = (const real *)own;
    } else source += low * line;
    for (isize i = first; i < stop; i++) {
        const isize top = i * y.stride + axis_low(y), from = max_isize(0, -top), to = max_isize(from, min_isize(y.taps, y.source - top));
        FN(depth_row)(&(FN(depth_line)){ a, to - from, b->weight_row, b->weight_step, to > from ? source + (top + from - low) * line : source,
                                         b->weight + from * b->weight_row, a->out + image * a->out_image + i * a->out_row });
    }
}

int FN(depth_lines_fit)(conv_axis y, conv_axis x, isize channels)
{
    return channels >= FN(LANES) && y.size > 0 && x.size > 0 && y.taps > 0 && x.taps > 0 && x.taps <= DEPTH_TAPS && x.stride <= DEPTH_STRIDE
        && FN(depth_blocks)[x.taps - 1][x.stride - 1][0] != NULL
        && y.source > 0 && x.source > 0 && (y.taps == 1 || y.step == 1 || y.step == -1) && (x.taps == 1 || x.step == 1 || x.step == -1);
}

isize FN(depth_lines_scratch)(const pydl_ctx *ctx, const FN(depth_lines_args) *a)
{
    if (a->n == 0) return 0;
    const FN(depth_bands) b = FN(depth_bands_of)(a);
    return owners(ctx, FN(depth_parallel)(a), a->n * b.bands) * FN(depth_own)(&b);
}

void FN(depth_lines)(const pydl_ctx *ctx, const FN(depth_lines_args) *a)
{
    if (a->n == 0) return;
    const FN(depth_bands) b = FN(depth_bands_of)(a);
    run_tasks(ctx, FN(depth_parallel)(a), a->n * b.bands, FN(depth_band), &b, a->scratch, FN(depth_own)(&b));
}

/* ---- by the weight ---- */

/* Some channels, `vectors` vectors of them or a part of one; pixels first to last.   Neighbours have sums of their own, which would wait for each other.
   taps, stride and vectors are constants. */
ALWAYS_INLINE void FN(depth_places)(const FN(depth_places_args) *a, isize from, isize first, isize last, const int taps, const int stride, const int vectors)
{
    const int sets = (int)min_isize(4, 12 / (taps * vectors));
    const isize channels = a->channels;
    const FN(vmask) mask = FN(mask_of)(min_isize(FN(LANES), channels - from));
    const real *x = a->source + (first * stride + axis_low(a->x)) * channels + from, *d = a->dy + first * channels + from;
    FN(vec) sum[4][DEPTH_TAPS][FN(DEPTH_VECTORS)];
    #pragma GCC unroll 4
    for (int s = 0; s < sets; s++)
        #pragma GCC unroll 5
        for (int q = 0; q < taps; q++)
            #pragma GCC unroll 2
            for (int v = 0; v < vectors; v++) sum[s][q][v] = FN(vzero)();
    isize j = first;
    for (; j + sets <= last; j += sets, d += sets * channels, x += sets * stride * channels)
        #pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            const real *from_x = x + v * FN(LANES), *from_d = d + v * FN(LANES);
            FN(vec) dy[4];
            #pragma GCC unroll 4
            for (int s = 0; s < sets; s++, from_d += channels) dy[s] = vectors > 1 ? FN(vload)(from_d) : FN(vload_mask)(from_d, mask);
            #pragma GCC unroll 12
            for (int p = 0; p < (sets - 1) * stride + taps; p++, from_x += channels) {
                const FN(vec) pixel = vectors > 1 ? FN(vload)(from_x) : FN(vload_mask)(from_x, mask);
                #pragma GCC unroll 4
                for (int s = 0; s < sets; s++)
                    if (p >= s * stride && p - s * stride < taps) sum[s][p - s * stride][v] = FN(vfma)(pixel, dy[s], sum[s][p - s * stride][v]);
            }
        }
    for (; j < last; j++, d += channels, x += stride * channels)
        #pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            const FN(vec) dy = vectors > 1 ? FN(vload)(d + v * FN(LANES)) : FN(vload_mask)(d + v * FN(LANES), mask);
            #pragma GCC unroll 5
            for (int q = 0; q < taps; q++) {
                const real *at = x + q * channels + v * FN(LANES);
                sum[0][q][v] = FN(vfma)(vectors > 1 ? FN(vload)(at) : FN(vload_mask)(at, mask), dy, sum[0][q][v]);
            }
        }
    #pragma GCC unroll 5
    for (int q = 0; q < taps; q++)
        #pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            real *to = a->partial + q * a->pitch + from + v * FN(LANES);
            FN(vec) total = FN(vload)(to);
            #pragma GCC unroll 4
            for (int s = 0; s < sets; s++) total = total + sum[s][q][v];
            FN(vstore)(to, total);
        }
}

#define PLACES(taps, stride) \
    static void FN(places_##taps##_##stride)(const FN(depth_places_args) *a, isize first, isize last) \
    { \
        isize c = 0; \
        if (FN(DEPTH_VECTORS) > 1) \
            for (; c + FN(DEPTH_VECTORS) * FN(LANES) <= a->channels; c += FN(DEPTH_VECTORS) * FN(LANES)) \
                FN(depth_places)(a, c, first, last, taps, stride, FN(DEPTH_VECTORS)); \
        for (; c < a->channels; c += FN(LANES)) FN(depth_places)(a, c, first, last, taps, stride, 1); \
    }
PLACES(1, 1) PLACES(2, 1) PLACES(3, 1) PLACES(4, 1) PLACES(5, 1) PLACES(3, 2) PLACES(5, 2)
#undef PLACES
static void (*const FN(places)[DEPTH_TAPS][DEPTH_STRIDE])(const FN(depth_places_args) *, isize, isize) = {
    { FN(places_1_1) }, { FN(places_2_1) }, { FN(places_3_1), FN(places_3_2) }, { FN(places_4_1) }, { FN(places_5_1), FN(places_5_2) }
};

/* One pixel, whose window may hang over the end of the row. */
static void FN(depth_places_of_pixel)(const FN(depth_places_args) *a, isize j)
{
    const isize left = j * a->x.stride + axis_low(a->x), from = max_isize(0, -left), to = min_isize(a->x.taps, a->x.source - left);
    for (isize c = 0; c < a->channels; c += FN(LANES)) {
        const FN(vmask) mask = FN(mask_of)(min_isize(FN(LANES), a->channels - c));
        const FN(vec) dy = FN(vload_mask)(a->dy + j * a->channels + c, mask);
        for (isize q = from; q < to; q++) {
            real *sum = a->partial + q * a->pitch + c;
            FN(vstore)(sum, FN(vfma)(FN(vload_mask)(a->source + (left + q) * a->channels + c, mask), dy, FN(vload)(sum)));
        }
    }
}

void FN(depth_places_of_row)(const FN(depth_places_args) *a)
{
    isize first, last;
    FN(depth_inside)(a->x, &first, &last);
    for (isize j = 0; j < min_isize(first, a->x.size); j++) FN(depth_places_of_pixel)(a, j);
    if (last > first) FN(places)[a->x.taps - 1][a->x.stride - 1](a, first, last);
    for (isize j = max_isize(first, last); j < a->x.size; j++) FN(depth_places_of_pixel)(a, j);
}
#endif
