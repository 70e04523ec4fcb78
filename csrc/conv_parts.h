/* What the files of the convolution share: axes, the padded copy of a band of rows, register tiles, packed weights.

   An image axis of a convolution pass: output i reads source pixel i * stride + first + m * step through tap m, and tap m
   is place k_first + m * k_step of the window.  Forward, backward by the weight: first = -pad, step = dilation.  Backward by the input with
   stride s: s axes, one for each remainder of the pixel by s; the taps that fit come at equal distances too. */
#ifndef real
#ifndef PYDL_CONV_PARTS_H
#define PYDL_CONV_PARTS_H
#include <omp.h>
#include "conv.h"
#include "gemm.h"
#include "simd.h"

typedef struct { isize size; isize stride; isize taps; isize first; isize step; isize k_first; isize k_step; isize source; } conv_axis;

static inline isize axis_low(conv_axis x) { return x.taps ? min_isize(x.first, x.first + (x.taps - 1) * x.step) : 0; }
static inline isize axis_span(conv_axis x) { return x.taps ? (x.taps - 1) * (x.step < 0 ? -x.step : x.step) + 1 : 1; }
/* Source pixels that `count` neighbouring outputs read, from the lowest to the highest. */
static inline isize axis_reach(conv_axis x, isize count) { return (count - 1) * x.stride + axis_span(x); }
static inline isize axis_leaves_image(conv_axis x) { return axis_low(x) < 0 || axis_low(x) + axis_reach(x, x.size) > x.source; }
/* Distance of tap m from the lowest tap. */
static inline isize axis_tap(conv_axis x, isize m) { return x.first + m * x.step - axis_low(x); }
/* Whether output i reads padding through tap m. */
static inline int axis_outside(conv_axis x, isize i, isize m)
{
    const isize at = i * x.stride + x.first + m * x.step;
    return at < 0 || at >= x.source;
}

static inline conv_axis forward_axis(isize size, isize stride, isize taps, isize dilation, isize pad, isize source)
{
    return (conv_axis){ .size = size, .stride = stride, .taps = taps, .first = -pad, .step = dilation, .k_first = 0, .k_step = 1, .source = source };
}
static inline conv_axis rows_of(const pydl_conv2d *s) { return forward_axis(s->h_out, s->stride_h, s->kh, s->dilation_h, s->pad_top, s->h); }
static inline conv_axis cols_of(const pydl_conv2d *s) { return forward_axis(s->w_out, s->stride_w, s->kw, s->dilation_w, s->pad_left, s->w); }

/* Pixel i = remainder + stride * t of x gets dy[t + (remainder + pad - k * dilation) / stride] through every window place k that divides. */
static inline conv_axis backward_axis(isize remainder, isize size, isize stride, isize taps, isize dilation, isize pad, isize source)
{
    conv_axis x = { .size = remainder < size ? ceil_div(size - remainder, stride) : 0, .stride = 1, .source = source, .k_step = 1, .step = -dilation };
    for (isize k = taps - 1; k >= 0; k--) {
        const isize offset = remainder + pad - k * dilation;
        if (offset % stride) continue;
        if (x.taps) { x.k_step = x.k_first - k; x.step = x.first - offset / stride; }
        x.k_first = k;
        x.first = offset / stride;
        x.taps++;
    }
    return x;
}

/* Multiply-adds of one pass, for grain sizes only. */
static inline double conv_work(const pydl_conv2d *s)
{
    return (double)s->n * (double)s->h_out * (double)s->w_out * (double)s->kh * (double)s->kw * (double)(s->c_in / s->groups) * (double)s->c_out;
}
/* Below this many multiply-adds one thread is faster than waking two. */
#define CONV_PARALLEL_MIN 2e5
/* Tasks a pass is cut into, where its shape allows: enough for the threads of a desktop, by shape alone. */
#define CONV_TASKS ((isize)32)
/* Multiply-adds a task should have at least. */
#define CONV_TASK_WORK 5e4

/* Most channels that turn_row puts side by side. */
#define TURNED_MOST 8

/* Pixels summed in registers at a time: their part of dy, for a block of columns, stays in L1. */
#define CONV_CHUNK ((isize)128)

