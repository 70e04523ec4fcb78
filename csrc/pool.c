/* Vector lanes run over channels, `lanes` at a time: the last block of a pixel starts at c - lanes and repeats a few
   channels rather than run short.  With fewer channels than lanes a block reaches into the next pixel: reading there is
   harmless inside the array, and what is written there is overwritten when the row comes to that pixel; the last
   pixels of a row, and of the array, go one channel at a time.

   Forward walks outputs, backward walks inputs and gathers from the windows that cover a pixel: so every element is
   written by one thread, with its terms in a fixed order. */
#ifndef real
#include "internal.h"
#include "pool.h"

/* Without a copy of the core for each constant (lanes, window), these loops are 3 times slower; only inlining makes it. */
#define CORE static inline __attribute__((always_inline)) void
#define LANES 16

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

static inline int lanes_for(isize c) { return c <= 4 ? 4 : c <= 8 ? 8 : LANES; }

/* Rows of work, each of `row` elements, that one call takes; whether they are worth a second thread. */
static inline int parallel_rows(isize rows, isize row) { return rows > 1 && rows * row > PARALLEL_MIN / 2; }

#define EACH_REAL "pool.c"
#include "each_real.h"
#else

#if REAL_IS_FLOAT
typedef int32_t FN(lane_int);     /* as wide as a real, so that one mask serves both */
#else
typedef int64_t FN(lane_int);
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
    if (argmax) {
        #pragma omp simd
        for (int l = 0; l < lanes; l++) argmax[l] = (uint8_t)where[l];
    }
    if (argmax_wide) {
        #pragma omp simd
        for (int l = 0; l < lanes; l++) argmax_wide[l] = (int32_t)where[l];
    }
}

/* One row of outputs.  kh and kw are those of g: constants in the specialised copies. */
CORE FN(max_row)(const FN(max_pool2d_forward_args) *a, isize b, isize oy, isize kh, isize kw, const int lanes)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c, x_end = g->n * g->h * row;
    const isize y_row = (b * g->oh + oy) * g->ow * c, y_end = y_row + g->ow * c;
    const range r = covered(oy, g->sh, g->top, kh, g->h);
    for (isize ox = 0; ox < g->ow; ox++) {
        const range s = covered(ox, g->sw, g->left, kw, g->w);
        const isize rows = r.to - r.from, cols = s.to - s.from;
        const isize from = (b * g->h + r.from) * row + s.from * c, to = y_row + ox * c;
        const isize first = (r.from - oy * g->sh + g->top) * kw + s.from - ox * g->sw + g->left;
        uint8_t *argmax = a->argmax ? a->argmax + to : NULL;
        int32_t *argmax_wide = a->argmax_wide ? a->argmax_wide + to : NULL;
        if (c < lanes && (to + lanes > y_end || from + (rows - 1) * row + (cols - 1) * c + lanes > x_end)) {
            for (isize ch = 0; ch < c; ch++)
                FN(max_core)(a->x + from + ch, row, c, rows, cols, first, kw, a->y + to + ch,
                             argmax ? argmax + ch : NULL, argmax_wide ? argmax_wide + ch : NULL, 1);
            continue;
        }
        for (isize ch = 0; ch < c; ch += lanes) {
            const isize at = c < lanes ? 0 : min_isize(ch, c - lanes);
            uint8_t *byte = argmax ? argmax + at : NULL;
            int32_t *wide = argmax_wide ? argmax_wide + at : NULL;
            if (rows == kh && cols == kw) FN(max_core)(a->x + from + at, row, c, kh, kw, 0, kw, a->y + to + at, byte, wide, lanes);
            else FN(max_core)(a->x + from + at, row, c, rows, cols, first, kw, a->y + to + at, byte, wide, lanes);
        }
    }
}

static void FN(max_any)(const FN(max_pool2d_forward_args) *a, isize b, isize oy)
{
    const isize kh = a->g.kh, kw = a->g.kw;
    const int lanes = lanes_for(a->g.c);
    if (kh == 2 && kw == 2) {
        if (lanes == 4) FN(max_row)(a, b, oy, 2, 2, 4);
        else if (lanes == 8) FN(max_row)(a, b, oy, 2, 2, 8);
        else FN(max_row)(a, b, oy, 2, 2, LANES);
    } else if (kh == 3 && kw == 3) {
        if (lanes == 4) FN(max_row)(a, b, oy, 3, 3, 4);
        else if (lanes == 8) FN(max_row)(a, b, oy, 3, 3, 8);
        else FN(max_row)(a, b, oy, 3, 3, LANES);
    } else {
        if (lanes == 4) FN(max_row)(a, b, oy, kh, kw, 4);
        else if (lanes == 8) FN(max_row)(a, b, oy, kh, kw, 8);
        else FN(max_row)(a, b, oy, kh, kw, LANES);
    }
}

