#ifndef real
#include "internal.h"
#include "conv_direct.h"
#include "conv_line.h"
#include "conv_parts.h"
#include "conv_pixels.h"

/* Window places summed before a tile goes back to memory: their weights, for a block of columns, stay in L2. */
#define INNER_BLOCK ((isize)640)
/* Pixels of a task: few enough that its rows stay in L2, enough to use a block of weights often. */
#define TASK_PIXELS ((isize)256)

/* Some pixels meet all blocks of columns one after the other where these are at least so many and the sums have at most so many terms: what they write lies
   contiguous then (1x1, 56x56x64 to 256: 1.04x; to 64 channels 0.98x; windows of 3x3x64 0.99x). */
#define BESIDE_LEAST 8
#define BESIDE_INNER 256

#define EACH_REAL "conv_direct.c"
#include "each_real.h"
#else

/* One pass: every output pixel (i, j) of every image gets, in each group,
   out[i, j, o] = start[o] + sum over taps (m, q) and channels c of source[tap pixel, c] * weights[(m, q, c), o].
   A task is a band of rows of one image, or several small images, for a part of the blocks of columns. */
typedef struct {
    conv_axis y; conv_axis x;
    isize n; isize channels; isize depth; isize groups;              /* source pixel: channels = groups * depth */
    isize out_image; isize out_row; isize out_col;                   /* reals from one output image, row, pixel to the next */
    FN(columns) columns;
    isize inner;                                                     /* taps * depth */
    isize lines;                                                     /* by conv_line.c instead of tiles */
    isize copied;                                                    /* the band is copied to scratch, with its padding */
    isize images; isize image_tasks; isize rows; isize bands; isize parts;
    isize copy_rows; isize copy_cols;
} FN(pass);

static void FN(plan)(FN(pass) *p, isize width, isize masked)
{
    p->columns = FN(columns_of)(width);
    p->lines = FN(line_fits)(p->x, width);
    p->inner = p->y.taps * p->x.taps * p->depth;
    p->copied = masked || axis_leaves_image(p->y) || axis_leaves_image(p->x);
    const isize pixels = p->y.size * p->x.size;
    const double work = (double)(p->n * pixels) * (double)p->inner * (double)(width * p->groups);
    const isize tasks = max_isize(1, min_isize(CONV_TASKS, (isize)(work / CONV_TASK_WORK)));
    p->images = max_isize(1, min_isize(TASK_PIXELS / 2 / max_isize(1, pixels), p->n / tasks));
    p->image_tasks = ceil_div(p->n, p->images);
    isize bands = ceil_div(p->y.size, max_isize(1, TASK_PIXELS / max_isize(1, p->x.size)));
    if (p->images > 1) bands = 1;
    else if (p->image_tasks < tasks) bands = max_isize(bands, min_isize(min_isize(ceil_div(tasks, max_isize(1, p->image_tasks)), pixels / 64), p->y.size));
    p->rows = ceil_div(p->y.size, max_isize(1, bands));
    p->bands = ceil_div(p->y.size, max_isize(1, p->rows));
    p->parts = min_isize(p->columns.blocks, max_isize(1, tasks / max_isize(1, p->image_tasks * p->bands)));
    p->copy_rows = max_isize(0, axis_reach(p->y, p->rows));
    p->copy_cols = max_isize(0, axis_reach(p->x, p->x.size));
}

static isize FN(packed_size)(const FN(pass) *p) { return whole_lines(p->groups * FN(columns_size)(p->columns) * p->inner); }
static isize FN(start_size)(const FN(pass) *p) { return whole_lines(p->groups * FN(columns_size)(p->columns)); }
/* Reals of the copy of a thread; before it, in a line of its own, stands whose rows it holds: the parts of a band, which follow each other, share it
   (3x3 with stride 2, one image: 56x56x128 1.04x, 28x28x256 1.09x, 14x14x512 1.17x). */
