/* Vector lanes run over channels, `lanes` at a time: the last block of a pixel starts at c - lanes and repeats a few
   channels rather than run short.  With fewer channels than lanes a block reaches into the next pixel: reading there is
   harmless inside the array, and what is written there is overwritten when the row comes to that pixel; the last
   pixels of a row, and of the array, go one channel at a time.

   Forward goes by rows of outputs, backward by rows of inputs, to which it adds the outputs above it: so every row is
   written by one thread, with its terms in a fixed order. */
#ifndef real
#include "simd.h"
#include "pool_parts.h"

/* Without a copy of the core for each constant (lanes, window), maxima are 4 to 5 times slower; only inlining makes it. */
#define CORE static inline __attribute__((always_inline)) void
#define LANES (SIMD_REGISTERS == 32 ? 32 : 16)      /* the other way round, 3x3 maxima are 1.2x slower at both levels */

typedef struct { isize from, to; } range;

/* The rows (or columns) of the image that window o covers. */
static inline range covered(isize o, isize stride, isize before, isize window, isize size)
{
    return (range){ max_isize(o * stride - before, 0), min_isize(o * stride - before + window, size) };
}

/* The windows that cover row (or column) i; from >= to if there is none. */
static inline range windows_over(isize i, isize stride, isize before, isize window, isize outputs)
{
    isize at = i + before;
    return (range){ at < window ? 0 : (at - window) / stride + 1, min_isize(at / stride + 1, outputs) };
}

/* The outputs of a row that need no care: their windows are whole, and `lanes` channels from any of their pixels on stay inside
   the array, or the row of outputs.  top: the first row of their windows; from: where the first window would start in x. */
static inline range inner_outputs(const pydl_pool2d *g, isize top, isize from, isize kh, isize kw, isize lanes)
{
    const isize c = g->c, row = g->w * c, room = g->w - kw + g->left;
    range inner = { min_isize(ceil_div(g->left, g->sw), g->ow), room < 0 ? 0 : min_isize(room / g->sw + 1, g->ow) };
    if (top < 0 || top + kh > g->h) inner.to = 0;
    if (c < lanes) {
        while (inner.to > inner.from && (inner.to - 1) * c + lanes > g->ow * c) inner.to--;
        while (inner.to > inner.from && from + ((inner.to - 1) * g->sw + kw - 1) * c + (kh - 1) * row + lanes > g->n * g->h * row) inner.to--;
    }
    inner.to = max_isize(inner.from, inner.to);
    return inner;
}

static inline int lanes_for(isize c) { return c <= 4 ? 4 : c <= 8 ? 8 : c < LANES ? 16 : LANES; }

#define EACH_REAL "pool.c"
#include "each_real.h"
#else

#if REAL_IS_FLOAT
CORE FN(positions_from_bytes)(const uint8_t *p, int32_t *where, const int lanes) { widen_bytes(p, where, lanes); }
CORE FN(bytes_from_positions)(const int32_t *where, uint8_t *p, const int lanes) { narrow_bytes(where, p, lanes); }
#else
CORE FN(positions_from_bytes)(const uint8_t *p, int64_t *where, const int lanes) { for (int l = 0; l < lanes; l++) where[l] = p[l]; }
CORE FN(bytes_from_positions)(const int64_t *where, uint8_t *p, const int lanes) { for (int l = 0; l < lanes; l++) p[l] = (uint8_t)where[l]; }
#endif

/* ---- maximum, forward ---- */

/* One block of one output: x at the first covered pixel, whose position in the window is `first`; rows x cols pixels are covered. */
CORE FN(max_core)(const real *x, isize row, isize c, isize rows, isize cols, isize first, isize kw,
                  real *y, uint8_t *argmax, int32_t *argmax_wide, const int lanes)
{
    real best[LANES];
    FN(lane_int) where[LANES];
    #pragma omp simd
    for (int l = 0; l < lanes; l++) { best[l] = x[l]; where[l] = (FN(lane_int))first; }
    for (isize i = 0; i < rows; i++)
        for (isize j = 0; j < cols; j++) {
            const real *p = x + i * row + j * c;
            const FN(lane_int) position = (FN(lane_int))(first + i * kw + j);
            #pragma omp simd
            for (int l = 0; l < lanes; l++) {
                int beats = !(p[l] <= best[l]) & (best[l] == best[l]);
                best[l] = beats ? p[l] : best[l];
                where[l] = beats ? position : where[l];
            }
        }
    #pragma omp simd
    for (int l = 0; l < lanes; l++) y[l] = best[l];
    if (argmax) FN(bytes_from_positions)(where, argmax, lanes);
    if (argmax_wide) {
        #pragma omp simd
        for (int l = 0; l < lanes; l++) argmax_wide[l] = (int32_t)where[l];
    }
}