pydl_status FN(max_pool2d_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(max_pool2d_forward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(g->n * g->oh, g->ow * g->c * g->kh * g->kw))
    for (isize i = 0; i < g->n * g->oh; i++) FN(max_any)(a, i / g->oh, i % g->oh);
    return PYDL_OK;
}

/* ---- maximum, backward ---- */

/* One block of one pixel: windows r x s cover it; dy and where point at this block's channel of output (0, 0) of the image. */
CORE FN(max_back_core)(const real *dy, const uint8_t *argmax, const int32_t *argmax_wide, const pydl_pool2d *g,
                       isize iy, isize ix, range r, range s, real *dx, const int lanes)
{
    real sum[LANES];
    #pragma omp simd
    for (int l = 0; l < lanes; l++) sum[l] = 0;
    for (isize oy = r.from; oy < r.to; oy++)
        for (isize ox = s.from; ox < s.to; ox++) {
            const isize at = (oy * g->ow + ox) * g->c;
            const int32_t position = (int32_t)((iy + g->top - oy * g->sh) * g->kw + ix + g->left - ox * g->sw);
            const real *d = dy + at;
            if (argmax) {
                const uint8_t *where = argmax + at;
                #pragma omp simd
                for (int l = 0; l < lanes; l++) sum[l] += where[l] == position ? d[l] : 0;
            } else {
                const int32_t *where = argmax_wide + at;
                #pragma omp simd
                for (int l = 0; l < lanes; l++) sum[l] += where[l] == position ? d[l] : 0;
            }
        }
    #pragma omp simd
    for (int l = 0; l < lanes; l++) dx[l] = sum[l];
}

CORE FN(max_back_row)(const FN(max_pool2d_backward_args) *a, isize b, isize iy, const int lanes)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, image = b * g->oh * g->ow * c, dy_end = (g->n - b) * g->oh * g->ow * c;
    const range r = windows_over(iy, g->sh, g->top, g->kh, g->oh);
    const real *dy = a->dy + image;
    const uint8_t *argmax = a->argmax ? a->argmax + image : NULL;
    const int32_t *argmax_wide = a->argmax ? NULL : a->argmax_wide + image;
    range s = { 0, 0 };
    for (isize ix = 0; ix < g->w; ix++) {
        while (s.from * g->sw + g->kw <= ix + g->left) s.from++;
        while (s.to < g->ow && s.to * g->sw <= ix + g->left) s.to++;
        real *dx = a->dx + ((b * g->h + iy) * g->w + ix) * c;
        if (c < lanes && ((g->w - ix) * c < lanes || ((r.to - 1) * g->ow + s.to - 1) * c + lanes > dy_end)) {
            for (isize ch = 0; ch < c; ch++)
                FN(max_back_core)(dy + ch, argmax ? argmax + ch : NULL, argmax_wide ? argmax_wide + ch : NULL, g, iy, ix, r, s, dx + ch, 1);
            continue;
        }
        for (isize ch = 0; ch < c; ch += lanes) {
            const isize at = c < lanes ? 0 : min_isize(ch, c - lanes);
            FN(max_back_core)(dy + at, argmax ? argmax + at : NULL, argmax_wide ? argmax_wide + at : NULL, g, iy, ix, r, s, dx + at, lanes);
        }
    }
}

/* 2x2 windows at stride 2: an output spreads over its own four pixels, read once.  (2.4x over gathering at 8x28x28x32) */
CORE FN(max_back_2x2_core)(const real *dy, const uint8_t *argmax, isize row, isize c, real *dx, const int lanes)
{
    #pragma omp simd
    for (int l = 0; l < lanes; l++) {
        dx[l] = argmax[l] == 0 ? dy[l] : 0;
        dx[c + l] = argmax[l] == 1 ? dy[l] : 0;
        dx[row + l] = argmax[l] == 2 ? dy[l] : 0;
        dx[row + c + l] = argmax[l] == 3 ? dy[l] : 0;
    }
}

