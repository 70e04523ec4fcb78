#ifndef real
#include "internal.h"
#include "conv_columns.h"
#include "conv_parts.h"

/* Pixels of dy multiplied at a time: their products stay in L1. */
#define STRIP_PIXELS ((isize)128)

#define EACH_REAL "conv_columns.c"
#include "each_real.h"
#else

/* With few channels c, the places of a window fill the lanes that the channels alone would leave idle.  For each row k of the window,
       cols[pixel of dy, (q, c)] = sum over o of dy[pixel, o] * weight[k, q, c, o],
   and cols is added to the row of x that lies under it.  A task is a band of rows of x: what falls outside of it is not computed.
   The band is summed in scratch, whole rows of windows wide, `lanes` reals a pixel (whole vectors), and its middle copied to dx at the end. */
typedef struct {
    FN(columns) columns;                                             /* of one row of the window */
    isize depth; isize width; isize lanes;                           /* channels of a group of dy, of x; of x in scratch */
    isize bands; isize rows; isize strip; isize dy_rows;             /* rows of x of a task; rows of dy of a strip, over a task */
    isize line;                                                      /* pixels of a row in scratch: pad_left, w and whatever the last window covers */
} FN(few);

static FN(few) FN(few_plan)(const pydl_conv2d *s)
{
    FN(few) p = { .depth = s->c_out / s->groups, .width = s->c_in / s->groups };
    p.columns = FN(columns_of)(s->kw * p.width);
    p.lanes = FN(columns_size)(FN(columns_of)(p.width));
    const isize tasks = max_isize(1, min_isize(CONV_TASKS, (isize)(conv_work(s) / CONV_TASK_WORK)));
    p.bands = max_isize(1, min_isize(ceil_div(tasks, max_isize(1, s->n)), s->h / 8));
    p.rows = ceil_div(s->h, p.bands);
    p.line = max_isize(s->pad_left + s->w, (s->w_out - 1) * s->stride_w + (s->kw - 1) * s->dilation_w + 1);
    p.strip = max_isize(1, STRIP_PIXELS / max_isize(1, s->w_out));
    p.dy_rows = min_isize(s->h_out, (p.rows - 1 + (s->kh - 1) * s->dilation_h) / s->stride_h + 1);
    return p;
}

static isize FN(few_packed)(const pydl_conv2d *s, const FN(few) *p) { return whole_lines(s->groups * s->kh * FN(columns_size)(p->columns) * p->depth); }
static isize FN(few_cols)(const pydl_conv2d *s, const FN(few) *p)
{
    return whole_lines(p->strip * s->w_out * FN(columns_size)(p->columns) + p->lanes);              /* the last channels are read as whole vectors */
}
static isize FN(few_dy)(const pydl_conv2d *s, const FN(few) *p, isize masked) { return masked ? whole_lines(p->dy_rows * s->w_out * s->c_out) : 0; }
static isize FN(few_own)(const pydl_conv2d *s, const FN(few) *p, isize masked)
{
    return FN(few_cols)(s, p) + FN(few_dy)(s, p, masked) + whole_lines(p->rows * p->line * p->lanes);
}

isize FN(columns_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(few) p = FN(few_plan)(&a->s);
    return (FN(few_packed)(&a->s, &p) + owners(ctx, conv_work(&a->s) > CONV_PARALLEL_MIN, a->s.n * p.bands) * FN(few_own)(&a->s, &p, a->relu_y != NULL)) * (isize)sizeof(real)
         + whole_lines(p.depth + 2 * p.strip * a->s.w_out) * (isize)sizeof(isize);
}

/* line[i * stride + q * dilation, c] += cols[i, (q, c)] for every window i < count and place q < kw.   line: pixels of `lanes` reals.
   cols: (count, size).  Neighbouring windows of stride 1 overlap, so their sums move on through registers: storing a sum and loading
   it again for the next window would wait for the store each time. */
ALWAYS_INLINE void FN(add_sliding)(const real *cols, isize size, isize width, isize count, real *line, const int kw)
{
    FN(narrow) sum[8];
    #pragma GCC unroll 8
    for (int q = 0; q < kw; q++) sum[q] = FN(nset)(0);
    for (isize i = 0; i < count; i++, cols += size, line += FN(NARROW_LANES)) {
        FN(nstore)(line, FN(nload)(line) + sum[0] + FN(nload)(cols));
        #pragma GCC unroll 8
        for (int q = 1; q < kw; q++) sum[q - 1] = (q + 1 < kw ? sum[q] : FN(nset)(0)) + FN(nload)(cols + q * width);
    }
    #pragma GCC unroll 8
    for (int q = 0; q + 1 < kw; q++) FN(nstore)(line + q * FN(NARROW_LANES), FN(nload)(line + q * FN(NARROW_LANES)) + sum[q]);
}

static void FN(add_row)(const pydl_conv2d *s, const FN(few) *p, const real *cols, real *line)
{
    const isize size = FN(columns_size)(p->columns), lanes = p->lanes;
    if (lanes == FN(NARROW_LANES) && s->stride_w == 1 && s->dilation_w == 1) {
        if (s->kw == 3) { FN(add_sliding)(cols, size, p->width, s->w_out, line, 3); return; }
        if (s->kw == 5) { FN(add_sliding)(cols, size, p->width, s->w_out, line, 5); return; }
    }
    for (isize i = 0; i < s->w_out; i++)
        for (isize q = 0; q < s->kw; q++) {
            const real *from = cols + i * size + q * p->width;
            real *to = line + (i * s->stride_w + q * s->dilation_w) * lanes;
            for (isize c = 0; c < lanes; c += FN(NARROW_LANES)) FN(nstore)(to + c, FN(nload)(to + c) + FN(nload)(from + c));
        }
}