/* The same where nobody asks for positions: a NaN in one of two pixels is found by one comparison. */
CORE FN(max_only_core)(const real *x, isize row, isize c, isize rows, isize cols, real *y, const int lanes)
{
    real best[LANES];
    FN(lane_int) unordered[LANES];
    #pragma omp simd
    for (int l = 0; l < lanes; l++) { best[l] = x[l]; unordered[l] = 0; }
    for (isize i = 0; i < rows; i++)
        for (isize j = 0; j < cols; j += 2) {
            const real *p = x + i * row + j * c, *q = j + 1 < cols ? p + c : p;
            #pragma omp simd
            for (int l = 0; l < lanes; l++) {
                best[l] = p[l] > best[l] ? p[l] : best[l];
                best[l] = q[l] > best[l] ? q[l] : best[l];
                unordered[l] |= __builtin_isunordered(p[l], q[l]);
            }
        }
    #pragma omp simd
    for (int l = 0; l < lanes; l++) y[l] = unordered[l] ? (real)NAN : best[l];
}

/* Outputs from .. to - 1 of a row, whatever their windows cover. */
static void FN(max_edge)(const FN(max_pool2d_forward_args) *a, isize b, isize oy, isize first_output, isize last_output)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c;
    const range r = covered(oy, g->sh, g->top, g->kh, g->h);
    for (isize ox = first_output; ox < last_output; ox++) {
        const range s = covered(ox, g->sw, g->left, g->kw, g->w);
        const isize rows = r.to - r.from, cols = s.to - s.from;
        const isize first = (r.from - oy * g->sh + g->top) * g->kw + s.from - ox * g->sw + g->left;
        const real *x = a->x + (b * g->h + r.from) * row + s.from * c;
        const isize to = ((b * g->oh + oy) * g->ow + ox) * c;
        uint8_t *argmax = a->argmax ? a->argmax + to : NULL;
        int32_t *argmax_wide = a->argmax_wide ? a->argmax_wide + to : NULL;
        isize ch = 0;
        for (; ch + LANES <= c; ch += LANES)
            FN(max_core)(x + ch, row, c, rows, cols, first, g->kw, a->y + to + ch, argmax ? argmax + ch : NULL, argmax_wide ? argmax_wide + ch : NULL, LANES);
        for (; ch < c; ch++)
            FN(max_core)(x + ch, row, c, rows, cols, first, g->kw, a->y + to + ch, argmax ? argmax + ch : NULL, argmax_wide ? argmax_wide + ch : NULL, 1);
    }
}

/* One row of outputs.  kh and kw are those of g: constants in the specialised copies. */
CORE FN(max_row)(const FN(max_pool2d_forward_args) *a, isize b, isize oy, isize kh, isize kw, const int lanes)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c, y_row = (b * g->oh + oy) * g->ow * c;
    const isize top = oy * g->sh - g->top, from = (b * g->h + top) * row - g->left * c;
    const range inner = inner_outputs(g, top, from, kh, kw, lanes);
    FN(max_edge)(a, b, oy, 0, inner.from);
    uint8_t *argmax = a->argmax ? a->argmax + y_row : NULL;
    int32_t *argmax_wide = a->argmax_wide ? a->argmax_wide + y_row : NULL;
    for (isize ox = inner.from; ox < inner.to; ox++) {
        const real *x = a->x + from + ox * g->sw * c;
        real *y = a->y + y_row + ox * c;
        for (isize ch = 0; ch < c; ch += lanes) {
            const isize at = c < lanes ? 0 : min_isize(ch, c - lanes);
            if (!argmax && !argmax_wide) FN(max_only_core)(x + at, row, c, kh, kw, y + at, lanes);
            else FN(max_core)(x + at, row, c, kh, kw, 0, kw, y + at, argmax ? argmax + ox * c + at : NULL, argmax_wide ? argmax_wide + ox * c + at : NULL, lanes);
        }
    }
    FN(max_edge)(a, b, oy, inner.to, g->ow);
}

