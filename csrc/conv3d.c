/* A line of results is one product: its pixels by the places of the window, whose runs of channels the product finds by a table of segments
   (gemm.h), so no matrix of windows is laid out.  Where windows leave the volume, the planes they read are copied with their padding, a band of
   rows at a time.  Backward by the input is the same pass over dy with the window turned, once for each remainder of a pixel by the strides. */
#ifndef real
#include "internal.h"
#include "gemm.h"
#include "conv3d.h"
#include "conv_parts.h"

/* Reals a thread copies at a time: they stay in L2. */
#define BAND_REALS ((isize)1 << 16)
/* Partial sums of the gradient by the weight, and reals they may take together. */
#define SUMS ((isize)16)
#define SUM_REALS ((isize)1 << 22)

#define EACH_REAL "conv3d.c"
#include "each_real.h"
#else

/* out[i, o] = start[o] + sum over taps and channels of source[tap of i, c] * weights[(tap, c), o], i along three axes, in each group. */
typedef struct {
    conv_axis axis[3];
    isize n; isize channels; isize depth; isize groups; isize width;         /* channels = groups * depth; width results a group */
    isize out_image; isize out_step[3];                                      /* reals from one output image, plane, row, pixel to the next */
    isize taps;
    isize copied; isize rows; isize bands; isize copy_rows; isize copy_cols; /* a task: a band of rows of one output plane */
} FN(volume_pass);

static void FN(cut)(FN(volume_pass) *p)
{
    const conv_axis *z = p->axis, *y = z + 1, *x = z + 2;
    p->taps = z->taps * y->taps * x->taps;
    p->copied = axis_leaves_image(*z) || axis_leaves_image(*y) || axis_leaves_image(*x);
    p->copy_cols = max_isize(0, axis_reach(*x, x->size));
    const isize line = max_isize(1, z->taps * p->copy_cols * p->channels * y->stride);
    p->rows = max_isize(1, min_isize(y->size, BAND_REALS / line));
    p->bands = ceil_div(y->size, p->rows);
    p->copy_rows = max_isize(0, axis_reach(*y, p->rows));
}

static FN(volume_pass) FN(volume_forward)(const pydl_conv3d *s)
{
    FN(volume_pass) p = { .n = s->n, .channels = s->c_in, .depth = s->c_in / s->groups, .groups = s->groups, .width = s->c_out / s->groups };
    for (int d = 0; d < 3; d++) p.axis[d] = forward_axis(s->out[d], s->stride[d], s->window[d], s->dilation[d], s->pad[d], s->size[d]);
    p.out_step[2] = s->c_out;
    p.out_step[1] = s->out[2] * s->c_out;
    p.out_step[0] = s->out[1] * p.out_step[1];
    p.out_image = s->out[0] * p.out_step[0];
    FN(cut)(&p);
    return p;
}

/* The pixels of x with one remainder by the strides on each axis. */
static FN(volume_pass) FN(volume_backward)(const pydl_conv3d *s, const isize *remainder)
{
    FN(volume_pass) p = { .n = s->n, .channels = s->c_out, .depth = s->c_out / s->groups, .groups = s->groups, .width = s->c_in / s->groups };
    for (int d = 0; d < 3; d++)
        p.axis[d] = backward_axis(remainder[d], s->size[d], s->stride[d], s->window[d], s->dilation[d], s->pad[d], s->out[d]);
    const isize step[3] = { s->size[1] * s->size[2] * s->c_in, s->size[2] * s->c_in, s->c_in };
    for (int d = 0; d < 3; d++) p.out_step[d] = s->stride[d] * step[d];
    p.out_image = s->size[0] * step[0];
    FN(cut)(&p);
    return p;
}

static isize FN(volume_packed)(const FN(volume_pass) *p) { return whole_lines(p->groups * FN(gemm_packed_size)(p->taps * p->depth, p->width)); }
static isize FN(volume_copy)(const FN(volume_pass) *p)
{
    return p->copied ? whole_lines(p->axis[0].taps * p->copy_rows * p->copy_cols * p->channels) : 0;
}
static isize FN(volume_scratch)(const pydl_ctx *ctx, const FN(volume_pass) *p)
{
    return (FN(volume_packed)(p) + ctx->threads * FN(volume_copy)(p)) * (isize)sizeof(real) + whole_lines(p->taps) * (isize)sizeof(isize);
}

/* weight: (window, c_in / groups, c_out).  Column o and channel c of a tap stand o_step and c_step apart, groups group_step. */
typedef struct {
    const FN(volume_pass) *p; const pydl_conv3d *s; const real *weight; isize group_step; isize c_step; isize o_step;
    const real *source; const real *bias; isize relu;
    real *packed; real *copies; isize *segment; real *out;
} FN(volume_data);

