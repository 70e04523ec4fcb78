#ifndef real
#include "internal.h"
#include "conv_depthwise.h"
#include "conv_depth_line.h"
#include "conv_parts.h"

/* Pixels of a task: its copied rows stay in L2, one vector of channels of them in L1. */
#define TASK_PIXELS ((isize)192)
/* Window places whose sums are held in registers at a time. */
#define PLACES 8

#define EACH_REAL "conv_depthwise.c"
#include "each_real.h"
#else

/* A band of x or dy is copied to scratch with its padding, each channel `spread` times, `pitch` reals a pixel: whole vectors, and an odd
   number of cache lines, because neighbours a power of two apart would fall into the same few lines of L1.  Then every place of the
   window is plain vector arithmetic. */
typedef struct {
    conv_axis y; conv_axis x;
    isize n; isize channels; isize spread; isize lanes;              /* lanes = channels * spread = c_out */
    isize pitch; isize rows; isize bands; isize copy_cols; isize copy_size; isize pixels;
} FN(depth_pass);

static isize FN(odd_lines)(isize reals) { return (ceil_div(reals * (isize)sizeof(real), 64) | 1) * 64 / (isize)sizeof(real); }

static FN(depth_pass) FN(depth_plan)(conv_axis y, conv_axis x, isize n, isize channels, isize spread)
{
    FN(depth_pass) p = { .y = y, .x = x, .n = n, .channels = channels, .spread = spread, .lanes = channels * spread };
    p.pitch = FN(odd_lines)(p.lanes);
    const double work = (double)n * (double)(y.size * x.size) * (double)(y.taps * x.taps) * (double)p.lanes;
    const isize tasks = max_isize(1, min_isize(CONV_TASKS, (isize)(work / CONV_TASK_WORK)));
    isize bands = ceil_div(y.size, max_isize(1, TASK_PIXELS / max_isize(1, x.size)));
    if (n < tasks) bands = max_isize(bands, min_isize(ceil_div(tasks, max_isize(1, n)), y.size));
    p.rows = ceil_div(y.size, max_isize(1, bands));
    p.bands = ceil_div(y.size, max_isize(1, p.rows));
    p.copy_cols = max_isize(0, axis_reach(x, x.size));
    p.copy_size = whole_lines(max_isize(0, axis_reach(y, p.rows)) * p.copy_cols * p.pitch);
    p.pixels = p.rows * x.size;
    return p;
}
static int FN(depth_parallel)(const FN(depth_pass) *p)
{
    return (double)p->n * (double)(p->y.size * p->x.size) * (double)(p->y.taps * p->x.taps) * (double)p->lanes > CONV_PARALLEL_MIN;
}

/* The band of rows first_row .. first_row + rows of one image: copy, and in arow where each of its pixels' windows begins in the copy. */
static void FN(depth_band)(const FN(depth_pass) *p, const real *image, const real *positive, isize first_row, isize rows, real *copy, isize *arow)
{
    const isize h = p->y.source, w = p->x.source, c = p->channels, top = first_row * p->y.stride + axis_low(p->y), left = axis_low(p->x);
    for (isize r = 0; r < axis_reach(p->y, rows); r++)
        for (isize q = 0; q < p->copy_cols; q++) {
            real *to = copy + (r * p->copy_cols + q) * p->pitch;
            const isize row = top + r, col = left + q;
            if (row < 0 || row >= h || col < 0 || col >= w) {
                memset(to, 0, (size_t)p->pitch * sizeof(real));
                continue;
            }
            const real *from = image + (row * w + col) * c;
            if (positive) {
                const real *keep = positive + (row * w + col) * c;
                for (isize i = 0; i < c; i++) to[i] = keep[i] > 0 ? from[i] : 0;
            } else if (p->spread == 1) memcpy(to, from, (size_t)c * sizeof(real));
            else
                for (isize i = 0; i < c; i++)
                    for (isize m = 0; m < p->spread; m++) to[i * p->spread + m] = from[i];
            memset(to + p->lanes, 0, (size_t)(p->pitch - p->lanes) * sizeof(real));
        }
    for (isize i = 0; i < rows; i++)
        for (isize j = 0; j < p->x.size; j++)
            arow[i * p->x.size + j] = (i * p->y.stride * p->copy_cols + j * p->x.stride) * p->pitch;
}