enum { FN(HOLDS) = 16 };
static isize FN(copy_size)(const FN(pass) *p) { return p->copied ? FN(HOLDS) + whole_lines(p->images * p->copy_rows * p->copy_cols * p->channels) : 0; }
static isize FN(task_pixels)(const FN(pass) *p) { return p->images * p->rows * p->x.size; }

/* Whether several threads are to share the pass. */
static int FN(shared)(const FN(pass) *p)
{
    const double work = (double)(p->n * p->y.size * p->x.size) * (double)p->inner * (double)(p->groups * p->columns.width);
    return work > CONV_PARALLEL_MIN;
}

static isize FN(pass_scratch)(const pydl_ctx *ctx, const FN(pass) *p)
{
    return (FN(packed_size)(p) + FN(start_size)(p)) * (isize)sizeof(real) + whole_lines(p->inner + 2 * FN(task_pixels)(p)) * (isize)sizeof(isize)
         + owners(ctx, FN(shared)(p), p->image_tasks * p->bands * p->parts) * FN(copy_size)(p) * (isize)sizeof(real);
}

typedef struct {
    const real *source; const real *positive; const real *packed; const real *start; const real *skip; isize relu; isize stream;
    isize *acol; real *out;                                          /* acol: room for the tables of window places, and of a task's pixels */
} FN(pass_data);

/* The tables that every task shares: arow, crow = where pixel (i, j) of image b of a task is read, in its copy or image, and written. */
static void FN(pass_tables)(const FN(pass) *p, isize *acol)
{
    const isize pitch = p->copied ? p->copy_cols : p->x.source;
    const isize image = (p->copied ? p->copy_rows * p->copy_cols : p->y.source * p->x.source) * p->channels;
    isize *arow = acol + p->inner, *crow = arow + FN(task_pixels)(p), pixel = 0;
    FN(window_table)(p->y, p->x, pitch, p->channels, p->depth, acol);
    for (isize b = 0; b < p->images; b++)
        for (isize i = 0; i < p->rows; i++)
            for (isize j = 0; j < p->x.size; j++, pixel++) {
                arow[pixel] = b * image + (i * p->y.stride * pitch + j * p->x.stride) * p->channels;
                crow[pixel] = b * p->out_image + i * p->out_row + j * p->out_col;
            }
}

/* The packed weights of a group for one block of columns, from place k of the window on. */
static const real *FN(weights_at)(const FN(pass) *p, const FN(pass_data) *d, isize g, isize block, isize k)
{
    const isize first = FN(block_start)(p->columns, block), wide = FN(block_start)(p->columns, block + 1) - first;
    return d->packed + (g * FN(columns_size)(p->columns) + first) * p->inner + k * wide;
}

/* Full blocks of columns as wide as `block`, of more than one vector, from it up to `end`. */
static isize FN(equal_blocks)(FN(columns) c, isize block, isize end)
{
    const isize first = FN(block_start)(c, block), wide = FN(block_start)(c, block + 1) - first;
    for (isize count = 1; ; count++) {
        const isize after = first + (count + 1) * wide;                          /* where the columns of one block more would end */
        if (wide == c.lanes || block + count == end || FN(block_start)(c, block + count + 1) != after || after > c.width) return count;
    }
}

