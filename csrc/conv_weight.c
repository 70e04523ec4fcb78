#ifndef real
#include "internal.h"
#include "conv_weight.h"
#include "conv_parts.h"

/* Reals all partial sums may take together: they are added up from L2 and L3. */
#define PARTIAL_REALS ((isize)1 << 20)

#define EACH_REAL "conv_weight.c"
#include "each_real.h"
#else

/* dweight[(place, c), o] = sum over pixels of x[pixel through place, c] * dy[pixel, o].
   The pixels are cut into units (a band of rows of one image, or several small images), the units into `sums` partial sums,
   the rows of dweight into `parts`.  A task makes one part of one partial sum; the partial sums are then added in order. */
typedef struct {
    conv_axis y; conv_axis x;
    isize n; isize channels; isize depth; isize groups; isize c_out;
    FN(columns) columns;
    isize inner; isize copied;
    isize images; isize image_units; isize rows; isize bands;
    isize sums; isize parts;
    isize copy_rows; isize copy_cols;
} FN(weight_pass);

static FN(weight_pass) FN(weight_plan)(const pydl_conv2d *s)
{
    FN(weight_pass) p = { .y = rows_of(s), .x = cols_of(s), .n = s->n, .channels = s->c_in, .depth = s->c_in / s->groups,
                          .groups = s->groups, .c_out = s->c_out, .columns = FN(columns_of)(s->c_out / s->groups) };
    p.inner = s->kh * s->kw * p.depth;
    p.copied = axis_leaves_image(p.y) || axis_leaves_image(p.x);
    const isize pixels = s->h_out * s->w_out, size = FN(columns_size)(p.columns);
    const isize tasks = max_isize(1, min_isize(CONV_TASKS, (isize)(conv_work(s) / CONV_TASK_WORK)));
    p.images = max_isize(1, min_isize(CONV_CHUNK / pixels, p.n / tasks));
    p.image_units = ceil_div(p.n, p.images);
    isize bands = p.images > 1 ? 1 : ceil_div(s->h_out, max_isize(1, 2 * CONV_CHUNK / s->w_out));
    if (p.images == 1 && p.n < tasks) bands = max_isize(bands, min_isize(min_isize(ceil_div(tasks, p.n), pixels / 64), s->h_out));
    p.rows = ceil_div(s->h_out, max_isize(1, bands));
    p.bands = ceil_div(s->h_out, p.rows);
    /* Two units a sum, if there are not more: half as much to add up (1x1, 56x56x64 to 256, one image: 1.035x). */
    p.sums = max_isize(1, min_isize(min_isize(tasks, ceil_div(p.image_units * p.bands, 2)), PARTIAL_REALS / max_isize(1, p.groups * p.inner * size)));
    p.parts = max_isize(1, min_isize(ceil_div(tasks, p.sums), p.inner / 64));
    p.copy_rows = axis_reach(p.y, p.rows);
    p.copy_cols = axis_reach(p.x, p.x.size);
    return p;
}

enum { FN(PANEL) = CONV_CHUNK * TILE_VECTORS * FN(LANES) };         /* a block of dy's columns */

static isize FN(unit_pixels)(const FN(weight_pass) *p) { return p->images * p->rows * p->x.size; }
static isize FN(x_copy_size)(const FN(weight_pass) *p) { return p->copied ? whole_lines(p->images * p->copy_rows * p->copy_cols * p->channels) : 0; }
static isize FN(partial_size)(const FN(weight_pass) *p) { return p->groups * p->inner * FN(columns_size)(p->columns); }
static isize FN(bias_size)(const FN(weight_pass) *p) { return p->groups * FN(columns_size)(p->columns); }
static isize FN(own_bytes)(const FN(weight_pass) *p)
{
    return (FN(x_copy_size)(p) + FN(PANEL)) * (isize)sizeof(real);
}

isize FN(direct_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    if (a->s.n == 0 || a->s.h_out == 0 || a->s.w_out == 0) return 0;
    const FN(weight_pass) p = FN(weight_plan)(&a->s);
    return whole_lines(p.sums * FN(bias_size)(&p)) * (isize)sizeof(double) + whole_lines(2 * p.inner + FN(unit_pixels)(&p)) * (isize)sizeof(isize)
         + whole_lines(p.sums * FN(partial_size)(&p)) * (isize)sizeof(real)
         + owners(ctx, conv_work(&a->s) > CONV_PARALLEL_MIN, p.sums * p.parts) * FN(own_bytes)(&p);
}