/* Of `count` pixels, one vector of channels: out[crow[i]] = start + sum over taps of copy[arow[i] + acol[tap]] * weight[tap].   weight: (taps, pitch). */
ALWAYS_INLINE void FN(depth_pixels)(const real *copy, const isize *arow, const isize *acol, isize taps, const real *weight, isize pitch,
                                    FN(vec) start, isize relu, FN(vmask) mask, real *out, const isize *crow, int count)
{
    FN(vec) sum[8];
    const real *row[8];
    #pragma GCC unroll 8
    for (int i = 0; i < count; i++) { row[i] = copy + arow[i]; sum[i] = start; }
    for (isize k = 0; k < taps; k++) {
        const FN(vec) w = FN(vload)(weight + k * pitch);
        const isize at = acol[k];
        #pragma GCC unroll 8
        for (int i = 0; i < count; i++) sum[i] = FN(vfma)(FN(vload)(row[i] + at), w, sum[i]);
    }
    #pragma GCC unroll 8
    for (int i = 0; i < count; i++) FN(vstore_mask)(out + crow[i], mask, relu ? FN(vmax)(FN(vzero)(), sum[i]) : sum[i]);
}

static void FN(depth_sweep)(const FN(depth_pass) *p, const real *copy, const isize *arow, const isize *acol, const real *weight, const real *start, isize relu,
                            real *out, const isize *crow, isize pixels)
{
    for (isize v = 0; v < p->lanes; v += FN(LANES)) {
        const FN(vmask) mask = FN(mask_of)(min_isize(FN(LANES), p->lanes - v));
        const FN(vec) from = start ? FN(vload)(start + v) : FN(vzero)();
        const isize taps = p->y.taps * p->x.taps;
        isize i = 0;
        for (; i + 8 <= pixels; i += 8) FN(depth_pixels)(copy + v, arow + i, acol, taps, weight + v, p->pitch, from, relu, mask, out + v, crow + i, 8);
        for (; i + 4 <= pixels; i += 4) FN(depth_pixels)(copy + v, arow + i, acol, taps, weight + v, p->pitch, from, relu, mask, out + v, crow + i, 4);
        for (; i < pixels; i++) FN(depth_pixels)(copy + v, arow + i, acol, taps, weight + v, p->pitch, from, relu, mask, out + v, crow + i, 1);
    }
}

/* to: (taps of the pass, pitch) = the taps' rows of weight: (kh, kw, lanes), idle lanes 0. */
static void FN(depth_weights)(const FN(depth_pass) *p, const real *weight, isize kw, real *to)
{
    for (isize m = 0; m < p->y.taps; m++)
        for (isize q = 0; q < p->x.taps; q++, to += p->pitch) {
            const isize place = (p->y.k_first + m * p->y.k_step) * kw + p->x.k_first + q * p->x.k_step;
            memcpy(to, weight + place * p->lanes, (size_t)p->lanes * sizeof(real));
            memset(to + p->lanes, 0, (size_t)(p->pitch - p->lanes) * sizeof(real));
        }
}

/* ---- forward ---- */

static FN(depth_pass) FN(depth_forward_pass)(const pydl_conv2d *s) { return FN(depth_plan)(rows_of(s), cols_of(s), s->n, s->c_in, s->c_out / s->c_in); }

static isize FN(depth_shared)(const FN(depth_pass) *p)                       /* weights, start, acol */
{
    return (p->y.taps * p->x.taps + 1) * p->pitch * (isize)sizeof(real) + whole_lines(p->y.taps * p->x.taps) * (isize)sizeof(isize);
}
static isize FN(depth_own)(const FN(depth_pass) *p, isize folded)
{
    return (p->copy_size + (folded ? p->pixels * p->pitch : 0)) * (isize)sizeof(real) + whole_lines(2 * p->pixels) * (isize)sizeof(isize);
}