/* The pixels of a task, one part of the blocks of columns.  source, out: where the first pixel is read and written; next: what the next task reads. */
static void FN(run_tiles)(const FN(pass) *p, const FN(pass_data) *d, isize pixels, isize part, const real *source, real *out, FN(stretch) next)
{
    const isize *arow = d->acol + p->inner, *crow = arow + FN(task_pixels)(p);
    const FN(columns) cols = p->columns;
    const isize size = FN(columns_size)(cols);
    const isize inner_blocks = max_isize(1, ceil_div(p->inner, INNER_BLOCK)), inner_block = max_isize(1, ceil_div(p->inner, inner_blocks));
    const isize begin = part * cols.blocks / p->parts, end = (part + 1) * cols.blocks / p->parts, calls = p->groups * inner_blocks * (end - begin);
    isize call = 0;
    const int at_hand = p->inner * size <= WEIGHTS_AT_HAND;
    for (isize g = 0; g < p->groups; g++)
        for (isize k = 0; k == 0 || k < p->inner; k += inner_block)
            for (isize block = begin, across; block < end; block += across) {
                const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
                const isize depth = min_isize(inner_block, p->inner - k), last = k + depth == p->inner;
                across = at_hand && p->inner <= BESIDE_INNER ? FN(equal_blocks)(cols, block, end) : 1;
                if (across < BESIDE_LEAST) across = 1;
                FN(stretch) ahead = { FN(weights_at)(p, d, g, block + 1 < end ? block + 1 : begin, block + 1 < end || last ? k : k + depth), depth * wide };
                if (at_hand) {
                    const FN(stretch) to = FN(part_of)(next, call + across - 1, calls);
                    ahead = FN(part_of)(next, call, calls);
                    ahead.size = to.from + to.size - ahead.from;
                } else if (block + 1 == end && last) ahead.size = 0;         /* no weights are left */
                call += across;
                FN(tile_args) t = {
                    .a = source + g * p->depth, .arow = arow, .acol = d->acol + k, .k = depth,
                    .b = FN(weights_at)(p, d, g, block, k), .across = across, .ahead = ahead,
                    .start = d->start ? d->start + g * size + first : NULL,
                    .accumulate = k > 0, .relu = d->relu && last, .stream = d->stream && last && cols.width % cols.lanes == 0,
                    .c = out + g * cols.width + first, .crow = crow,
                    .skip = d->skip && k == 0 ? d->skip + (out - d->out) + g * cols.width + first : NULL,
                };
                FN(run_tile)(&t, cols, block, pixels);
            }
}

/* The rows of a task, a line at a time; window rows that lie in the padding are left out. */
static void FN(run_lines)(const FN(pass) *p, const FN(pass_data) *d, isize images, isize first_row, isize rows, const real *source, real *out)
{
    const isize *arow = d->acol + p->inner, *crow = arow + FN(task_pixels)(p), lanes = FN(LANES);
    const isize pitch = (p->copied ? p->copy_cols : p->x.source) * p->channels;
    for (isize g = 0; g < p->groups; g++)
        for (isize i = 0; i < images * rows; i++) {
            isize first = 0, last = p->y.taps;
            for (; first < last && axis_outside(p->y, first_row + i % rows, first); first++);
            for (; first < last && axis_outside(p->y, first_row + i % rows, last - 1); last--);
            real *to = out + crow[i * p->x.size] + g * p->columns.width;
            const FN(line_args) t = {
                .x = p->x, .source = source + arow[i * p->x.size] + axis_tap(p->y, first) * pitch + g * p->depth, .channels = p->channels, .depth = p->depth,
                .rows = last - first, .row_step = p->y.step * pitch,
                .weight = d->packed + (g * p->inner + first * p->x.taps * p->depth) * lanes, .start = d->start ? d->start + g * lanes : NULL,
                .width = p->columns.width, .out = to, .out_step = p->out_col, .skip = d->skip ? d->skip + (to - d->out) : NULL,
                .relu = d->relu, .stream = d->stream
            };
            FN(run_line)(&t);
        }
}

/* Output rows first_row .. first_row + rows - 1 of some images, one part of the blocks of columns, to `out`: where the first of these rows is.   band: what a
   copy of what they read is known by. */
static void FN(run_rows)(const FN(pass) *p, const FN(pass_data) *d, isize first_image, isize images, isize first_row, isize rows, isize part,
                         void *own, isize band, real *out, FN(stretch) next)
{
    const isize source_image = p->y.source * p->x.source * p->channels, copy_image = p->copy_rows * p->copy_cols * p->channels;
    const isize top = first_row * p->y.stride + axis_low(p->y), left = axis_low(p->x);
    const real *source = d->source + first_image * source_image;
    if (p->copied) {
        real *copy = (real *)own + FN(HOLDS);
        for (isize b = *(isize *)own == band ? images : 0; b < images; b++)
            FN(copy_band)(source + b * source_image, d->positive ? d->positive + (first_image + b) * source_image : NULL, p->y.source, p->x.source,
                          p->channels, top, axis_reach(p->y, rows), left, p->copy_cols, copy + b * copy_image);
        *(isize *)own = band;
        source = copy;
    } else source += (top * p->x.source + left) * p->channels;

    if (p->lines) FN(run_lines)(p, d, images, first_row, rows, source, out);
    else FN(run_tiles)(p, d, images * rows * p->x.size, part, source, out, next);
    if (d->stream) stream_fence();
}