static void FN(max_back_any)(const FN(max_pool2d_backward_args) *a, isize b, isize iy)
{
    const int lanes = lanes_for(a->g.c);
    if (lanes == 4) FN(max_back_row)(a, b, iy, 4);
    else if (lanes == 8) FN(max_back_row)(a, b, iy, 8);
    else FN(max_back_row)(a, b, iy, LANES);
}

/* Rows 2 * oy and 2 * oy + 1 of dx; whole windows only. */
static void FN(max_back_2x2_rows)(const FN(max_pool2d_backward_args) *a, isize b, isize oy)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c, from = (b * g->oh + oy) * g->ow * c;
    real *dx = a->dx + (b * g->h + 2 * oy) * row;
    for (isize ox = 0; ox < g->ow; ox++) {
        const real *dy = a->dy + from + ox * c;
        const uint8_t *argmax = a->argmax + from + ox * c;
        isize ch = 0;
        for (; ch + LANES <= c; ch += LANES) FN(max_back_2x2_core)(dy + ch, argmax + ch, row, c, dx + 2 * ox * c + ch, LANES);
        for (; ch + 4 <= c; ch += 4) FN(max_back_2x2_core)(dy + ch, argmax + ch, row, c, dx + 2 * ox * c + ch, 4);
        for (; ch < c; ch++) FN(max_back_2x2_core)(dy + ch, argmax + ch, row, c, dx + 2 * ox * c + ch, 1);
    }
    for (isize i = 2 * g->ow * c; i < row; i++) dx[i] = dx[row + i] = 0;
}

pydl_status FN(max_pool2d_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(max_pool2d_backward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    if (g->oh == 0 || g->ow == 0 || g->c == 0) {
        memset(a->dx, 0, (size_t)(g->n * g->h * g->w * g->c) * sizeof(real));
        return PYDL_OK;
    }
    const int whole = a->argmax && g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && !g->top && !g->left
                      && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    const isize paired = whole ? g->oh : 0, rest = g->h - 2 * paired, units = paired + rest;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(g->n * units, g->w * g->c * 2))
    for (isize i = 0; i < g->n * units; i++) {
        const isize b = i / units, unit = i % units;
        if (unit < paired) FN(max_back_2x2_rows)(a, b, unit);
        else FN(max_back_any)(a, b, unit + paired);
    }
    return PYDL_OK;
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

CORE FN(avg_row)(const FN(avg_pool2d_forward_args) *a, isize b, isize oy, isize kh, isize kw, const int lanes)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, row = g->w * c, x_end = g->n * g->h * row;
    const isize y_row = (b * g->oh + oy) * g->ow * c, y_end = y_row + g->ow * c;
    const range r = covered(oy, g->sh, g->top, kh, g->h);
    for (isize ox = 0; ox < g->ow; ox++) {
        const range s = covered(ox, g->sw, g->left, kw, g->w);
        const isize rows = r.to - r.from, cols = s.to - s.from;
        const isize from = (b * g->h + r.from) * row + s.from * c, to = y_row + ox * c;
        if (c < lanes && (to + lanes > y_end || from + (rows - 1) * row + (cols - 1) * c + lanes > x_end)) {
            for (isize ch = 0; ch < c; ch++) FN(avg_core)(a->x + from + ch, row, c, rows, cols, a->y + to + ch, 1);
            continue;
        }
        for (isize ch = 0; ch < c; ch += lanes) {
            const isize at = c < lanes ? 0 : min_isize(ch, c - lanes);
            if (rows == kh && cols == kw) FN(avg_core)(a->x + from + at, row, c, kh, kw, a->y + to + at, lanes);
            else FN(avg_core)(a->x + from + at, row, c, rows, cols, a->y + to + at, lanes);
        }
    }
}