/* The same by lines, where they serve. */
static FN(depth_lines_args) FN(forward_lines)(const FN(conv2d_forward_args) *a)
{
    const pydl_conv2d *s = &a->s;
    return (FN(depth_lines_args)){ .y = rows_of(s), .x = cols_of(s), .n = s->n, .channels = s->c_out, .source = a->x, .weight = a->weight, .kw = s->kw,
                                   .start = a->bias, .relu = a->relu, .out = a->y, .out_image = s->h_out * s->w_out * s->c_out,
                                   .out_row = s->w_out * s->c_out, .out_step = s->c_out, .scratch = a->scratch };
}
static int FN(forward_by_lines)(const pydl_conv2d *s) { return s->c_in == s->c_out && FN(depth_lines_fit)(rows_of(s), cols_of(s), s->c_out); }

isize FN(depthwise_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    if (FN(forward_by_lines)(&a->s)) {
        const FN(depth_lines_args) lines = FN(forward_lines)(a);
        return FN(depth_lines_scratch)(ctx, &lines);
    }
    const FN(depth_pass) p = FN(depth_forward_pass)(&a->s);
    return FN(depth_shared)(&p) + owners(ctx, FN(depth_parallel)(&p), p.n * p.bands) * FN(depth_own)(&p, 0);
}

typedef struct { const FN(conv2d_forward_args) *a; const FN(depth_pass) *p; const real *weight; const real *start; const isize *acol; } FN(depth_forward_work);

static void FN(depth_forward_task)(const void *data, isize task, void *own)
{
    const FN(depth_forward_work) *work = data;
    const FN(conv2d_forward_args) *a = work->a;
    const FN(depth_pass) *p = work->p;
    const isize image = task / p->bands, first_row = task % p->bands * p->rows, rows = min_isize(p->rows, p->y.size - first_row);
    real *copy = own;
    isize *arow = (isize *)(copy + p->copy_size), *crow = arow + p->pixels;
    FN(depth_band)(p, a->x + image * a->s.h * a->s.w * a->s.c_in, NULL, first_row, rows, copy, arow);
    for (isize i = 0; i < rows * p->x.size; i++) crow[i] = ((image * p->y.size + first_row) * p->x.size + i) * p->lanes;
    FN(depth_sweep)(p, copy, arow, work->acol, work->weight, work->start, a->relu, a->y, crow, rows * p->x.size);
}

void FN(depthwise_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    if (FN(forward_by_lines)(&a->s)) {
        const FN(depth_lines_args) lines = FN(forward_lines)(a);
        FN(depth_lines)(ctx, &lines);
        return;
    }
    const FN(depth_pass) p = FN(depth_forward_pass)(&a->s);
    const isize taps = p.y.taps * p.x.taps;
    real *weight = a->scratch, *start = weight + taps * p.pitch;
    isize *acol = (isize *)(start + p.pitch);
    char *own = (char *)(acol + whole_lines(taps));
    FN(depth_weights)(&p, a->weight, a->s.kw, weight);
    memset(start, 0, (size_t)p.pitch * sizeof(real));
    if (a->bias) memcpy(start, a->bias, (size_t)p.lanes * sizeof(real));
    FN(window_table)(p.y, p.x, p.copy_cols, p.pitch, 1, acol);
    run_tasks(ctx, FN(depth_parallel)(&p), p.n * p.bands, FN(depth_forward_task), &(FN(depth_forward_work)){ a, &p, weight, start, acol },
              own, FN(depth_own)(&p, 0));
}

/* ---- backward by the input: a pass for each remainder by the strides; the multiplier's channels are added up at the end ---- */

static conv_axis FN(depth_down)(const pydl_conv2d *s, isize i) { return backward_axis(i, s->h, s->stride_h, s->kh, s->dilation_h, s->pad_top, s->h_out); }
static conv_axis FN(depth_across)(const pydl_conv2d *s, isize j) { return backward_axis(j, s->w, s->stride_w, s->kw, s->dilation_w, s->pad_left, s->w_out); }

static FN(depth_pass) FN(depth_backward_pass)(const pydl_conv2d *s, isize i, isize j)
{
    return FN(depth_plan)(FN(depth_down)(s, i), FN(depth_across)(s, j), s->n, s->c_out, 1);
}

