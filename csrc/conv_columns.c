#ifndef real
#include "internal.h"
#include "conv_columns.h"
#include "conv_parts.h"

/* Pixels of dy multiplied at a time. */
#define STRIP_PIXELS ((isize)128)

#define EACH_REAL "conv_columns.c"
#include "each_real.h"
#else

/* cols[(i, j), (p, q, c)] = sum over o of dy[i, j, o] * weight[p, q, c, o]: with few channels c a window's places fill the lanes that the
   channels alone would leave idle.  Then dx[pixel, c] = the sum of the cols that lie on the pixel.
   The rows of cols are kept in a ring: `ring` rows, row i at i % ring, as many as the windows over `strip` rows of dx reach. */
typedef struct {
    FN(columns) columns;
    isize depth; isize width;                                        /* channels of a group of dy, of x */
    isize bands; isize rows; isize strip; isize ring;                /* rows of dx: of a task, of a step */
    isize reach_h; isize reach_w;                                    /* at most so many windows over a pixel along each axis */
} FN(ring_pass);

static FN(ring_pass) FN(ring_plan)(const pydl_conv2d *s)
{
    FN(ring_pass) p = { .depth = s->c_out / s->groups, .width = s->c_in / s->groups };
    p.columns = FN(columns_of)(s->kh * s->kw * p.width);
    const isize tasks = max_isize(1, min_isize(CONV_TASKS, (isize)(conv_work(s) / CONV_TASK_WORK)));
    p.bands = max_isize(1, min_isize(ceil_div(tasks, max_isize(1, s->n)), s->h / (4 * s->kh * s->dilation_h)));
    p.rows = ceil_div(s->h, p.bands);
    p.strip = min_isize(p.rows, s->stride_h * max_isize(1, STRIP_PIXELS / max_isize(1, s->w_out)));
    p.ring = min_isize(s->h_out, (p.strip - 1 + (s->kh - 1) * s->dilation_h) / s->stride_h + 2);
    p.reach_h = min_isize(s->kh, s->h_out);
    p.reach_w = min_isize(s->kw, s->w_out);
    return p;
}

static isize FN(ring_packed)(const pydl_conv2d *s, const FN(ring_pass) *p) { return whole_lines(s->groups * FN(columns_size)(p->columns) * p->depth); }
static isize FN(ring_size)(const pydl_conv2d *s, const FN(ring_pass) *p)
{
    return whole_lines(p->ring * s->w_out * FN(columns_size)(p->columns) + FN(LANES));            /* a last load of few channels is whole */
}
static isize FN(ring_dy)(const pydl_conv2d *s, const FN(ring_pass) *p, isize masked) { return masked ? whole_lines(p->ring * s->w_out * s->c_out) : 0; }
static isize FN(ring_tables)(const pydl_conv2d *s, const FN(ring_pass) *p)
{
    return whole_lines(2 * p->ring * s->w_out) + whole_lines(s->w * (p->reach_w + 1)) + whole_lines(p->reach_h);
}
static isize FN(ring_own)(const pydl_conv2d *s, const FN(ring_pass) *p, isize masked)
{
    return (FN(ring_size)(s, p) + FN(ring_dy)(s, p, masked)) * (isize)sizeof(real) + FN(ring_tables)(s, p) * (isize)sizeof(isize);
}

isize FN(columns_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(ring_pass) p = FN(ring_plan)(&a->s);
    return FN(ring_packed)(&a->s, &p) * (isize)sizeof(real) + whole_lines(p.depth) * (isize)sizeof(isize)
         + ctx->threads * FN(ring_own)(&a->s, &p, a->relu_y != NULL);
}

/* at[0..] = where the window places over dx row (or column) i stand in cols: output * out_step + place * place_step, in order of the place.  Returns how many.
   first >= 0: outputs before it are left out by the caller's choice of ring; ring > 0: output is taken modulo ring. */
static isize FN(places_over)(isize i, isize pad, isize stride, isize dilation, isize places, isize outputs, isize ring, isize out_step, isize place_step, isize *at)
{
    isize count = 0;
    for (isize k = 0; k < places; k++) {
        const isize offset = i + pad - k * dilation;
        if (offset < 0 || offset % stride || offset / stride >= outputs) continue;
        at[count++] = offset / stride % ring * out_step + k * place_step;
    }
    return count;
}