/* Reals of weights that a first- or second-level cache still holds when they are used again: larger ones are fetched ahead of their use.
   Forward with the windows turned: 1.3x at 14x14x512 (8 images) and 28x28x512, 1.1x at 56x56x128; with all of them fetched 0.93x at 56x56x64. */
#define WEIGHTS_AT_HAND ((isize)65536)

/* Bytes of images smaller than which they are not fetched ahead of their use: they were made a moment ago, and are in L2. */
#define IMAGES_AT_HAND ((isize)512 << 10)

static inline isize whole_lines(isize reals) { return ceil_div(reals, 16) * 16; }

/* Register tiles: rows by vectors of accumulators, beside the vectors of weights and a pixel. */
#if SIMD_REGISTERS == 32
#define TILE_ROWS 8
#define TILE_VECTORS 3
#elif defined(__AVX2__)
#define TILE_ROWS 6
#define TILE_VECTORS 2
#else
#define TILE_ROWS 4
#define TILE_VECTORS 2
#endif

#define EACH_REAL "conv_parts.h"
#include "each_real.h"
#endif
#else

/* What is used next and fetched into L2 meanwhile: `size` reals.  Evenly, some at each step of a sum: faster than it comes, loads would wait behind it.
   Winograd's form, 128x32x32x16: 1.3x, and 1.16x more than in bursts; 8x56x56x64: 1.1x more. */
typedef struct { const real *from; isize size; } FN(stretch);

/* `count` reals from place `from` of images on, `size` reals in all; nothing of images at hand. */
static inline FN(stretch) FN(stretch_of)(const real *images, isize size, isize from, isize count)
{
    if (from >= size || size * (isize)sizeof(real) < IMAGES_AT_HAND) return (FN(stretch)){ images, 0 };
    return (FN(stretch)){ images + from, min_isize(count, size - from) };
}
/* Part i of n. */
static inline FN(stretch) FN(part_of)(FN(stretch) r, isize i, isize n)
{
    const isize share = whole_lines(ceil_div(r.size, n)), first = min_isize(r.size, share * i);
    return (FN(stretch)){ r.from + first, min_isize(share, r.size - first) };
}
/* Part i of n of a and b, one after the other. */
static inline FN(stretch) FN(part_of_both)(FN(stretch) a, FN(stretch) b, isize i, isize n)
{
    const isize first = a.size + b.size > 0 ? ceil_div(n * a.size, a.size + b.size) : n;           /* so many parts are of a */
    return i < first ? FN(part_of)(a, i, first) : FN(part_of)(b, i - first, n - first);
}

/* What a register tile is given (conv_tile.h):  c[crow[i] + j] = start[j] + sum over p < k of a[arow[i] + acol[p]] * b[p, j] */
typedef struct {
    const real *a; const isize *arow; const isize *acol; isize k;
    const real *b;                                     /* (k, vectors * lanes), packed */
    isize across;                                      /* so many full blocks of columns of more than one vector, packed one after the other, that rows meet in turn; 0: one */
    const real *start;                                 /* (vectors * lanes), or NULL for 0 */
    isize accumulate;                                  /* start from c instead */
    isize relu;
    real *c; const isize *crow; isize tail;            /* tail: columns of the last vector that are stored, 1 to lanes */
    const real *skip;                                  /* skip[crow[i] + j] is added before the relu; or NULL */
    isize stream;                                      /* c is stored past the caches: its vectors stand at multiples of their size */
    FN(stretch) ahead;
} FN(tile_args);