static FN(depth_lines_args) FN(backward_lines)(const FN(conv2d_backward_input_args) *a, isize i, isize j)
{
    const pydl_conv2d *s = &a->s;
    return (FN(depth_lines_args)){ .y = FN(depth_down)(s, i), .x = FN(depth_across)(s, j), .n = s->n, .channels = s->c_in, .source = a->dy,
                                   .positive = a->relu_y, .weight = a->weight, .kw = s->kw, .out = a->dx + (i * s->w + j) * s->c_in,
                                   .out_image = s->h * s->w * s->c_in, .out_row = s->stride_h * s->w * s->c_in, .out_step = s->stride_w * s->c_in,
                                   .scratch = a->scratch };
}
static int FN(backward_by_lines)(const pydl_conv2d *s, const FN(depth_lines_args) *lines)
{
    return s->c_in == s->c_out && FN(depth_lines_fit)(lines->y, lines->x, s->c_in);
}

isize FN(depthwise_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    isize most = 0;
    for (isize i = 0; i < min_isize(a->s.stride_h, a->s.h); i++)
        for (isize j = 0; j < min_isize(a->s.stride_w, a->s.w); j++) {
            const FN(depth_lines_args) lines = FN(backward_lines)(a, i, j);
            if (FN(backward_by_lines)(&a->s, &lines)) {
                most = max_isize(most, FN(depth_lines_scratch)(ctx, &lines));
                continue;
            }
            const FN(depth_pass) p = FN(depth_backward_pass)(&a->s, i, j);
            most = max_isize(most, FN(depth_shared)(&p) + owners(ctx, FN(depth_parallel)(&p), p.n * p.bands) * FN(depth_own)(&p, a->s.c_out > a->s.c_in));
        }
    return most;
}

typedef struct { const FN(conv2d_backward_input_args) *a; const FN(depth_pass) *p; isize i, j; const real *weight; const isize *acol; } FN(depth_backward_work);

static void FN(depth_backward_task)(const void *data, isize task, void *own)
{
    const FN(depth_backward_work) *work = data;
    const FN(conv2d_backward_input_args) *a = work->a;
    const FN(depth_pass) *p = work->p;
    const isize i = work->i, j = work->j;
    const pydl_conv2d *s = &a->s;
    const isize multiplier = s->c_out / s->c_in, image = task / p->bands, first_row = task % p->bands * p->rows;
    const isize rows = min_isize(p->rows, p->y.size - first_row), pixels = rows * p->x.size, dy_image = s->h_out * s->w_out * s->c_out;
    real *copy = own, *folded = copy + p->copy_size;
    isize *arow = (isize *)(folded + (multiplier > 1 ? p->pixels * p->pitch : 0)), *crow = arow + p->pixels;
    FN(depth_band)(p, a->dy + image * dy_image, a->relu_y ? a->relu_y + image * dy_image : NULL, first_row, rows, copy, arow);
    real *dx = a->dx + image * s->h * s->w * s->c_in;
    for (isize q = 0; q < pixels; q++) {
        const isize row = i + (first_row + q / p->x.size) * s->stride_h, col = j + q % p->x.size * s->stride_w;
        crow[q] = multiplier > 1 ? q * p->pitch : (row * s->w + col) * s->c_in;
    }
    FN(depth_sweep)(p, copy, arow, work->acol, work->weight, NULL, 0, multiplier > 1 ? folded : dx, crow, pixels);
    if (multiplier > 1)
        for (isize q = 0; q < pixels; q++) {
            const isize row = i + (first_row + q / p->x.size) * s->stride_h, col = j + q % p->x.size * s->stride_w;
            for (isize c = 0; c < s->c_in; c++) {
                real sum = 0;
                for (isize m = 0; m < multiplier; m++) sum += folded[q * p->pitch + c * multiplier + m];
                dx[(row * s->w + col) * s->c_in + c] = sum;
            }
        }
}