/* What a task reads. */
static FN(stretch) FN(source_of)(const FN(pass) *p, const FN(pass_data) *d, isize task)
{
    const isize row = p->x.source * p->channels, image = p->y.source * row, first_image = task / p->bands * p->images, top = task % p->bands * p->rows;
    const isize from = first_image * image + max_isize(0, top * p->y.stride + axis_low(p->y)) * row;
    return FN(stretch_of)(d->source, p->n * image, from, p->parts > 1 ? 0 : p->images * axis_reach(p->y, p->rows) * row);
}

typedef struct { const FN(pass) *p; const FN(pass_data) *d; } FN(pass_work);

static void FN(run_task)(const void *data, isize task, void *own)
{
    const FN(pass) *p = ((const FN(pass_work) *)data)->p;
    const FN(pass_data) *d = ((const FN(pass_work) *)data)->d;
    const isize part = task % p->parts, band = task / p->parts % p->bands, first_image = task / p->parts / p->bands * p->images;
    const isize first_row = band * p->rows;
    FN(run_rows)(p, d, first_image, min_isize(p->images, p->n - first_image), first_row, min_isize(p->rows, p->y.size - first_row), part,
                 own, task / p->parts, d->out + first_image * p->out_image + first_row * p->out_row, FN(source_of)(p, d, task + 1));
}

/* Before a pass: scratch may still say whose rows it held in the one before. */
static void FN(hold_nothing)(const FN(pass) *p, real *owns, isize own, isize count)
{
    for (isize i = 0; p->copied && i < count; i++) *(isize *)(owns + i * own) = -1;
}

static void FN(run_pass)(const pydl_ctx *ctx, const FN(pass) *p, const FN(pass_data) *d)
{
    real *copies = (real *)(d->acol + whole_lines(p->inner + 2 * FN(task_pixels)(p)));
    const isize tasks = p->image_tasks * p->bands * p->parts;
    FN(pass_tables)(p, d->acol);
    FN(hold_nothing)(p, copies, FN(copy_size)(p), owners(ctx, FN(shared)(p), tasks));
    run_tasks(ctx, FN(shared)(p), tasks, FN(run_task), &(FN(pass_work)){ p, d }, copies, FN(copy_size)(p) * (isize)sizeof(real));
}

/* ---- forward ---- */

static FN(pass) FN(forward_pass)(const pydl_conv2d *s)
{
    FN(pass) p = { .y = rows_of(s), .x = cols_of(s), .n = s->n, .channels = s->c_in, .depth = s->c_in / s->groups, .groups = s->groups,
                   .out_image = s->h_out * s->w_out * s->c_out, .out_row = s->w_out * s->c_out, .out_col = s->c_out };
    FN(plan)(&p, s->c_out / s->groups, 0);
    if (s->c_out < PIXELS_MOST) p.lines = 0;                         /* conv_pixels.c makes the same sums, in the order of tiles */
    return p;
}

/* prepared: the packed weights, then the bias for the columns of each group (0 without one). */
isize FN(direct_prepared_size)(const pydl_conv2d *s)
{
    const FN(pass) p = FN(forward_pass)(s);
    return FN(packed_size)(&p) + FN(start_size)(&p);
}

void FN(direct_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, const real *weight, const real *bias, real *prepared)
{
    const FN(pass) p = FN(forward_pass)(s);
    const isize size = FN(columns_size)(p.columns), width = p.columns.width;
    real *start = prepared + FN(packed_size)(&p);
    FN(pack)(ctx, p.columns, p.y, p.x, p.groups, p.depth, weight, s->kw, p.depth * s->c_out, width, s->c_out, 1, prepared);
    for (isize g = 0; g < p.groups; g++)
        for (isize o = 0; o < size; o++) start[g * size + o] = bias && o < width ? bias[g * width + o] : 0;
}