static void FN(avg_any)(const FN(avg_pool2d_forward_args) *a, isize b, isize oy)
{
    const isize kh = a->g.kh, kw = a->g.kw;
    const int lanes = lanes_for(a->g.c);
    if (kh == 2 && kw == 2) {
        if (lanes == 4) FN(avg_row)(a, b, oy, 2, 2, 4);
        else if (lanes == 8) FN(avg_row)(a, b, oy, 2, 2, 8);
        else FN(avg_row)(a, b, oy, 2, 2, LANES);
    } else if (kh == 3 && kw == 3) {
        if (lanes == 4) FN(avg_row)(a, b, oy, 3, 3, 4);
        else if (lanes == 8) FN(avg_row)(a, b, oy, 3, 3, 8);
        else FN(avg_row)(a, b, oy, 3, 3, LANES);
    } else {
        if (lanes == 4) FN(avg_row)(a, b, oy, kh, kw, 4);
        else if (lanes == 8) FN(avg_row)(a, b, oy, kh, kw, 8);
        else FN(avg_row)(a, b, oy, kh, kw, LANES);
    }
}

pydl_status FN(avg_pool2d_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(avg_pool2d_forward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(g->n * g->oh, g->ow * g->c * g->kh * g->kw))
    for (isize i = 0; i < g->n * g->oh; i++) FN(avg_any)(a, i / g->oh, i % g->oh);
    return PYDL_OK;
}

/* ---- average, backward ---- */

CORE FN(avg_back_core)(const real *dy, const pydl_pool2d *g, real scale, range r, range s, real *dx, const int lanes)
{
    real sum[LANES];
    #pragma omp simd
    for (int l = 0; l < lanes; l++) sum[l] = 0;
    for (isize oy = r.from; oy < r.to; oy++) {
        const range rows = covered(oy, g->sh, g->top, g->kh, g->h);
        for (isize ox = s.from; ox < s.to; ox++) {
            const range cols = covered(ox, g->sw, g->left, g->kw, g->w);
            const isize count = (rows.to - rows.from) * (cols.to - cols.from);
            const real share = count == g->kh * g->kw ? scale : (real)1 / (real)count;
            const real *d = dy + (oy * g->ow + ox) * g->c;
            #pragma omp simd
            for (int l = 0; l < lanes; l++) sum[l] += share * d[l];
        }
    }
    #pragma omp simd
    for (int l = 0; l < lanes; l++) dx[l] = sum[l];
}

CORE FN(avg_back_row)(const FN(avg_pool2d_backward_args) *a, isize b, isize iy, const int lanes)
{
    const pydl_pool2d *g = &a->g;
    const isize c = g->c, image = b * g->oh * g->ow * c, dy_end = (g->n - b) * g->oh * g->ow * c;
    const range r = windows_over(iy, g->sh, g->top, g->kh, g->oh);
    const real scale = (real)1 / (real)(g->kh * g->kw);
    const real *dy = a->dy + image;
    range s = { 0, 0 };
    for (isize ix = 0; ix < g->w; ix++) {
        while (s.from * g->sw + g->kw <= ix + g->left) s.from++;
        while (s.to < g->ow && s.to * g->sw <= ix + g->left) s.to++;
        real *dx = a->dx + ((b * g->h + iy) * g->w + ix) * c;
        if (c < lanes && ((g->w - ix) * c < lanes || ((r.to - 1) * g->ow + s.to - 1) * c + lanes > dy_end)) {
            for (isize ch = 0; ch < c; ch++) FN(avg_back_core)(dy + ch, g, scale, r, s, dx + ch, 1);
            continue;
        }
        for (isize ch = 0; ch < c; ch += lanes) {
            const isize at = c < lanes ? 0 : min_isize(ch, c - lanes);
            FN(avg_back_core)(dy + at, g, scale, r, s, dx + at, lanes);
        }
    }
}

static void FN(avg_back_any)(const FN(avg_pool2d_backward_args) *a, isize b, isize iy)
{
    const int lanes = lanes_for(a->g.c);
    if (lanes == 4) FN(avg_back_row)(a, b, iy, 4);
    else if (lanes == 8) FN(avg_back_row)(a, b, iy, 8);
    else FN(avg_back_row)(a, b, iy, LANES);
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

pydl_status FN(avg_pool2d_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(avg_pool2d_backward_args) *a = args;
    const pydl_pool2d *g = &a->g;
    if (g->oh == 0 || g->ow == 0 || g->c == 0) {
        memset(a->dx, 0, (size_t)(g->n * g->h * g->w * g->c) * sizeof(real));
        return PYDL_OK;
    }
    const int whole = g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && !g->top && !g->left && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    const isize paired = whole ? g->oh : 0, rest = g->h - 2 * paired, units = paired + rest;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(g->n * units, g->w * g->c * 2))
    for (isize i = 0; i < g->n * units; i++) {
        const isize b = i / units, unit = i % units;
        if (unit < paired) FN(avg_back_2x2_rows)(a, b, unit);
        else FN(avg_back_any)(a, b, unit + paired);
    }
    return PYDL_OK;
}