/* acol = where pixel (i, j) of image b of a unit is read, in its copy or image. */
static void FN(unit_table)(const FN(weight_pass) *p, isize *acol)
{
    const isize pitch = p->copied ? p->copy_cols : p->x.source;
    const isize image = (p->copied ? p->copy_rows * p->copy_cols : p->y.source * p->x.source) * p->channels;
    for (isize b = 0; b < p->images; b++)
        for (isize i = 0; i < p->rows; i++)
            for (isize j = 0; j < p->x.size; j++) *acol++ = b * image + (i * p->y.stride * pitch + j * p->x.stride) * p->channels;
}

typedef struct {
    const FN(weight_pass) *p; const real *x; const real *dy; const real *relu_y; const isize *arow; const isize *crow; const isize *acol;
    real *partial; isize partial_row; double *bias;                  /* bias: NULL, or (sums, groups, columns) */
} FN(weight_data);

/* What a unit reads of images of `rows` rows of `row` reals: `reach` rows from `top` of its first image on. */
static FN(stretch) FN(unit_of)(const FN(weight_pass) *p, const real *images, isize rows, isize row, isize unit, isize top, isize reach)
{
    return FN(stretch_of)(images, p->n * rows * row, (unit / p->bands * p->images * rows + max_isize(0, top)) * row, p->images * reach * row);
}

static void FN(weight_task)(const void *data, isize task, void *own)
{
    const FN(weight_data) *d = data;
    const FN(weight_pass) *p = d->p;
    const FN(columns) cols = p->columns;
    const isize size = FN(columns_size)(cols), sum = task / p->parts, part = task % p->parts;
    const isize step = ceil_div(ceil_div(p->inner, p->parts), TILE_ROWS) * TILE_ROWS;
    const isize k = min_isize(p->inner, part * step), k_count = min_isize(step, p->inner - k);
    const isize x_image = p->y.source * p->x.source * p->channels, y_image = p->y.size * p->x.size * p->c_out;
    const isize copy_image = p->copy_rows * p->copy_cols * p->channels;
    const isize units = p->image_units * p->bands;
    real *copy = own, *panel = copy + FN(x_copy_size)(p);
    double *bias = d->bias && part == 0 ? d->bias + sum * FN(bias_size)(p) : NULL;
    if (bias) memset(bias, 0, (size_t)FN(bias_size)(p) * sizeof(double));
    isize accumulate = 0;

    for (isize unit = sum * units / p->sums; unit < (sum + 1) * units / p->sums; unit++) {
        const isize first_image = unit / p->bands * p->images, images = min_isize(p->images, p->n - first_image);
        const isize first_row = unit % p->bands * p->rows, rows = min_isize(p->rows, p->y.size - first_row);
        const isize count = images * rows * p->x.size;
        const real *x = d->x + first_image * x_image;
        const isize top = first_row * p->y.stride + axis_low(p->y), left = axis_low(p->x);
        if (p->copied) {
            for (isize b = 0; b < images; b++)
                FN(copy_band)(x + b * x_image, NULL, p->y.source, p->x.source, p->channels, top, axis_reach(p->y, rows), left, p->copy_cols,
                              copy + b * copy_image);
            x = copy;
        } else x += (top * p->x.source + left) * p->channels;
        const isize at = first_image * y_image + first_row * p->x.size * p->c_out;      /* several images are whole ones, so their pixels follow each other */

        const isize next_row = (unit + 1) % p->bands * p->rows, calls = ceil_div(count, CONV_CHUNK) * p->groups * cols.blocks;
        const FN(stretch) next_x = FN(unit_of)(p, d->x, p->y.source, p->x.source * p->channels, unit + 1, next_row * p->y.stride + axis_low(p->y),
                                               axis_reach(p->y, p->rows));
        const FN(stretch) next_dy = FN(unit_of)(p, d->dy, p->y.size, p->x.size * p->c_out, unit + 1, next_row, p->rows);
        isize call = 0;
        for (isize start = 0; start < count; start += CONV_CHUNK) {
            const isize pixels = min_isize(CONV_CHUNK, count - start);
            for (isize g = 0; g < p->groups; g++)
                for (isize block = 0; block < cols.blocks; block++) {
                    const isize first = FN(block_start)(cols, block), from = at + start * p->c_out + g * cols.width + first;
                    FN(pack_columns_of)(cols, block, d->dy + from, d->relu_y ? d->relu_y + from : NULL, p->c_out, pixels, panel);
                    if (bias) FN(sum_columns_of)(cols, block, panel, pixels, bias + g * size + first);
                    FN(tile_args) t = {
                        .a = x + g * p->depth, .arow = d->arow + k, .acol = d->acol + start, .k = pixels,
                        .b = panel,
                        .accumulate = accumulate,
                        .c = p->sums == 1 ? d->partial + g * cols.width + first
                                          : d->partial + sum * FN(partial_size)(p) + g * p->inner * size + first,
                        .crow = d->crow + k, .ahead = FN(part_of_both)(next_x, next_dy, call++, calls),
                    };
                    FN(columns) stored = cols;
                    if (p->sums > 1) stored.width = size;                               /* the partial sums have room for idle columns */
                    FN(run_tile)(&t, stored, block, k_count);
                }
            accumulate = 1;
        }
    }
}