static void FN(ring_task)(const FN(conv2d_backward_input_args) *a, const FN(ring_pass) *p, isize task, const real *packed, const isize *acol, void *own)
{
    const pydl_conv2d *s = &a->s;
    const isize size = FN(columns_size)(p->columns), image = task / p->bands, reach = p->reach_w + 1;
    const isize top = task % p->bands * p->rows, bottom = min_isize(s->h, top + p->rows);
    real *cols = own, *dy_copy = cols + FN(ring_size)(s, p);
    isize *arow = (isize *)(dy_copy + FN(ring_dy)(s, p, a->relu_y != NULL)), *crow = arow + p->ring * s->w_out;
    isize *over_col = arow + whole_lines(2 * p->ring * s->w_out), *over_row = over_col + whole_lines(s->w * reach);
    const real *dy = a->dy + image * s->h_out * s->w_out * s->c_out;
    const real *relu_y = a->relu_y ? a->relu_y + image * s->h_out * s->w_out * s->c_out : NULL;
    for (isize j = 0; j < s->w; j++)
        over_col[j * reach] = FN(places_over)(j, s->pad_left, s->stride_w, s->dilation_w, s->kw, s->w_out, s->w_out, size, p->width, over_col + j * reach + 1);

    for (isize g = 0; g < s->groups; g++) {
        isize made = -1;                                             /* rows of cols before this one are in the ring, or behind it */
        for (isize row = top; row < bottom; row += p->strip) {
            const isize last_row = min_isize(bottom, row + p->strip) - 1;
            const isize low = row + s->pad_top - (s->kh - 1) * s->dilation_h;
            const isize from = max_isize(made, low <= 0 ? 0 : ceil_div(low, s->stride_h));
            const isize to = min_isize(s->h_out, (last_row + s->pad_top) / s->stride_h + 1);
            if (from < to) {
                isize pixel = 0;
                for (isize i = from; i < to; i++)
                    for (isize j = 0; j < s->w_out; j++, pixel++) {
                        arow[pixel] = ((relu_y ? i - from : i) * s->w_out + j) * s->c_out;
                        crow[pixel] = (i % p->ring * s->w_out + j) * size;
                    }
                if (relu_y) FN(copy_band)(dy, relu_y, s->h_out, s->w_out, s->c_out, from, to - from, 0, s->w_out, dy_copy);
                FN(columns) whole = p->columns;
                whole.width = size;
                for (isize block = 0; block < whole.blocks; block++) {
                    const isize first = FN(block_start)(whole, block);
                    FN(tile_args) t = { .a = (relu_y ? dy_copy : dy) + g * p->depth, .arow = arow, .acol = acol, .k = p->depth,
                                        .b = packed + (g * size + first) * p->depth, .c = cols + first, .crow = crow };
                    FN(run_tile)(&t, whole, block, pixel);
                }
                made = to;
            }
            for (isize i = row; i <= last_row; i++) {
                const isize rows_over = FN(places_over)(i, s->pad_top, s->stride_h, s->dilation_h, s->kh, s->h_out, p->ring, s->w_out * size, s->kw * p->width, over_row);
                for (isize j = 0; j < s->w; j++) {
                    const isize cols_over = over_col[j * reach];
                    const isize *at = over_col + j * reach + 1;
                    real *dx = a->dx + ((image * s->h + i) * s->w + j) * s->c_in + g * p->width;
#ifdef SIMD_HALVES
                    if (p->width <= FN(HALF_LANES)) {
                        FN(half) even = FN(hset)(0), odd = FN(hset)(0);
                        for (isize r = 0; r < rows_over; r++) {
                            const real *line = cols + over_row[r];
                            isize q = 0;
                            for (; q + 2 <= cols_over; q += 2) { even += FN(hload)(line + at[q]); odd += FN(hload)(line + at[q + 1]); }
                            if (q < cols_over) even += FN(hload)(line + at[q]);
                        }
                        FN(hstore_mask)(dx, FN(half_mask_of)(p->width), even + odd);
                        continue;
                    }
#endif
                    for (isize c = 0; c < p->width; c += FN(LANES)) {
                        FN(vec) sum = FN(vzero)();
                        for (isize r = 0; r < rows_over; r++)
                            for (isize q = 0; q < cols_over; q++) sum += FN(vload)(cols + over_row[r] + at[q] + c);
                        FN(vstore_mask)(dx + c, FN(mask_of)(min_isize(FN(LANES), p->width - c)), sum);
                    }
                }
            }
        }
    }
}

void FN(columns_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const pydl_conv2d *s = &a->s;
    const FN(ring_pass) p = FN(ring_plan)(s);
    const conv_axis whole = { .taps = 1, .k_step = 1 };
    real *packed = a->scratch;
    isize *acol = (isize *)(packed + FN(ring_packed)(s, &p));
    char *own = (char *)(acol + whole_lines(p.depth));
    const isize own_size = FN(ring_own)(s, &p, a->relu_y != NULL);
    FN(pack)(ctx, p.columns, whole, whole, s->groups, p.depth, a->weight, 1, 0, p.depth, 1, s->c_out, packed);
    for (isize o = 0; o < p.depth; o++) acol[o] = o;
    #pragma omp parallel for num_threads(ctx->threads) schedule(dynamic) if (conv_work(s) > CONV_PARALLEL_MIN)
    for (isize task = 0; task < s->n * p.bands; task++) FN(ring_task)(a, &p, task, packed, acol, own + omp_get_thread_num() * own_size);
}
#endif