isize FN(direct_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    const FN(pass) p = FN(forward_pass)(&a->s);
    return FN(pass_scratch)(ctx, &p) - (a->prepared ? FN(direct_prepared_size)(&a->s) * (isize)sizeof(real) : 0);
}

void FN(direct_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    const FN(pass) p = FN(forward_pass)(&a->s);
    real *own = a->scratch;
    isize *acol = (isize *)(own + (a->prepared ? 0 : FN(direct_prepared_size)(&a->s)));
    if (!a->prepared) FN(direct_prepare)(ctx, &a->s, a->weight, a->bias, own);
    const real *packed = a->prepared ? a->prepared : own;
    const FN(pass_data) d = { .source = a->x, .packed = packed, .start = packed + FN(packed_size)(&p), .skip = a->skip, .acol = acol, .relu = a->relu,
                              .out = a->y, .stream = !a->skip && is_far(a->y, a->s.n * p.out_image) };
    FN(run_pass)(ctx, &p, &d);
}

/* ---- forward with the maxima of windows: a task keeps its rows in scratch, and takes their maxima while they are in L1 ---- */

static FN(pass) FN(pooled_pass)(const pydl_conv2d *s, const pydl_pool2d *g, isize *pooled_rows)
{
    FN(pass) p = FN(forward_pass)(s);
    p.parts = 1;
    *pooled_rows = max_isize(1, p.images > 1 ? g->oh : min_isize(g->oh, p.rows / g->sh));
    p.bands = ceil_div(g->oh, *pooled_rows);
    p.rows = p.bands == 1 ? p.y.size : min_isize(p.y.size, (*pooled_rows - 1) * g->sh + g->kh);
    p.copy_rows = max_isize(0, axis_reach(p.y, p.rows));
    p.out_row = p.x.size * s->c_out;
    p.out_image = p.rows * p.out_row;
    return p;
}

static isize FN(pooled_own)(const FN(pass) *p) { return FN(copy_size)(p) + whole_lines(p->images * p->out_image); }

isize FN(direct_pooled_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a)
{
    isize pooled_rows;
    const FN(pass) p = FN(pooled_pass)(&a->s, &a->g, &pooled_rows);
    return FN(pass_scratch)(ctx, &p) + owners(ctx, FN(shared)(&p), p.image_tasks * p.bands) * (FN(pooled_own)(&p) - FN(copy_size)(&p)) * (isize)sizeof(real);
}

typedef struct { const FN(conv2d_max_pool_forward_args) *a; const FN(pass) *p; const FN(pass_data) *d; isize pooled_rows; } FN(pooled_work);

static void FN(pooled_task)(const void *data, isize task, void *own)
{
    const FN(pooled_work) *work = data;
    const FN(conv2d_max_pool_forward_args) *a = work->a;
    const FN(pass) *p = work->p;
    const pydl_pool2d *g = &a->g;
    const isize pooled_rows = work->pooled_rows;
    const isize first_image = task / p->bands * p->images, images = min_isize(p->images, p->n - first_image);
    const isize top = task % p->bands * pooled_rows, count = min_isize(pooled_rows, g->oh - top);
    const isize above = top * g->sh - g->top, first_row = max_isize(0, above);
    const isize rows = p->bands == 1 ? p->y.size : min_isize(p->y.size, above + (count - 1) * g->sh + g->kh) - first_row;
    real *z = (real *)own + FN(copy_size)(p);
    FN(run_rows)(p, work->d, first_image, images, p->bands == 1 ? 0 : first_row, rows, 0, own, task, z, (FN(stretch)){ a->x, 0 });
    const isize at = (first_image * g->oh + top) * g->ow * g->c;
    FN(max_pool2d_forward_args) pool = { .x = z, .g = *g, .y = a->y + at, .argmax = a->argmax ? a->argmax + at : NULL };
    pool.g.n = images;
    pool.g.oh = count;
    if (p->bands > 1) { pool.g.h = rows; pool.g.top = first_row - above; }
    FN(max_pool2d_rows)(&pool, 0, images * count);
}