static void FN(max_any)(const FN(max_pool2d_forward_args) *a, isize b, isize oy)
{
    const isize kh = a->g.kh, kw = a->g.kw;
    const int lanes = lanes_for(a->g.c);
    if (kh == 2 && kw == 2) {
        if (lanes == 4) FN(max_row)(a, b, oy, 2, 2, 4);
        else if (lanes == 8) FN(max_row)(a, b, oy, 2, 2, 8);
        else if (lanes == 16) FN(max_row)(a, b, oy, 2, 2, 16);
        else FN(max_row)(a, b, oy, 2, 2, LANES);
    } else if (kh == 3 && kw == 3) {
        if (lanes == 4) FN(max_row)(a, b, oy, 3, 3, 4);
        else if (lanes == 8) FN(max_row)(a, b, oy, 3, 3, 8);
        else if (lanes == 16) FN(max_row)(a, b, oy, 3, 3, 16);
        else FN(max_row)(a, b, oy, 3, 3, LANES);
    } else {
        if (lanes == 4) FN(max_row)(a, b, oy, kh, kw, 4);
        else if (lanes == 8) FN(max_row)(a, b, oy, kh, kw, 8);
        else if (lanes == 16) FN(max_row)(a, b, oy, kh, kw, 16);
        else FN(max_row)(a, b, oy, kh, kw, LANES);
    }
}

void FN(max_pool2d_rows)(const FN(max_pool2d_forward_args) *a, isize first, isize last)
{
    for (isize i = first; i < last; i++) FN(max_any)(a, i / a->g.oh, i % a->g.oh);
}

static void FN(max_rows)(const void *args, isize start, isize stop) { FN(max_pool2d_rows)(args, start, stop); }

pydl_status FN(max_pool2d_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(max_pool2d_forward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    return run_parts(ctx, parallel_rows(g->n * g->oh, g->ow * g->c * g->kh * g->kw), g->n * g->oh, 1, FN(max_rows), a);
}

/* ---- maximum, backward ---- */

/* One block of one output, spread over the `cols` pixels of one row of its window; `position` is that of the first. */
CORE FN(max_back_core)(const real *dy, const uint8_t *argmax, const int32_t *argmax_wide, isize position, isize cols, isize c, real *dx, const int lanes)
{
    FN(lane_int) where[LANES];
    if (argmax) FN(positions_from_bytes)(argmax, where, lanes);
    else {
        #pragma omp simd
        for (int l = 0; l < lanes; l++) where[l] = argmax_wide[l];
    }
    for (isize j = 0; j < cols; j++) {
        const FN(lane_int) here = (FN(lane_int))(position + j);
        real *to = dx + j * c;
        #pragma omp simd
        for (int l = 0; l < lanes; l++) to[l] += where[l] == here ? dy[l] : 0;
    }
}

/* One row of dx: the outputs whose windows cover it, row by row. */
static void FN(max_back_row)(const FN(max_pool2d_backward_args) *a, isize b, isize iy)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c;
    const range r = windows_over(iy, g->sh, g->top, g->kh, g->oh);
    real *dx = a->dx + (b * g->h + iy) * g->w * c;
    memset(dx, 0, (size_t)(g->w * c) * sizeof(real));
    for (isize oy = r.from; oy < r.to; oy++)
        for (isize ox = 0; ox < g->ow; ox++) {
            const range s = covered(ox, g->sw, g->left, g->kw, g->w);
            const isize at = ((b * g->oh + oy) * g->ow + ox) * c, cols = s.to - s.from;
            const isize position = (iy + g->top - oy * g->sh) * g->kw + s.from - ox * g->sw + g->left;
            const uint8_t *argmax = a->argmax ? a->argmax + at : NULL;
            const int32_t *argmax_wide = a->argmax ? NULL : a->argmax_wide + at;
            const real *dy = a->dy + at;
            real *to = dx + s.from * c;
            isize ch = 0;
            if (argmax && cols == 3) {          /* no loop over the row of a 3x3 window: dy stays in registers (1.15x at 8x28x28x32, 2x at 64x28x28x6) */
                for (; ch + 16 <= c; ch += 16) FN(max_back_core)(dy + ch, argmax + ch, NULL, position, 3, c, to + ch, 16);
                for (; ch + 4 <= c; ch += 4) FN(max_back_core)(dy + ch, argmax + ch, NULL, position, 3, c, to + ch, 4);
            }
            for (; ch + 16 <= c; ch += 16)
                FN(max_back_core)(dy + ch, argmax ? argmax + ch : NULL, argmax_wide ? argmax_wide + ch : NULL, position, cols, c, to + ch, 16);
            for (; ch < c; ch++)
                FN(max_back_core)(dy + ch, argmax ? argmax + ch : NULL, argmax_wide ? argmax_wide + ch : NULL, position, cols, c, to + ch, 1);
        }
}