/* The vector that holds one pixel's few channels. */
#ifdef SIMD_HALVES
typedef FN(half) FN(narrow);
typedef FN(half_mask) FN(narrow_mask);
enum { FN(NARROW_LANES) = FN(HALF_LANES) };
ALWAYS_INLINE FN(narrow) FN(nload)(const real *p) { return FN(hload)(p); }
ALWAYS_INLINE FN(narrow) FN(nset)(real x) { return FN(hset)(x); }
ALWAYS_INLINE void FN(nstore)(real *p, FN(narrow) x) { FN(hstore)(p, x); }
ALWAYS_INLINE FN(narrow) FN(nfma)(FN(narrow) a, FN(narrow) b, FN(narrow) c) { return FN(hfma)(a, b, c); }
ALWAYS_INLINE FN(narrow_mask) FN(nmask_of)(isize count) { return FN(half_mask_of)(count); }
ALWAYS_INLINE FN(narrow) FN(nload_mask)(const real *p, FN(narrow_mask) m) { return FN(hload_mask)(p, m); }
ALWAYS_INLINE void FN(nstore_mask)(real *p, FN(narrow_mask) m, FN(narrow) x) { FN(hstore_mask)(p, m, x); }
#else
typedef FN(vec) FN(narrow);
typedef FN(vmask) FN(narrow_mask);
enum { FN(NARROW_LANES) = FN(LANES) };
ALWAYS_INLINE FN(narrow) FN(nload)(const real *p) { return FN(vload)(p); }
ALWAYS_INLINE FN(narrow) FN(nset)(real x) { return FN(vset)(x); }
ALWAYS_INLINE void FN(nstore)(real *p, FN(narrow) x) { FN(vstore)(p, x); }
ALWAYS_INLINE FN(narrow) FN(nfma)(FN(narrow) a, FN(narrow) b, FN(narrow) c) { return FN(vfma)(a, b, c); }
ALWAYS_INLINE FN(narrow_mask) FN(nmask_of)(isize count) { return FN(mask_of)(count); }
ALWAYS_INLINE FN(narrow) FN(nload_mask)(const real *p, FN(narrow_mask) m) { return FN(vload_mask)(p, m); }
ALWAYS_INLINE void FN(nstore_mask)(real *p, FN(narrow_mask) m, FN(narrow) x) { FN(vstore_mask)(p, m, x); }
#endif

/* How `width` columns are cut into tiles: `vectors` vectors of `lanes`, in `blocks` nearly equal parts of up to TILE_VECTORS. */
typedef struct { isize width; isize lanes; isize vectors; isize blocks; } FN(columns);

static inline FN(columns) FN(columns_of)(isize width)
{
    FN(columns) c = { .width = width, .lanes = FN(LANES) };
#ifdef SIMD_HALVES
    if (width <= FN(HALF_LANES)) c.lanes = FN(HALF_LANES);
#endif
    c.vectors = ceil_div(width, c.lanes);
    c.blocks = ceil_div(c.vectors, TILE_VECTORS);
    return c;
}
static inline isize FN(columns_size)(FN(columns) c) { return c.vectors * c.lanes; }
static inline isize FN(block_start)(FN(columns) c, isize block) { return block * c.vectors / c.blocks * c.lanes; }

/* c[crow[i] + j] for all columns j of one block and `rows` rows; t->b, t->start and t->c are those of the block's first column, t->tail is set. */
void FN(run_tile)(FN(tile_args) *t, FN(columns) c, isize block, isize rows);
/* to: (count, columns of the block) = rows of `from`, `step` apart; 0 in idle columns and where the same place of `positive` (if any) is not > 0. */
void FN(pack_columns_of)(FN(columns) c, isize block, const real *from, const real *positive, isize step, isize count, real *to);
/* sum[o] += the columns of rows: (count, columns of the block), in chunks of CONV_CHUNK rows. */
void FN(sum_columns_of)(FN(columns) c, isize block, const real *rows, isize count, double *sum);

/* Short rows, which a call of memcpy would cost more than the copy. */
static inline void FN(copy_short)(const real *from, isize count, real *to)
{
    if (count < FN(LANES)) {
        for (isize i = 0; i < count; i++) to[i] = from[i];
        return;
    }
    for (isize i = 0; i + FN(LANES) < count; i += FN(LANES)) FN(vstore)(to + i, FN(vload)(from + i));
    FN(vstore)(to + count - FN(LANES), FN(vload)(from + count - FN(LANES)));
}
static inline void FN(zero_short)(isize count, real *to)
{
    isize i = 0;
    for (; i + FN(LANES) <= count; i += FN(LANES)) {
        OPAQUE(i);                                                   /* else a call of memset, which takes longer */
        FN(vstore)(to + i, FN(vzero)());
    }
    for (; i < count; i++) {
        OPAQUE(i);
        to[i] = 0;
    }
}