void FN(depthwise_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    for (isize i = 0; i < min_isize(a->s.stride_h, a->s.h); i++)
        for (isize j = 0; j < min_isize(a->s.stride_w, a->s.w); j++) {
            const FN(depth_lines_args) lines = FN(backward_lines)(a, i, j);
            if (FN(backward_by_lines)(&a->s, &lines)) {
                FN(depth_lines)(ctx, &lines);
                continue;
            }
            const FN(depth_pass) p = FN(depth_backward_pass)(&a->s, i, j);
            const isize taps = p.y.taps * p.x.taps;
            real *weight = a->scratch;
            isize *acol = (isize *)(weight + (taps + 1) * p.pitch);
            char *own = (char *)(acol + whole_lines(taps));
            FN(depth_weights)(&p, a->weight, a->s.kw, weight);
            FN(window_table)(p.y, p.x, p.copy_cols, p.pitch, 1, acol);
            run_tasks(ctx, FN(depth_parallel)(&p), p.n * p.bands, FN(depth_backward_task),
                      &(FN(depth_backward_work)){ a, &p, i, j, weight, acol }, own, FN(depth_own)(&p, a->s.c_out > a->s.c_in));
        }
}

/* ---- backward by the weight: `sums` partial sums over bands, added in order ---- */

static isize FN(depth_sums)(const FN(depth_pass) *p) { return max_isize(1, min_isize(CONV_TASKS, p->n * p->bands)); }
static isize FN(depth_weight_own)(const FN(depth_pass) *p)
{
    return (p->copy_size + whole_lines(p->pixels * p->pitch)) * (isize)sizeof(real) + whole_lines(p->pixels) * (isize)sizeof(isize);
}

isize FN(depthwise_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    const FN(depth_pass) p = FN(depth_forward_pass)(&a->s);
    const isize taps = p.y.taps * p.x.taps;
    return FN(depth_sums)(&p) * p.pitch * (isize)sizeof(double) + whole_lines(taps) * (isize)sizeof(isize)
         + FN(depth_sums)(&p) * taps * p.pitch * (isize)sizeof(real) + owners(ctx, FN(depth_parallel)(&p), FN(depth_sums)(&p)) * FN(depth_weight_own)(&p);
}

/* partial[k] += sum over pixels of copy[arow[i] + acol[k]] * dy[i], for one vector of channels and places k < count. */
ALWAYS_INLINE void FN(band_places)(const real *copy, const isize *arow, const isize *acol, const real *dy, isize pitch, isize pixels, real *partial, int count)
{
    FN(vec) sum[PLACES];
    const real *place[PLACES];
    #pragma GCC unroll 8
    for (int k = 0; k < count; k++) { sum[k] = FN(vload)(partial + k * pitch); place[k] = copy + acol[k]; }
    for (isize i = 0; i < pixels; i++) {
        const FN(vec) d = FN(vload)(dy + i * pitch);
        const isize at = arow[i];
        #pragma GCC unroll 8
        for (int k = 0; k < count; k++) sum[k] = FN(vfma)(FN(vload)(place[k] + at), d, sum[k]);
    }
    #pragma GCC unroll 8
    for (int k = 0; k < count; k++) FN(vstore)(partial + k * pitch, sum[k]);
}

typedef struct { const FN(conv2d_backward_weight_args) *a; const FN(depth_pass) *p; const isize *acol; real *partial; double *bias; } FN(depth_weight_work);

/* Some rows of dy by lines.   masked: room for them. */
static void FN(depth_weight_lines)(const FN(depth_weight_work) *work, isize image, isize first_row, isize rows, real *masked, real *partial, double *bias)
{
    const FN(conv2d_backward_weight_args) *a = work->a;
    const FN(depth_pass) *p = work->p;
    const conv_axis y = p->y;
    const isize lanes = p->lanes, line = p->x.size * lanes, at = (image * y.size + first_row) * line, pixels = rows * p->x.size;
    const real *dy = a->dy + at, *source = a->x + image * a->s.h * a->s.w * lanes;
    if (a->relu_y) {
        FN(keep_positive)(dy, a->relu_y + at, rows * line, masked);
        dy = masked;
    }
    for (isize i = 0; i < rows; i++)
        for (isize m = 0; m < y.taps; m++) {
            const isize row = (first_row + i) * y.stride + axis_low(y) + m;
            if (row < 0 || row >= y.source) continue;
            FN(depth_places_of_row)(&(FN(depth_places_args)){ p->x, lanes, source + row * p->x.source * lanes, dy + i * line,
                                                              partial + m * p->x.taps * p->pitch, p->pitch });
        }
    FN(sum_channels)(dy, pixels, lanes, bias);
}