/* Panels of the packed weights: for each group (taps, depth) rows. */
static void FN(pack_volume)(const void *data, isize start, isize stop)
{
    const FN(volume_data) *d = data;
    const FN(volume_pass) *p = d->p;
    const conv_axis *z = p->axis, *y = z + 1, *x = z + 2;
    const isize nr = FN(GEMM_NR), panels = ceil_div(p->width, nr), tap_size = d->s->c_in / d->s->groups * d->s->c_out;
    for (isize panel = start; panel < stop; panel++) {
        const isize g = panel / panels, first = panel % panels * nr;
        for (isize tap = 0; tap < p->taps; tap++) {
            const isize m = tap / (y->taps * x->taps), q = tap / x->taps % y->taps, r = tap % x->taps;
            const isize place = ((z->k_first + m * z->k_step) * d->s->window[1] + y->k_first + q * y->k_step) * d->s->window[2] + x->k_first + r * x->k_step;
            FN(gemm_pack_strip)(d->weight + place * tap_size + g * d->group_step + first * d->o_step, d->o_step, d->c_step, min_isize(nr, p->width - first),
                                p->depth, nr, d->packed + (panel * p->taps + tap) * p->depth * nr);
        }
    }
}

/* Where the source of a band begins: in the volume, or in a copy with its padding.  plane, row: of the first output. */
static const real *FN(band_source)(const FN(volume_pass) *p, const real *source, isize image, isize plane, isize row, isize rows, real *copy)
{
    const conv_axis *z = p->axis, *y = z + 1, *x = z + 2;
    const isize size = y->source * x->source * p->channels, top = row * y->stride + axis_low(*y), left = axis_low(*x);
    const real *volume = source + image * z->source * size;
    if (!p->copied) return volume + (plane * z->stride + axis_low(*z)) * size + (top * x->source + left) * p->channels;
    for (isize m = 0; m < z->taps; m++) {
        const isize at = plane * z->stride + z->first + m * z->step, place = p->copy_rows * p->copy_cols * p->channels;
        if (at < 0 || at >= z->source) FN(zero_short)(place, copy + m * place);
        else FN(copy_band)(volume + at * size, NULL, y->source, x->source, p->channels, top, axis_reach(*y, rows), left, p->copy_cols, copy + m * place);
    }
    return copy;
}

/* Reals from one source row to the next, and where tap (m, q, r) lies from the source's beginning. */
static isize FN(source_row)(const FN(volume_pass) *p) { return (p->copied ? p->copy_cols : p->axis[2].source) * p->channels; }
static void FN(tap_table)(const FN(volume_pass) *p, isize *segment)
{
    const conv_axis *z = p->axis, *y = z + 1, *x = z + 2;
    const isize row = FN(source_row)(p), plane = (p->copied ? p->copy_rows : y->source) * row;
    for (isize m = 0; m < z->taps; m++)
        for (isize q = 0; q < y->taps; q++)
            for (isize r = 0; r < x->taps; r++) *segment++ = (p->copied ? m : axis_tap(*z, m)) * plane + axis_tap(*y, q) * row + axis_tap(*x, r) * p->channels;
}

static void FN(volume_task)(const void *data, isize task, isize stop)
{
    const FN(volume_data) *d = data;
    const FN(volume_pass) *p = d->p;
    const isize band = task % p->bands, plane = task / p->bands % p->axis[0].size, image = task / p->bands / p->axis[0].size;
    const isize first = band * p->rows, rows = min_isize(p->rows, p->axis[1].size - first), inner = p->taps * p->depth;
    const real *source = FN(band_source)(p, d->source, image, plane, first, rows, d->copies + omp_get_thread_num() * FN(volume_copy)(p));
    (void)stop;
    for (isize g = 0; g < p->groups; g++)
        for (isize i = 0; i < rows; i++) {
            const FN(gemm_block_args) line = {
                .m = p->axis[2].size, .n = p->width, .k = p->depth,
                .a = source + i * p->axis[1].stride * FN(source_row)(p) + g * p->depth, .a_row = p->axis[2].stride * p->channels, .a_col = 1,
                .segments = p->taps, .segment = d->segment,
                .b = d->packed + g * FN(gemm_packed_size)(inner, p->width), .b_pitch = FN(GEMM_NR), .b_panel = inner * FN(GEMM_NR),
                .bias = d->bias ? d->bias + g * p->width : NULL, .activation = d->relu ? GEMM_RELU : GEMM_LINEAR,
                .c = d->out + image * p->out_image + plane * p->out_step[0] + (first + i) * p->out_step[1] + g * p->width, .c_row = p->out_step[2],
            };
            FN(gemm_block)(&line);
        }
}