/* Rows of dweight: the partial sums added in order. */
typedef struct { const FN(weight_pass) *p; const real *partial; real *dweight; } FN(weight_sums);

static void FN(add_partials)(const void *data, isize start, isize stop)
{
    const FN(weight_sums) *d = data;
    const FN(weight_pass) *p = d->p;
    const isize size = FN(columns_size)(p->columns), width = p->columns.width;
    for (isize k = start; k < stop; k++)
        for (isize g = 0; g < p->groups; g++) {
            const real *from = d->partial + (g * p->inner + k) * size;
            real *to = d->dweight + k * p->c_out + g * width;
            for (isize o = 0; o < width; o++) to[o] = from[o];
            for (isize i = 1; i < p->sums; i++)
                for (isize o = 0; o < width; o++) to[o] += from[i * FN(partial_size)(p) + o];
        }
}

void FN(direct_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    const pydl_conv2d *s = &a->s;
    if (s->n == 0 || s->h_out == 0 || s->w_out == 0) {
        memset(a->dweight, 0, (size_t)(s->kh * s->kw * (s->c_in / s->groups) * s->c_out) * sizeof(real));
        if (a->dbias) memset(a->dbias, 0, (size_t)s->c_out * sizeof(real));
        return;
    }
    const FN(weight_pass) p = FN(weight_plan)(s);
    const isize size = FN(columns_size)(p.columns), width = p.columns.width;
    double *bias = a->scratch;
    isize *arow = (isize *)(bias + whole_lines(p.sums * FN(bias_size)(&p))), *crow = arow + p.inner, *acol = crow + p.inner;
    real *partial = (real *)(arow + whole_lines(2 * p.inner + FN(unit_pixels)(&p)));
    char *own = (char *)(partial + whole_lines(p.sums * FN(partial_size)(&p)));
    const isize row = p.sums == 1 ? s->c_out : size;
    FN(window_table)(p.y, p.x, p.copied ? p.copy_cols : s->w, p.channels, p.depth, arow);
    for (isize k = 0; k < p.inner; k++) crow[k] = k * row;
    FN(unit_table)(&p, acol);
    const FN(weight_data) d = { .p = &p, .x = a->x, .dy = a->dy, .relu_y = a->relu_y, .arow = arow, .crow = crow, .acol = acol,
                                .partial = p.sums == 1 ? a->dweight : partial, .bias = a->dbias ? bias : NULL };
    const int parallel = conv_work(s) > CONV_PARALLEL_MIN;
    run_tasks(ctx, parallel, p.sums * p.parts, FN(weight_task), &d, own, FN(own_bytes)(&p));
    if (p.sums > 1) {
        const FN(weight_sums) sums = { &p, partial, a->dweight };
        run_parts(ctx, parallel && p.sums * FN(partial_size)(&p) > 4 * PARALLEL_MIN, p.inner, 1, FN(add_partials), &sums);
    }
    if (a->dbias)
        for (isize g = 0; g < p.groups; g++)
            for (isize o = 0; o < width; o++) {
                double total = 0;
                for (isize i = 0; i < p.sums; i++) total += bias[i * FN(bias_size)(&p) + g * size + o];
                a->dbias[g * width + o] = (real)total;
            }
}
#endif