/* ---- whole images: units of work are blocks of 64 channels of one image ---- */

enum { FN(global_channels) = 64, FN(global_pixels) = 64 };

static void FN(global_avg_core)(const real *x, isize pixels, isize c, isize count, real *y)
{
    double total[64] = { 0 };
    for (isize start = 0; start < pixels; start += FN(global_pixels)) {
        real sum[64] = { 0 };
        for (isize p = start; p < min_isize(pixels, start + FN(global_pixels)); p++) {
            #pragma omp simd
            for (isize ch = 0; ch < count; ch++) sum[ch] += x[p * c + ch];
        }
        for (isize ch = 0; ch < count; ch++) total[ch] += (double)sum[ch];
    }
    for (isize ch = 0; ch < count; ch++) y[ch] = (real)(total[ch] / (double)pixels);
}

pydl_status FN(global_avg_pool_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_avg_pool_forward_args) *a = args;
    const isize blocks = ceil_div(a->c, FN(global_channels));
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(a->n * blocks, a->pixels * min_isize(a->c, 64)))
    for (isize i = 0; i < a->n * blocks; i++) {
        const isize b = i / blocks, ch = i % blocks * FN(global_channels);
        FN(global_avg_core)(a->x + b * a->pixels * a->c + ch, a->pixels, a->c, min_isize(FN(global_channels), a->c - ch), a->y + b * a->c + ch);
    }
    return PYDL_OK;
}

pydl_status FN(global_avg_pool_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_avg_pool_backward_args) *a = args;
    const real scale = (real)(1.0 / (double)a->pixels);
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(a->n * a->pixels, a->c))
    for (isize i = 0; i < a->n * a->pixels; i++) {
        const real *dy = a->dy + i / a->pixels * a->c;
        real *dx = a->dx + i * a->c;
        for (isize ch = 0; ch < a->c; ch++) dx[ch] = scale * dy[ch];
    }
    return PYDL_OK;
}

static void FN(global_max_core)(const real *x, isize pixels, isize c, isize count, real *y, int32_t *argmax)
{
    real best[64];
    FN(lane_int) where[64];
    for (isize ch = 0; ch < count; ch++) { best[ch] = x[ch]; where[ch] = 0; }
    for (isize p = 1; p < pixels; p++) {
        const real *at = x + p * c;
        #pragma omp simd
        for (isize ch = 0; ch < count; ch++) {
            int beats = !(at[ch] <= best[ch]) & (best[ch] == best[ch]);
            best[ch] = beats ? at[ch] : best[ch];
            where[ch] = beats ? (FN(lane_int))p : where[ch];
        }
    }
    for (isize ch = 0; ch < count; ch++) y[ch] = best[ch];
    if (argmax) for (isize ch = 0; ch < count; ch++) argmax[ch] = (int32_t)where[ch];
}

pydl_status FN(global_max_pool_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_max_pool_forward_args) *a = args;
    const isize blocks = ceil_div(a->c, FN(global_channels));
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(a->n * blocks, a->pixels * min_isize(a->c, 64)))
    for (isize i = 0; i < a->n * blocks; i++) {
        const isize b = i / blocks, ch = i % blocks * FN(global_channels);
        FN(global_max_core)(a->x + b * a->pixels * a->c + ch, a->pixels, a->c, min_isize(FN(global_channels), a->c - ch),
                            a->y + b * a->c + ch, a->argmax ? a->argmax + b * a->c + ch : NULL);
    }
    return PYDL_OK;
}

pydl_status FN(global_max_pool_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(global_max_pool_backward_args) *a = args;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (parallel_rows(a->n * a->pixels, a->c))
    for (isize i = 0; i < a->n * a->pixels; i++) {
        const isize b = i / a->pixels;
        const int32_t p = (int32_t)(i % a->pixels);
        const real *dy = a->dy + b * a->c;
        const int32_t *argmax = a->argmax + b * a->c;
        real *dx = a->dx + i * a->c;
        for (isize ch = 0; ch < a->c; ch++) dx[ch] = argmax[ch] == p ? dy[ch] : 0;
    }
    return PYDL_OK;
}
#endif