/* 2x2 windows at stride 2: an output spreads over its own four pixels, read once, nothing added up (2.5x at 8x28x28x32, 9x at 64x28x28x6). */
CORE FN(max_back_2x2_core)(const real *dy, const uint8_t *argmax, isize row, isize c, real *dx, const int lanes)
{
    FN(lane_int) where[LANES];
    FN(positions_from_bytes)(argmax, where, lanes);
    #pragma omp simd
    for (int l = 0; l < lanes; l++) dx[l] = where[l] == 0 ? dy[l] : 0;
    #pragma omp simd
    for (int l = 0; l < lanes; l++) dx[c + l] = where[l] == 1 ? dy[l] : 0;
    #pragma omp simd
    for (int l = 0; l < lanes; l++) dx[row + l] = where[l] == 2 ? dy[l] : 0;
    #pragma omp simd
    for (int l = 0; l < lanes; l++) dx[row + c + l] = where[l] == 3 ? dy[l] : 0;
}

/* Rows 2 * oy and 2 * oy + 1 of dx; whole windows only.  `lanes` at least c: every pixel in one go, but the last of the row. */
CORE FN(max_back_2x2_row)(const FN(max_pool2d_backward_args) *a, isize b, isize oy, const int lanes)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c, from = (b * g->oh + oy) * g->ow * c;
    real *dx = a->dx + (b * g->h + 2 * oy) * row;
    for (isize ox = 0; ox < g->ow; ox++) {
        const real *dy = a->dy + from + ox * c;
        const uint8_t *argmax = a->argmax + from + ox * c;
        real *to = dx + 2 * ox * c;
        isize ch = 0;
        if (c <= lanes && (g->ow - ox) * c >= lanes) {
            FN(max_back_2x2_core)(dy, argmax, row, c, to, lanes);
            continue;
        }
        for (; ch + 16 <= c; ch += 16) FN(max_back_2x2_core)(dy + ch, argmax + ch, row, c, to + ch, 16);
        for (; ch + 4 <= c; ch += 4) FN(max_back_2x2_core)(dy + ch, argmax + ch, row, c, to + ch, 4);
        for (; ch < c; ch++) FN(max_back_2x2_core)(dy + ch, argmax + ch, row, c, to + ch, 1);
    }
    for (isize i = 2 * g->ow * c; i < row; i++) dx[i] = dx[row + i] = 0;
}

static void FN(max_back_2x2_rows)(const FN(max_pool2d_backward_args) *a, isize b, isize oy)
{
    if (a->g.c <= 4) FN(max_back_2x2_row)(a, b, oy, 4);
    else if (a->g.c <= 8) FN(max_back_2x2_row)(a, b, oy, 8);
    else FN(max_back_2x2_row)(a, b, oy, 16);
}

/* Pairs of rows of an image that windows of 2x2 at stride 2 lie on alone. */
static isize FN(max_pairs)(const FN(max_pool2d_backward_args) *a)
{
    const pydl_pool2d *g = &a->g;
    const int whole = a->argmax && g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && !g->top && !g->left
                      && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    return whole ? g->oh : 0;
}

static void FN(max_back_units)(const void *args, isize start, isize stop)
{
    const FN(max_pool2d_backward_args) *a = args;
    const isize paired = FN(max_pairs)(a), units = a->g.h - paired;
    for (isize i = start; i < stop; i++) {
        const isize b = i / units, unit = i % units;
        if (unit < paired) FN(max_back_2x2_rows)(a, b, unit);
        else FN(max_back_row)(a, b, unit + paired);
    }
}