void FN(direct_pooled_forward)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a)
{
    isize pooled_rows;
    const FN(pass) p = FN(pooled_pass)(&a->s, &a->g, &pooled_rows);
    real *packed = a->scratch, *start = packed + FN(packed_size)(&p);
    isize *acol = (isize *)(packed + FN(direct_prepared_size)(&a->s));
    FN(direct_prepare)(ctx, &a->s, a->weight, a->bias, packed);
    const FN(pass_data) d = { .source = a->x, .packed = packed, .start = start, .acol = acol, .relu = a->relu };
    real *owns = (real *)(acol + whole_lines(p.inner + 2 * FN(task_pixels)(&p)));
    FN(pass_tables)(&p, acol);
    FN(hold_nothing)(&p, owns, FN(pooled_own)(&p), owners(ctx, FN(shared)(&p), p.image_tasks * p.bands));
    run_tasks(ctx, FN(shared)(&p), p.image_tasks * p.bands, FN(pooled_task), &(FN(pooled_work)){ a, &p, &d, pooled_rows },
              owns, FN(pooled_own)(&p) * (isize)sizeof(real));
}

/* ---- backward by the input: for each remainder of a pixel's row and column by the strides, a stride-1 pass over dy ---- */

static FN(pass) FN(backward_pass)(const pydl_conv2d *s, isize remainder_h, isize remainder_w, isize masked)
{
    FN(pass) p = {
        .y = backward_axis(remainder_h, s->h, s->stride_h, s->kh, s->dilation_h, s->pad_top, s->h_out),
        .x = backward_axis(remainder_w, s->w, s->stride_w, s->kw, s->dilation_w, s->pad_left, s->w_out),
        .n = s->n, .channels = s->c_out, .depth = s->c_out / s->groups, .groups = s->groups,
        .out_image = s->h * s->w * s->c_in, .out_row = s->stride_h * s->w * s->c_in, .out_col = s->stride_w * s->c_in,
    };
    FN(plan)(&p, s->c_in / s->groups, masked);
    return p;
}

int FN(direct_backward_input_lines)(const pydl_conv2d *s) { return s->stride_h == 1 && s->stride_w == 1 && FN(backward_pass)(s, 0, 0, 0).lines; }

isize FN(direct_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    isize most = 0;
    for (isize i = 0; i < min_isize(a->s.stride_h, a->s.h); i++)
        for (isize j = 0; j < min_isize(a->s.stride_w, a->s.w); j++) {
            const FN(pass) p = FN(backward_pass)(&a->s, i, j, a->relu_y != NULL);
            most = max_isize(most, FN(pass_scratch)(ctx, &p));
        }
    return most;
}

void FN(direct_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    for (isize i = 0; i < min_isize(a->s.stride_h, a->s.h); i++)
        for (isize j = 0; j < min_isize(a->s.stride_w, a->s.w); j++) {
            const FN(pass) p = FN(backward_pass)(&a->s, i, j, a->relu_y != NULL);
            real *packed = a->scratch;
            isize *acol = (isize *)(packed + FN(packed_size)(&p) + FN(start_size)(&p));
            FN(pack)(ctx, p.columns, p.y, p.x, p.groups, p.depth, a->weight, a->s.kw, p.columns.width * a->s.c_out, p.depth, 1, a->s.c_out, packed);
            const FN(pass_data) d = { .source = a->dy, .positive = a->relu_y, .packed = packed, .acol = acol, .out = a->dx + (i * a->s.w + j) * a->s.c_in,
                                      .stream = is_far(a->dx, a->s.n * p.out_image) && (a->s.stride_w == 1 || p.columns.width % FN(LANES) == 0) };
            FN(run_pass)(ctx, &p, &d);
        }
}
#endif