/* to[i] = x[i] where positive[i] > 0, else 0. */
static inline void FN(keep_positive)(const real *restrict x, const real *restrict positive, isize count, real *restrict to)
{
    #pragma omp simd
    for (isize i = 0; i < count; i++) {
        const real value = x[i];                                     /* read in any case: a load under a condition is no vector's */
        to[i] = positive[i] > 0 ? value : 0;
    }
}

/* copy[r, q, :] = image[top + r, left + q, :], 0 outside of the image, and 0 where the same place of `positive` (if any) is not > 0.
   image, positive: (h, w, c).  copy: (rows, cols, c), overwritten. */
static inline void FN(copy_band)(const real *image, const real *positive, isize h, isize w, isize c,
                                 isize top, isize rows, isize left, isize cols, real *copy)
{
    const isize from = max_isize(0, -left), to = max_isize(from, min_isize(cols, w - left));
    for (isize r = 0; r < rows; r++) {
        real *line = copy + r * cols * c;
        const isize row = top + r;
        if (row < 0 || row >= h || from >= to || from >= cols) {
            FN(zero_short)(cols * c, line);
            continue;
        }
        const isize at = (row * w + left + from) * c, count = (to - from) * c;
        FN(zero_short)(from * c, line);
        if (positive) FN(keep_positive)(image + at, positive + at, count, line + from * c);
        else FN(copy_short)(image + at, count, line + from * c);
        FN(zero_short)((cols - to) * c, line + to * c);
    }
}

/* total[o] += the sum of dy[., o], added up in registers over CONV_CHUNK windows at a time.   dy: (windows, c_out). */
static inline void FN(sum_channels)(const real *dy, isize windows, isize c_out, double *total)
{
    for (isize o = 0; o < c_out; o += FN(LANES)) {
        const isize lanes = min_isize(FN(LANES), c_out - o);
        const FN(vmask) mask = FN(mask_of)(lanes);
        for (isize first = 0; first < windows; first += CONV_CHUNK) {
            const isize stop = min_isize(first + CONV_CHUNK, windows);
            FN(vec) part[4] = { FN(vzero)(), FN(vzero)(), FN(vzero)(), FN(vzero)() };
            isize k = first;
            for (; k + 4 <= stop; k += 4)
                #pragma GCC unroll 4
                for (isize j = 0; j < 4; j++) {
                    const real *at = dy + (k + j) * c_out + o;
                    part[j] += lanes == FN(LANES) ? FN(vload)(at) : FN(vload_mask)(at, mask);
                }
            for (; k < stop; k++) part[0] += FN(vload_mask)(dy + k * c_out + o, mask);
            real lane[FN(LANES)];
            FN(vstore)(lane, (part[0] + part[1]) + (part[2] + part[3]));
            for (isize i = 0; i < lanes; i++) total[o + i] += (double)lane[i];
        }
    }
}