pydl_status FN(max_pool2d_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(max_pool2d_backward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    if (g->oh == 0 || g->ow == 0 || g->c == 0) {
        memset(a->dx, 0, (size_t)(g->n * g->h * g->w * g->c) * sizeof(real));
        return PYDL_OK;
    }
    const isize units = g->n * (g->h - FN(max_pairs)(a));
    return run_parts(ctx, parallel_rows(units, g->w * g->c * 2), units, 1, FN(max_back_units), a);
}

/* ---- average, forward ---- */

CORE FN(avg_core)(const real *x, isize row, isize c, isize rows, isize cols, real *y, const int lanes)
{
    real sum[LANES];
    const real scale = (real)1 / (real)(rows * cols);
    #pragma omp simd
    for (int l = 0; l < lanes; l++) sum[l] = 0;
    for (isize i = 0; i < rows; i++)
        for (isize j = 0; j < cols; j++) {
            const real *p = x + i * row + j * c;
            #pragma omp simd
            for (int l = 0; l < lanes; l++) sum[l] += p[l];
        }
    #pragma omp simd
    for (int l = 0; l < lanes; l++) y[l] = sum[l] * scale;
}

static void FN(avg_edge)(const FN(avg_pool2d_forward_args) *a, isize b, isize oy, isize first_output, isize last_output)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c;
    const range r = covered(oy, g->sh, g->top, g->kh, g->h);
    for (isize ox = first_output; ox < last_output; ox++) {
        const range s = covered(ox, g->sw, g->left, g->kw, g->w);
        const real *x = a->x + (b * g->h + r.from) * row + s.from * c;
        real *y = a->y + ((b * g->oh + oy) * g->ow + ox) * c;
        isize ch = 0;
        for (; ch + LANES <= c; ch += LANES) FN(avg_core)(x + ch, row, c, r.to - r.from, s.to - s.from, y + ch, LANES);
        for (; ch < c; ch++) FN(avg_core)(x + ch, row, c, r.to - r.from, s.to - s.from, y + ch, 1);
    }
}

CORE FN(avg_row)(const FN(avg_pool2d_forward_args) *a, isize b, isize oy, isize kh, isize kw, const int lanes)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c, y_row = (b * g->oh + oy) * g->ow * c;
    const isize top = oy * g->sh - g->top, from = (b * g->h + top) * row - g->left * c;
    const range inner = inner_outputs(g, top, from, kh, kw, lanes);
    FN(avg_edge)(a, b, oy, 0, inner.from);
    for (isize ox = inner.from; ox < inner.to; ox++)
        for (isize ch = 0; ch < c; ch += lanes) {
            const isize at = c < lanes ? 0 : min_isize(ch, c - lanes);
            FN(avg_core)(a->x + from + ox * g->sw * c + at, row, c, kh, kw, a->y + y_row + ox * c + at, lanes);
        }
    FN(avg_edge)(a, b, oy, inner.to, g->ow);
}

static void FN(avg_any)(const FN(avg_pool2d_forward_args) *a, isize b, isize oy)
{
    const isize kh = a->g.kh, kw = a->g.kw;
    const int lanes = lanes_for(a->g.c);
    if (kh == 2 && kw == 2) {
        if (lanes == 4) FN(avg_row)(a, b, oy, 2, 2, 4);
        else if (lanes == 8) FN(avg_row)(a, b, oy, 2, 2, 8);
        else if (lanes == 16) FN(avg_row)(a, b, oy, 2, 2, 16);
        else FN(avg_row)(a, b, oy, 2, 2, LANES);
    } else if (kh == 3 && kw == 3) {
        if (lanes == 4) FN(avg_row)(a, b, oy, 3, 3, 4);
        else if (lanes == 8) FN(avg_row)(a, b, oy, 3, 3, 8);
        else if (lanes == 16) FN(avg_row)(a, b, oy, 3, 3, 16);
        else FN(avg_row)(a, b, oy, 3, 3, LANES);
    } else {
        if (lanes == 4) FN(avg_row)(a, b, oy, kh, kw, 4);
        else if (lanes == 8) FN(avg_row)(a, b, oy, kh, kw, 8);
        else if (lanes == 16) FN(avg_row)(a, b, oy, kh, kw, 16);
        else FN(avg_row)(a, b, oy, kh, kw, LANES);
    }
}