static void FN(run_volume)(const pydl_ctx *ctx, FN(volume_data) d, void *scratch)
{
    const FN(volume_pass) *p = d.p;
    const isize planes = p->n * p->axis[0].size;
    const double work = (double)(planes * p->axis[1].size * p->axis[2].size) * (double)(p->taps * p->depth) * (double)(p->groups * p->width);
    d.packed = scratch;
    d.copies = d.packed + FN(volume_packed)(p);
    d.segment = (isize *)(d.copies + ctx->threads * FN(volume_copy)(p));
    FN(tap_table)(p, d.segment);
    run_parts(ctx, FN(volume_packed)(p) > 4 * PARALLEL_MIN, p->groups * ceil_div(p->width, FN(GEMM_NR)), 1, FN(pack_volume), &d);
    run_parts(ctx, work > CONV_PARALLEL_MIN, planes * p->bands, 1, FN(volume_task), &d);
}

isize FN(conv3d_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(volume_pass) p = FN(volume_forward)(&((const FN(conv3d_forward_args) *)args)->s);
    return FN(volume_scratch)(ctx, &p);
}

pydl_status FN(conv3d_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv3d_forward_args) *a = args;
    const FN(volume_pass) p = FN(volume_forward)(&a->s);
    const FN(volume_data) d = { .p = &p, .s = &a->s, .weight = a->weight, .group_step = p.width, .c_step = a->s.c_out, .o_step = 1,
                                .source = a->x, .bias = a->bias, .relu = a->relu, .out = a->y };
    FN(run_volume)(ctx, d, a->scratch);
    return PYDL_OK;
}

/* ---- backward by the input ---- */

/* The next remainder of a pixel by the strides; 0 after the last. */
static int FN(next_remainder)(const pydl_conv3d *s, isize *remainder)
{
    for (int d = 2; d >= 0; d--) {
        if (++remainder[d] < min_isize(s->stride[d], s->size[d])) return 1;
        remainder[d] = 0;
    }
    return 0;
}

isize FN(conv3d_backward_input_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv3d_backward_input_args) *a = args;
    isize remainder[3] = { 0 }, most = 0;
    do {
        const FN(volume_pass) p = FN(volume_backward)(&a->s, remainder);
        most = max_isize(most, FN(volume_scratch)(ctx, &p));
    } while (FN(next_remainder)(&a->s, remainder));
    return most;
}

pydl_status FN(conv3d_backward_input)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv3d_backward_input_args) *a = args;
    const pydl_conv3d *s = &a->s;
    isize remainder[3] = { 0 };
    do {
        const FN(volume_pass) p = FN(volume_backward)(s, remainder);
        const FN(volume_data) d = { .p = &p, .s = s, .weight = a->weight, .group_step = p.depth, .c_step = 1, .o_step = s->c_out, .source = a->dy,
                                    .out = a->dx + ((remainder[0] * s->size[1] + remainder[1]) * s->size[2] + remainder[2]) * s->c_in };
        FN(run_volume)(ctx, d, a->scratch);
    } while (FN(next_remainder)(s, remainder));
    return PYDL_OK;
}

/* ---- backward by the weight ---- */

/* Bands of output planes, in `sums` shares; each share has a partial dweight and dbias, which are added in order. */
typedef struct {
    const FN(volume_pass) *p; const real *x; const real *dy; isize sums; isize size; isize c_out;
    real *copies; const isize *segment; const isize *line; real *partial; double *bias;                 /* bias: (sums, c_out) or NULL */
} FN(volume_gradient);

static isize FN(volume_units)(const FN(volume_pass) *p) { return p->n * p->axis[0].size * p->bands; }
static isize FN(volume_sums)(const FN(volume_pass) *p, isize size) { return max_isize(1, min_isize(min_isize(SUMS, FN(volume_units)(p)), SUM_REALS / max_isize(1, size))); }
static isize FN(weight_size)(const pydl_conv3d *s) { return s->window[0] * s->window[1] * s->window[2] * (s->c_in / s->groups) * s->c_out; }