static void FN(depth_weight_task)(const void *data, isize sum, void *own)
{
    const FN(depth_weight_work) *work = data;
    const FN(conv2d_backward_weight_args) *a = work->a;
    const FN(depth_pass) *p = work->p;
    const isize *acol = work->acol;
    const isize taps = p->y.taps * p->x.taps, units = p->n * p->bands, sums = FN(depth_sums)(p);
    real *copy = own, *dy = copy + p->copy_size;
    isize *arow = (isize *)(dy + whole_lines(p->pixels * p->pitch));
    real *partial = work->partial + sum * taps * p->pitch;
    double *bias = work->bias + sum * p->pitch;
    memset(partial, 0, (size_t)(taps * p->pitch) * sizeof(real));
    memset(bias, 0, (size_t)p->pitch * sizeof(double));
    for (isize unit = sum * units / sums; unit < (sum + 1) * units / sums; unit++) {
        const isize image = unit / p->bands, first_row = unit % p->bands * p->rows, rows = min_isize(p->rows, p->y.size - first_row);
        const isize pixels = rows * p->x.size, at = (image * p->y.size + first_row) * p->x.size * p->lanes;
        if (FN(forward_by_lines)(&a->s)) {
            FN(depth_weight_lines)(work, image, first_row, rows, dy, partial, bias);
            continue;
        }
        FN(depth_band)(p, a->x + image * a->s.h * a->s.w * a->s.c_in, NULL, first_row, rows, copy, arow);
        for (isize i = 0; i < pixels; i++) {
            const real *from = a->dy + at + i * p->lanes;
            real *to = dy + i * p->pitch;
            if (a->relu_y) {
                const real *keep = a->relu_y + at + i * p->lanes;
                for (isize c = 0; c < p->lanes; c++) to[c] = keep[c] > 0 ? from[c] : 0;
            } else memcpy(to, from, (size_t)p->lanes * sizeof(real));
            memset(to + p->lanes, 0, (size_t)(p->pitch - p->lanes) * sizeof(real));
        }
        for (isize v = 0; v < p->lanes; v += FN(LANES)) {
            isize k = 0;
            for (; k + PLACES <= taps; k += PLACES) FN(band_places)(copy + v, arow, acol + k, dy + v, p->pitch, pixels, partial + k * p->pitch + v, PLACES);
            for (; k + 3 <= taps; k += 3) FN(band_places)(copy + v, arow, acol + k, dy + v, p->pitch, pixels, partial + k * p->pitch + v, 3);
            for (; k < taps; k++) FN(band_places)(copy + v, arow, acol + k, dy + v, p->pitch, pixels, partial + k * p->pitch + v, 1);
            FN(vec) total = FN(vzero)();
            for (isize i = 0; i < pixels; i++) total += FN(vload)(dy + i * p->pitch + v);
            real lane[FN(LANES)];
            FN(vstore)(lane, total);
            for (isize c = 0; c < FN(LANES); c++) bias[v + c] += (double)lane[c];
        }
    }
}

void FN(depthwise_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    const FN(depth_pass) p = FN(depth_forward_pass)(&a->s);
    const isize taps = p.y.taps * p.x.taps, sums = FN(depth_sums)(&p);
    double *bias = a->scratch;
    isize *acol = (isize *)(bias + sums * p.pitch);
    real *partial = (real *)(acol + whole_lines(taps));
    char *own = (char *)(partial + sums * taps * p.pitch);
    FN(window_table)(p.y, p.x, p.copy_cols, p.pitch, 1, acol);
    run_tasks(ctx, FN(depth_parallel)(&p), sums, FN(depth_weight_task), &(FN(depth_weight_work)){ a, &p, acol, partial, bias },
              own, FN(depth_weight_own)(&p));
    for (isize k = 0; k < taps; k++)
        for (isize c = 0; c < p.lanes; c++) {
            real total = partial[k * p.pitch + c];
            for (isize i = 1; i < sums; i++) total += partial[(i * taps + k) * p.pitch + c];
            a->dweight[k * p.lanes + c] = total;
        }
    if (a->dbias)
        for (isize c = 0; c < p.lanes; c++) {
            double total = 0;
            for (isize i = 0; i < sums; i++) total += bias[i * p.pitch + c];
            a->dbias[c] = (real)total;
        }
}
#endif