static void FN(avg_rows)(const void *args, isize start, isize stop)
{
    const FN(avg_pool2d_forward_args) *a = args;
    for (isize i = start; i < stop; i++) FN(avg_any)(a, i / a->g.oh, i % a->g.oh);
}

pydl_status FN(avg_pool2d_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(avg_pool2d_forward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    return run_parts(ctx, parallel_rows(g->n * g->oh, g->ow * g->c * g->kh * g->kw), g->n * g->oh, 1, FN(avg_rows), a);
}

/* ---- average, backward ---- */

CORE FN(avg_back_core)(const real *dy, real share, isize cols, isize c, real *dx, const int lanes)
{
    for (isize j = 0; j < cols; j++) {
        real *to = dx + j * c;
        #pragma omp simd
        for (int l = 0; l < lanes; l++) to[l] += share * dy[l];
    }
}

/* One row of dx: the outputs whose windows cover it, row by row. */
static void FN(avg_back_row)(const FN(avg_pool2d_backward_args) *a, isize b, isize iy)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c;
    const range r = windows_over(iy, g->sh, g->top, g->kh, g->oh);
    real *dx = a->dx + (b * g->h + iy) * g->w * c;
    memset(dx, 0, (size_t)(g->w * c) * sizeof(real));
    for (isize oy = r.from; oy < r.to; oy++) {
        const range rows = covered(oy, g->sh, g->top, g->kh, g->h);
        const real whole = (real)1 / (real)((rows.to - rows.from) * g->kw);
        for (isize ox = 0; ox < g->ow; ox++) {
            const range s = covered(ox, g->sw, g->left, g->kw, g->w);
            const isize cols = s.to - s.from;
            const real share = cols == g->kw ? whole : (real)1 / (real)((rows.to - rows.from) * cols);
            const real *dy = a->dy + ((b * g->oh + oy) * g->ow + ox) * c;
            real *to = dx + s.from * c;
            isize ch = 0;
            for (; ch + 16 <= c; ch += 16) FN(avg_back_core)(dy + ch, share, cols, c, to + ch, 16);
            for (; ch + 4 <= c; ch += 4) FN(avg_back_core)(dy + ch, share, cols, c, to + ch, 4);
            for (; ch < c; ch++) FN(avg_back_core)(dy + ch, share, cols, c, to + ch, 1);
        }
    }
}

/* Rows 2 * oy and 2 * oy + 1 of dx, as in max_back_2x2_rows. */
static void FN(avg_back_2x2_rows)(const FN(avg_pool2d_backward_args) *a, isize b, isize oy)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c;
    const real *dy = a->dy + (b * g->oh + oy) * g->ow * c;
    real *dx = a->dx + (b * g->h + 2 * oy) * row;
    for (isize ox = 0; ox < g->ow; ox++) {
        const real *d = dy + ox * c;
        real *to = dx + 2 * ox * c;
        #pragma omp simd
        for (isize ch = 0; ch < c; ch++) to[ch] = to[c + ch] = to[row + ch] = to[row + c + ch] = (real)0.25 * d[ch];
    }
    for (isize i = 2 * g->ow * c; i < row; i++) dx[i] = dx[row + i] = 0;
}

static isize FN(avg_pairs)(const pydl_pool2d *g)
{
    return g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && !g->top && !g->left && 2 * g->oh <= g->h && 2 * g->ow <= g->w ? g->oh : 0;
}

static void FN(avg_back_units)(const void *args, isize start, isize stop)
{
    const FN(avg_pool2d_backward_args) *a = args;
    const isize paired = FN(avg_pairs)(&a->g), units = a->g.h - paired;
    for (isize i = start; i < stop; i++) {
        const isize b = i / units, unit = i % units;
        if (unit < paired) FN(avg_back_2x2_rows)(a, b, unit);
        else FN(avg_back_row)(a, b, unit + paired);
    }
}

pydl_status FN(avg_pool2d_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(avg_pool2d_backward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    if (g->oh == 0 || g->ow == 0 || g->c == 0) {
        memset(a->dx, 0, (size_t)(g->n * g->h * g->w * g->c) * sizeof(real));
        return PYDL_OK;
    }
    const isize units = g->n * (g->h - FN(avg_pairs)(g));
    return run_parts(ctx, parallel_rows(units, g->w * g->c * 2), units, 1, FN(avg_back_units), a);
}

#endif