typedef struct { const FN(conv2d_backward_input_args) *a; const FN(few) *p; const real *packed; const isize *acol; } FN(few_work);

static void FN(few_task)(const void *data, isize task, void *own)
{
    const FN(few_work) *work = data;
    const FN(conv2d_backward_input_args) *a = work->a;
    const FN(few) *p = work->p;
    const real *packed = work->packed;
    const isize *acol = work->acol;
    const pydl_conv2d *s = &a->s;
    const isize size = FN(columns_size)(p->columns), image = task / p->bands;
    const isize top = task % p->bands * p->rows, bottom = min_isize(s->h, top + p->rows);
    const isize *arow = acol + p->depth, *crow = arow + p->strip * s->w_out;
    real *cols = own, *dy_copy = cols + FN(few_cols)(s, p), *band = dy_copy + FN(few_dy)(s, p, a->relu_y != NULL);
    const isize dy_image = s->h_out * s->w_out * s->c_out, low = top + s->pad_top - (s->kh - 1) * s->dilation_h;
    const isize first_dy = low <= 0 ? 0 : ceil_div(low, s->stride_h);                    /* the first row of dy whose window reaches the band */
    const real *dy = a->dy + image * dy_image;
    if (a->relu_y) {
        FN(copy_band)(dy, a->relu_y + image * dy_image, s->h_out, s->w_out, s->c_out, first_dy, max_isize(0, min_isize(p->dy_rows, s->h_out - first_dy)), 0, s->w_out, dy_copy);
        dy = dy_copy;
    } else dy += first_dy * s->w_out * s->c_out;

    for (isize g = 0; g < s->groups; g++) {
        FN(zero_short)((bottom - top) * p->line * p->lanes, band);
        for (isize k = 0; k < s->kh; k++) {
            const isize above = top + s->pad_top - k * s->dilation_h, below = bottom - 1 + s->pad_top - k * s->dilation_h;
            if (below < 0) continue;
            const isize from = above <= 0 ? 0 : ceil_div(above, s->stride_h), to = min_isize(s->h_out, below / s->stride_h + 1);
            for (isize i = from; i < to; i += p->strip) {
                const isize rows = min_isize(p->strip, to - i);
                FN(columns) whole = p->columns;
                whole.width = size;                                                      /* cols has room for idle columns */
                for (isize block = 0; block < whole.blocks; block++) {
                    const isize first = FN(block_start)(whole, block);
                    FN(tile_args) t = { .a = dy + (i - first_dy) * s->w_out * s->c_out + g * p->depth, .arow = arow, .acol = acol, .k = p->depth,
                                        .b = packed + ((g * s->kh + k) * size + first) * p->depth, .c = cols + first, .crow = crow };
                    FN(run_tile)(&t, whole, block, rows * s->w_out);
                }
                for (isize r = 0; r < rows; r++)
                    FN(add_row)(s, p, cols + r * s->w_out * size, band + ((i + r) * s->stride_h + k * s->dilation_h - s->pad_top - top) * p->line * p->lanes);
            }
        }
        real *dx = a->dx + (image * s->h + top) * s->w * s->c_in + g * p->width;
        for (isize i = 0; i < bottom - top; i++)
            for (isize j = 0; j < s->w; j++) {
                const real *sum = band + (i * p->line + s->pad_left + j) * p->lanes;
                real *to = dx + (i * s->w + j) * s->c_in;
#ifdef SIMD_HALVES
                if (p->lanes == FN(HALF_LANES)) { FN(hstore_mask)(to, FN(half_mask_of)(p->width), FN(hload)(sum)); continue; }
#endif
                for (isize c = 0; c < p->width; c++) to[c] = sum[c];
            }
    }
}

void FN(columns_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const pydl_conv2d *s = &a->s;
    const FN(few) p = FN(few_plan)(s);
    const isize size = FN(columns_size)(p.columns), own_size = FN(few_own)(s, &p, a->relu_y != NULL);
    const conv_axis whole = { .taps = 1, .k_step = 1 };
    const int parallel = conv_work(s) > CONV_PARALLEL_MIN;
    real *packed = a->scratch, *own = packed + FN(few_packed)(s, &p);
    isize *acol = (isize *)(own + owners(ctx, parallel, s->n * p.bands) * own_size), *arow = acol + p.depth, *crow = arow + p.strip * s->w_out;
    for (isize g = 0; g < s->groups; g++)
        for (isize k = 0; k < s->kh; k++)
            FN(pack)(ctx, p.columns, whole, whole, 1, p.depth, a->weight + k * s->kw * p.width * s->c_out + g * p.depth, 1, 0, 0, 1, s->c_out,
                     packed + (g * s->kh + k) * size * p.depth);
    for (isize o = 0; o < p.depth; o++) acol[o] = o;
    for (isize i = 0; i < p.strip * s->w_out; i++) { arow[i] = i * s->c_out; crow[i] = i * size; }
    run_tasks(ctx, parallel, s->n * p.bands, FN(few_task), &(FN(few_work)){ a, &p, packed, acol }, own, own_size * (isize)sizeof(real));
}
#endif