/* to[j * width + o] = sums[o][j], planes to pixels, in `quads` pieces of 16 bytes a pixel.  They may reach into the next pixel, which comes later; the last pixel's do not. */
ALWAYS_INLINE void FN(turn_core)(const real *sums, isize plane, isize pixels, isize width, real *to, const int quads)
{
    real turned[TURNED_MOST][FN(LANES)];
    for (isize j = 0; j < pixels; j += FN(LANES)) {
        #pragma GCC unroll 4
        for (int o = 0; o < quads * FN(QUAD); o += FN(QUAD)) {
            FN(vec) r[FN(QUAD)];
            #pragma GCC unroll 4
            for (int q = 0; q < FN(QUAD); q++) r[q] = o + q < width ? FN(vload)(sums + (o + q) * plane + j) : FN(vzero)();
            FN(vtranspose_lanes)(r);
            #pragma GCC unroll 4
            for (int q = 0; q < FN(QUAD); q++) FN(vstore)(turned[o + q], r[q]);
        }
        const isize count = min_isize(FN(LANES), pixels - j), whole = j + count < pixels ? count : count - 1;
        real *at = to + j * width;
        if (whole == FN(LANES))
            #pragma GCC unroll 16
            for (int l = 0; l < FN(LANES); l++, at += width)
                #pragma GCC unroll 4
                for (int o = 0; o < quads; o++) memcpy(at + o * FN(QUAD), turned[o * FN(QUAD) + l % FN(QUAD)] + l / FN(QUAD) * FN(QUAD), 16);
        else {
            for (isize l = 0; l < whole; l++, at += width)
                #pragma GCC unroll 4
                for (int o = 0; o < quads; o++) memcpy(at + o * FN(QUAD), turned[o * FN(QUAD) + l % FN(QUAD)] + l / FN(QUAD) * FN(QUAD), 16);
            for (isize o = 0; o < width; o++) at[o] = turned[o / FN(QUAD) * FN(QUAD) + whole % FN(QUAD)][whole / FN(QUAD) * FN(QUAD) + o % FN(QUAD)];
        }
    }
}
static inline void FN(turn_row)(const real *sums, isize plane, isize pixels, isize width, real *to)
{
    if (width == 1) FN(copy_short)(sums, pixels, to);
    else switch (ceil_div(width, FN(QUAD))) {
        case 1: FN(turn_core)(sums, plane, pixels, width, to, 1); break;
        case 2: FN(turn_core)(sums, plane, pixels, width, to, 2); break;
#if !REAL_IS_FLOAT
        case 3: FN(turn_core)(sums, plane, pixels, width, to, 3); break;
        case 4: FN(turn_core)(sums, plane, pixels, width, to, 4); break;
#endif
    }
}

/* acol[(m, q, c)] = where tap (m, q), channel c lies from the lowest tap, in an image of `pitch` pixels of `channels` a row. */
static inline void FN(window_table)(conv_axis y, conv_axis x, isize pitch, isize channels, isize depth, isize *acol)
{
    for (isize m = 0; m < y.taps; m++)
        for (isize q = 0; q < x.taps; q++)
            for (isize c = 0; c < depth; c++)
                acol[(m * x.taps + q) * depth + c] = (axis_tap(y, m) * pitch + axis_tap(x, q)) * channels + c;
}

/* packed: for each group and block of columns, (taps, depth, columns of the block), idle columns 0.
   Element (tap, channel c, column o) of group g is weight[place * tap_step + g * group_step + c * c_step + o * o_step], place = the tap's place in a window kw wide. */
typedef struct {
    FN(columns) cols; conv_axis y; conv_axis x; isize depth; const real *weight; isize kw;
    isize tap_step; isize group_step; isize c_step; isize o_step; real *packed;
} FN(packing);

static inline void FN(pack_taps)(const void *data, isize start, isize stop)
{
    const FN(packing) *d = data;
    const FN(columns) cols = d->cols;
    const isize taps = d->y.taps * d->x.taps, size = FN(columns_size)(cols), depth = d->depth, c_step = d->c_step, o_step = d->o_step;
    for (isize task = start; task < stop; task++) {
        const isize g = task / taps, tap = task % taps;
        const isize place = (d->y.k_first + tap / d->x.taps * d->y.k_step) * d->kw + d->x.k_first + tap % d->x.taps * d->x.k_step;
        const real *from = d->weight + place * d->tap_step + g * d->group_step;
        for (isize block = 0; block < cols.blocks; block++) {
            const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
            const isize count = min_isize(wide, cols.width - first);
            real *to = d->packed + (g * size + first) * taps * depth + tap * depth * wide;
            FN(gemm_pack_strip)(from + first * o_step, o_step, c_step, count, depth, wide, to);
        }
    }
}

static inline void FN(pack)(const pydl_ctx *ctx, FN(columns) cols, conv_axis y, conv_axis x, isize groups, isize depth, const real *weight, isize kw,
                            isize tap_step, isize group_step, isize c_step, isize o_step, real *packed)
{
    const FN(packing) d = { cols, y, x, depth, weight, kw, tap_step, group_step, c_step, o_step, packed };
    const isize tasks = groups * y.taps * x.taps;
    run_parts(ctx, tasks * depth * FN(columns_size)(cols) > 4 * PARALLEL_MIN, tasks, 1, FN(pack_taps), &d);
}
#endif