isize FN(conv3d_backward_weight_scratch)(const pydl_ctx *ctx, const void *args)
{
    const pydl_conv3d *s = &((const FN(conv3d_backward_weight_args) *)args)->s;
    const FN(volume_pass) p = FN(volume_forward)(s);
    const isize sums = FN(volume_sums)(&p, FN(weight_size)(s));
    return whole_lines(sums * s->c_out) * (isize)sizeof(double) + whole_lines(p.taps + p.rows) * (isize)sizeof(isize)
         + (sums * whole_lines(FN(weight_size)(s)) + ctx->threads * FN(volume_copy)(&p)) * (isize)sizeof(real);
}

static void FN(gradient_unit)(const FN(volume_gradient) *d, isize unit, int accumulate, real *dweight, double *dbias)
{
    const FN(volume_pass) *p = d->p;
    const isize band = unit % p->bands, plane = unit / p->bands % p->axis[0].size, image = unit / p->bands / p->axis[0].size;
    const isize first = band * p->rows, rows = min_isize(p->rows, p->axis[1].size - first);
    const real *source = FN(band_source)(p, d->x, image, plane, first, rows, d->copies + omp_get_thread_num() * FN(volume_copy)(p));
    const real *dy = d->dy + image * p->out_image + plane * p->out_step[0] + first * p->out_step[1];
    for (isize tap = 0; tap < p->taps; tap++)
        for (isize g = 0; g < p->groups; g++) {
            const FN(gemm_block_args) product = {
                .m = p->depth, .n = p->width, .k = p->axis[2].size,
                .a = source + d->segment[tap] + g * p->depth, .a_row = 1, .a_col = p->axis[2].stride * p->channels, .segments = rows, .segment = d->line,
                .b = dy + g * p->width, .b_pitch = d->c_out, .b_panel = FN(GEMM_NR), .accumulate = accumulate,
                .c = dweight + tap * p->depth * d->c_out + g * p->width, .c_row = d->c_out,
            };
            FN(gemm_block)(&product);
        }
    for (isize i = 0; dbias && i < rows * p->axis[2].size; i++)
        for (isize o = 0; o < d->c_out; o++) dbias[o] += (double)dy[i * d->c_out + o];
}

static void FN(gradient_share)(const void *data, isize sum, isize stop)
{
    const FN(volume_gradient) *d = data;
    const isize units = FN(volume_units)(d->p), from = sum * units / d->sums;
    double *dbias = d->bias ? d->bias + sum * d->c_out : NULL;
    (void)stop;
    for (isize o = 0; dbias && o < d->c_out; o++) dbias[o] = 0;
    for (isize unit = from; unit < (sum + 1) * units / d->sums; unit++) FN(gradient_unit)(d, unit, unit > from, d->partial + sum * d->size, dbias);
}

pydl_status FN(conv3d_backward_weight)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv3d_backward_weight_args) *a = args;
    const pydl_conv3d *s = &a->s;
    const FN(volume_pass) p = FN(volume_forward)(s);
    const isize size = FN(weight_size)(s), units = FN(volume_units)(&p), sums = FN(volume_sums)(&p, size);
    double *bias = a->scratch;
    isize *segment = (isize *)(bias + whole_lines(sums * s->c_out)), *line = segment + p.taps;
    real *partial = (real *)(segment + whole_lines(p.taps + p.rows));
    if (units == 0 || s->out[2] == 0) {
        memset(a->dweight, 0, (size_t)size * sizeof(real));
        if (a->dbias) memset(a->dbias, 0, (size_t)s->c_out * sizeof(real));
        return PYDL_OK;
    }
    FN(tap_table)(&p, segment);
    for (isize i = 0; i < p.rows; i++) line[i] = i * p.axis[1].stride * FN(source_row)(&p);
    const FN(volume_gradient) d = { .p = &p, .x = a->x, .dy = a->dy, .sums = sums, .size = whole_lines(size), .c_out = s->c_out,
                                    .copies = partial + sums * whole_lines(size), .segment = segment, .line = line,
                                    .partial = sums == 1 ? a->dweight : partial, .bias = a->dbias ? bias : NULL };
    run_parts(ctx, (double)(units * p.rows * p.axis[2].size) * (double)size > CONV_PARALLEL_MIN, sums, 1, FN(gradient_share), &d);
    for (isize i = 0; sums > 1 && i < size; i++) {
        real total = partial[i];
        for (isize sum = 1; sum < sums; sum++) total += partial[sum * d.size + i];
        a->dweight[i] = total;
    }
    for (isize o = 0; a->dbias && o < s->c_out; o++) {
        double total = 0;
        for (isize sum = 0; sum < sums; sum++) total += bias[sum * s->c_out + o];
        a->dbias[o] = (real)total;
    }
    return PYDL_OK;
}
#endif
