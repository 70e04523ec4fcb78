/* A result of few channels leaves lanes idle where lanes are channels; here they are pixels, one behind the other.
   A band of rows of the source is copied with its padding, a plane for each channel.  Seen as one long row, the plane under window place (p, q) is the
   plane moved by p rows and q pixels, so every vector is whole whatever the width of the image; what is computed where a window hangs over the end of a
   row is not used.  The sums come out in planes, too, and are turned into pixels.
   By the input with strides, the pixels of each remainder by the strides are such a result, of the window places that reach them; those of a row are turned
   together, as if they were channels of one pixel.   Forward, every sum adds the terms that conv_direct.c adds, in its order.
   One thread, 64 images of 32x32x3 to 8 by 5x5: forward 0.89 -> 0.57 ms, by the input 1.51 -> 0.82 (16 lanes); of 28x28x1 to 6: 0.66 -> 0.38 (8 lanes). */
#ifndef real
#include "internal.h"
#include "conv_direct.h"
#include "conv_parts.h"
#include "conv_planes.h"

/* Most reals of a band's copy. */
#define PLANES_COPY ((isize)1 << 17)
/* Most remainders by a stride. */
#define PLANES_STRIDE 4
/* Most vectors of a plane at a time. */
#define PLANES_VECTORS 8
/* Of few registers: whether the weights stay in them and the pixels come one vector after the other, which leaves room for more sums (3 channels: 12 instead of
   9, which wait for each other; 1.14x); else the pixels stay, and the weights come. */
ALWAYS_INLINE int planes_keep_weights(const int channels) { return SIMD_REGISTERS == 16 && (channels == 1 || channels == 3); }
/* How many, for so many channels. */
ALWAYS_INLINE int planes_vectors(int channels)
{
    const int fit = planes_keep_weights(channels) ? (SIMD_REGISTERS - 1 - channels) / channels : (SIMD_REGISTERS - 1) / (channels + 1);
    return (int)min_isize(PLANES_VECTORS, fit);
}

#define EACH_REAL "conv_planes.c"
#include "each_real.h"
#else

/* What is read (channels) and written (width), and how it is cut. */
typedef struct {
    isize down, across;                                              /* strides of the result */
    conv_axis y[PLANES_STRIDE], x[PLANES_STRIDE];                    /* of each remainder by them */
    isize n, channels, width, inner;                                 /* inner: terms of a sum, of all remainders together */
    isize top, left;                                                 /* where the copy of the first band starts */
    isize rows, bands;                                               /* of a remainder's result in a band; bands an image */
    isize copy_rows, pitch, plane;                                   /* of the copied band: rows, pixels a row, reals a channel */
    isize step, sums;                                                /* pixels at a time; of a plane of sums */
} FN(planes);

/* From the lowest to the highest source pixel that `count` neighbouring results of any remainder read. */
static isize FN(lowest)(const conv_axis *of, isize remainders)
{
    isize low = axis_low(of[0]);
    for (isize r = 1; r < remainders; r++) low = min_isize(low, axis_low(of[r]));
    return low;
}
static isize FN(reach)(const conv_axis *of, isize remainders, isize low, isize count)
{
    isize reach = 1;
    for (isize r = 0; r < remainders; r++) reach = max_isize(reach, axis_low(of[r]) + axis_reach(of[r], count) - low);
    return reach;
}

/* p: its axes, strides, n, channels and width are set. */
static FN(planes) FN(planes_of)(FN(planes) p)
{
    const isize rows = p.y[0].size, cols = p.x[0].size;
    isize down = 0, across = 0;                                                                                  /* places of the window */
    for (isize r = 0; r < p.down; r++) down += p.y[r].taps;
    for (isize r = 0; r < p.across; r++) across += p.x[r].taps;
    p.inner = down * across * p.channels;
    p.top = FN(lowest)(p.y, p.down);
    p.left = FN(lowest)(p.x, p.across);
    p.pitch = FN(reach)(p.x, p.across, p.left, cols);
    const isize fit = PLANES_COPY / max_isize(1, p.channels * p.pitch) - (FN(reach)(p.y, p.down, p.top, 1) - 1);
    const double work = (double)(rows * cols * p.width) * (double)p.inner;
    const isize wanted = work > 8 * CONV_TASK_WORK ? ceil_div(8, p.n) : 1;                                       /* bands, for the threads */
    p.rows = max_isize(1, min_isize(ceil_div(rows, max_isize(1, wanted)), fit));
    p.bands = ceil_div(rows, p.rows);
    p.copy_rows = FN(reach)(p.y, p.down, p.top, p.rows);
    p.step = planes_vectors((int)p.width) * FN(LANES);
    p.sums = ceil_div((p.rows - 1) * p.pitch + cols, p.step) * p.step;
    p.plane = whole_lines(p.copy_rows * p.pitch);
    return p;
}
static FN(planes) FN(forward_planes)(const pydl_conv2d *s)
{
    return FN(planes_of)((FN(planes)){ .down = 1, .across = 1, .y = { rows_of(s) }, .x = { cols_of(s) }, .n = s->n, .channels = s->c_in, .width = s->c_out });
}
static FN(planes) FN(backward_planes)(const pydl_conv2d *s)
{
    FN(planes) p = { .down = s->stride_h, .across = s->stride_w, .n = s->n, .channels = s->c_out, .width = s->c_in };
    for (isize r = 0; r < p.down; r++) p.y[r] = backward_axis(r, s->h, s->stride_h, s->kh, s->dilation_h, s->pad_top, s->h_out);
    for (isize r = 0; r < p.across; r++) p.x[r] = backward_axis(r, s->w, s->stride_w, s->kw, s->dilation_w, s->pad_left, s->w_out);
    return FN(planes_of)(p);
}

int FN(planes_fit)(const pydl_conv2d *s, int backward_input)
{
    const isize width = backward_input ? s->c_in : s->c_out, stride = backward_input ? s->stride_w : 1;
    if (s->groups != 1 || width >= FN(LANES) || width * stride > TURNED_MOST || width < 1) return 0;
    if (backward_input ? s->stride_h > PLANES_STRIDE || stride > PLANES_STRIDE || s->w % stride : s->stride_h != 1 || s->stride_w != 1) return 0;
    if (s->n < 1 || s->h_out < 1 || s->w_out < 1) return 0;
    const FN(planes) p = backward_input ? FN(backward_planes)(s) : FN(forward_planes)(s);
    const isize rows = p.y[0].size, pixels = min_isize(rows * p.x[0].size, s->h_out * s->w_out);        /* the others meet padding, or nobody uses them */
    return p.inner >= 9 && p.inner <= 4096 && 5 * pixels >= 3 * p.bands * p.sums && (p.rows >= 4 || p.rows == rows);
}

/* Reals: the planes of a band with what the last vectors read behind them, the sums, a row of the source. */
static isize FN(copy_size)(const FN(planes) *p) { return p->channels * p->plane + p->step + FN(LANES); }
static isize FN(row_size)(const FN(planes) *p) { return whole_lines((p->pitch + FN(LANES)) * p->channels + FN(QUAD)); }
static isize FN(planes_own)(const FN(planes) *p) { return whole_lines(FN(copy_size)(p)) + whole_lines(p->across * p->width * p->sums) + FN(row_size)(p); }

/* planes[c][j] = from[j * channels + c]; nothing at or behind from[readable] is read. */
static void FN(part_row)(const real *from, isize pixels, isize channels, isize readable, real *planes, isize plane)
{
    isize offset[FN(LANES) / FN(QUAD)];
    for (isize b = 0; b < FN(LANES) / FN(QUAD); b++) offset[b] = b * FN(QUAD) * channels;
    for (isize c = 0; c < channels; c += FN(QUAD))
        for (isize j = 0; j < pixels; j += FN(LANES)) {
            const isize count = min_isize(FN(LANES), pixels - j), here = min_isize(FN(QUAD), channels - c);
            const real *first = from + j * channels + c;
            real *to = planes + c * plane + j;
            if ((j + FN(LANES) - 1) * channels + c + FN(QUAD) > readable) {
                for (isize i = 0; i < count; i++)
                    for (isize k = 0; k < here; k++) to[k * plane + i] = first[i * channels + k];
                continue;
            }
            FN(vec) r[FN(QUAD)];
            for (int q = 0; q < FN(QUAD); q++) r[q] = FN(vload_lanes)(first + q * channels, offset);
            FN(vtranspose_lanes)(r);
            for (isize k = 0; k < here; k++)
                if (count == FN(LANES)) FN(vstore)(to + k * plane, r[k]);
                else FN(vstore_mask)(to + k * plane, FN(mask_of)(count), r[k]);
        }
}

/* to[o][i] = start[o] + sum over k of x[at[k] + i] * weight[k * pitch + o], i along `vectors` vectors; with relu if wanted.  ahead: what is fetched at each k,
   ahead_step further on each time. */
ALWAYS_INLINE void FN(planes_core)(const real *x, const isize *at, isize inner, const real *weight, isize pitch, const real *start, isize relu,
                                   real *to, isize plane, const real *ahead, isize ahead_step, const int width, const int vectors)
{
    FN(vec) sum[TURNED_MOST][PLANES_VECTORS];
    #pragma GCC unroll 8
    for (int o = 0; o < width; o++)
        #pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) sum[o][v] = FN(vset)(start ? start[o] : 0);
    for (isize k = 0; k < inner; k++, ahead += ahead_step) {
        FN(vec) pixel[PLANES_VECTORS];
        __builtin_prefetch(ahead, 0, 2);
        if (planes_keep_weights(width)) {
            FN(vec) w[TURNED_MOST];
            #pragma GCC unroll 8
            for (int o = 0; o < width; o++) w[o] = FN(vset)(weight[k * pitch + o]);
            #pragma GCC unroll 8
            for (int v = 0; v < vectors; v++) {
                pixel[0] = FN(vload)(x + at[k] + v * FN(LANES));
                #pragma GCC unroll 8
                for (int o = 0; o < width; o++) sum[o][v] = FN(vfma)(pixel[0], w[o], sum[o][v]);
            }
            continue;
        }
        #pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) pixel[v] = FN(vload)(x + at[k] + v * FN(LANES));
        #pragma GCC unroll 8
        for (int o = 0; o < width; o++) {
            const FN(vec) w = FN(vset)(weight[k * pitch + o]);
            #pragma GCC unroll 8
            for (int v = 0; v < vectors; v++) sum[o][v] = FN(vfma)(pixel[v], w, sum[o][v]);
        }
    }
    #pragma GCC unroll 8
    for (int o = 0; o < width; o++)
        #pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) FN(vstore)(to + o * plane + v * FN(LANES), relu ? FN(vmax)(FN(vzero)(), sum[o][v]) : sum[o][v]);
}

/* at, weight: (inner) places in the copy, and (inner, pitch) weights, those of one remainder behind the other. */
typedef struct {
    const FN(planes) *p; const real *source, *positive, *weight, *start, *skip; isize pitch, relu; const isize *at; real *out;
} FN(planes_data);

/* Terms first and on, `inner` of them. */
static void FN(planes_sums)(const FN(planes_data) *d, isize first, isize inner, const real *x, const real *ahead, isize ahead_step, real *to)
{
    const FN(planes) *p = d->p;
    const isize relu = d->relu && !d->skip;
    const isize *at = d->at + first;
    const real *weight = d->weight + first * d->pitch;
    switch (p->width) {
#define CHANNELS(count) \
        case count: \
            if (count < FN(LANES)) FN(planes_core)(x, at, inner, weight, d->pitch, d->start, relu, to, p->sums, ahead, ahead_step, count, \
                                                     planes_vectors(count)); \
            break;
        CHANNELS(1) CHANNELS(2) CHANNELS(3) CHANNELS(4) CHANNELS(5) CHANNELS(6) CHANNELS(7) CHANNELS(8)
#undef CHANNELS
    }
}

/* What a band reads. */
static FN(stretch) FN(band_of)(const FN(planes) *p, const real *source, isize task)
{
    const isize row = p->x[0].source * p->channels, h = p->y[0].source;
    const isize from = (task / p->bands * h + max_isize(0, task % p->bands * p->rows + p->top)) * row;
    return FN(stretch_of)(source, p->n * h * row, from, p->copy_rows * row);
}

/* One band of an image. */
static void FN(planes_task)(const void *data, isize task, void *own)
{
    const FN(planes_data) *d = data;
    const FN(planes) *p = d->p;
    const isize image = task / p->bands, first = task % p->bands * p->rows, cols = p->x[0].size;
    const isize h = p->y[0].source, w = p->x[0].source, top = first + p->top, line = w * p->channels;
    const isize from = max_isize(0, -p->left), to = max_isize(from, min_isize(p->pitch, w - p->left));           /* columns of the copy in the image */
    real *copy = own, *sums = copy + whole_lines(FN(copy_size)(p)), *row = sums + whole_lines(p->across * p->width * p->sums);
    for (isize r = 0; r < p->copy_rows && to > from; r++) {
        if (top + r < 0 || top + r >= h) {
            for (isize c = 0; c < p->channels; c++) FN(zero_short)(to - from, copy + c * p->plane + r * p->pitch + from);
            continue;
        }
        const isize at = ((image * h + top + r) * w + p->left + from) * p->channels, count = (to - from) * p->channels;
        real *planes = copy + r * p->pitch + from;
        if (d->positive) {
            FN(keep_positive)(d->source + at, d->positive + at, count, row);
            FN(part_row)(row, to - from, p->channels, FN(row_size)(p), planes, p->plane);
        } else FN(part_row)(d->source + at, to - from, p->channels, p->n * h * line - at, planes, p->plane);
    }
    isize out_rows = 0, term = 0;                                    /* of an image */
    for (isize i = 0; i < p->down; i++) out_rows += p->y[i].size;
    const isize out_line = cols * p->across * p->width, chunks = ceil_div((p->rows - 1) * p->pitch + cols, p->step);
    const FN(stretch) next = FN(band_of)(p, d->source, task + 1);
    const isize ahead_step = ceil_div(next.size, chunks * p->inner);
    const real *ahead = next.from;
    for (isize i = 0; i < p->down; i++) {
        const isize rows = min_isize(p->rows, p->y[i].size - first), used = (rows - 1) * p->pitch + cols;
        for (isize j = 0; j < p->across; j++) {
            const isize inner = p->y[i].taps * p->x[j].taps * p->channels;
            for (isize k = 0; k < used; k += p->step, ahead += inner * ahead_step)
                FN(planes_sums)(d, term, inner, copy + k, ahead, ahead_step, sums + j * p->width * p->sums + k);
            term += inner;
        }
        for (isize r = 0; r < rows; r++) {
            const isize at = (image * out_rows + (first + r) * p->down + i) * out_line;
            FN(turn_row)(sums + r * p->pitch, p->sums, cols, p->across * p->width, d->out + at);
            if (!d->skip) continue;
            for (isize o = at; o < at + out_line; o++) {
                const real y = d->out[o] + d->skip[o];
                d->out[o] = d->relu && y < 0 ? 0 : y;
            }
        }
    }
}

static int FN(planes_parallel)(const FN(planes) *p)
{
    return (double)(p->n * p->y[0].size * p->x[0].size * p->width) * (double)p->inner > CONV_PARALLEL_MIN;
}
static isize FN(planes_scratch)(const pydl_ctx *ctx, const FN(planes) *p)
{
    return whole_lines(p->inner) * (isize)sizeof(isize)
         + owners(ctx, FN(planes_parallel)(p), p->n * p->bands) * FN(planes_own)(p) * (isize)sizeof(real);
}
/* at: room for the places, then for what the threads work in. */
static void FN(run_planes)(const pydl_ctx *ctx, const FN(planes) *p, FN(planes_data) d, isize *at)
{
    d.p = p;
    d.at = at;
    d.pitch = FN(columns_size)(FN(columns_of)(p->width));
    const int parallel = FN(planes_parallel)(p);
    const isize tasks = p->n * p->bands, own = FN(planes_own)(p);
    real *owns = (real *)(at + whole_lines(p->inner));
    for (isize t = 0; t < owners(ctx, parallel, tasks); t++) FN(zero_short)(FN(copy_size)(p), owns + t * own);      /* what no band covers stays 0 */
    run_tasks(ctx, parallel, tasks, FN(planes_task), &d, owns, own * (isize)sizeof(real));
}

/* Where tap (m, q) of a remainder, channel c lies in the copy. */
static isize FN(place_of)(const FN(planes) *p, conv_axis y, conv_axis x, isize m, isize q, isize c)
{
    return c * p->plane + (y.first + m * y.step - p->top) * p->pitch + x.first + q * x.step - p->left;
}

static isize FN(planes_packed)(const FN(planes) *p) { return whole_lines(FN(columns_size)(FN(columns_of)(p->width)) * p->inner); }

isize FN(planes_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    const FN(planes) p = FN(forward_planes)(&a->s);
    return FN(planes_scratch)(ctx, &p) + (a->prepared ? 0 : whole_lines(FN(direct_prepared_size)(&a->s))) * (isize)sizeof(real);
}

void FN(planes_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    const FN(planes) p = FN(forward_planes)(&a->s);
    const conv_axis y = p.y[0], x = p.x[0];
    real *packed = a->scratch;
    if (!a->prepared) FN(direct_prepare)(ctx, &a->s, a->weight, a->bias, packed);
    const real *weight = a->prepared ? a->prepared : packed, *start = weight + FN(planes_packed)(&p);
    isize *at = (isize *)(packed + (a->prepared ? 0 : whole_lines(FN(direct_prepared_size)(&a->s)))), k = 0;
    for (isize m = 0; m < y.taps; m++)
        for (isize q = 0; q < x.taps; q++)
            for (isize c = 0; c < p.channels; c++) at[k++] = FN(place_of)(&p, y, x, m, q, c);
    FN(run_planes)(ctx, &p, (FN(planes_data)){ .source = a->x, .weight = weight, .start = start, .skip = a->skip, .relu = a->relu, .out = a->y }, at);
}

isize FN(planes_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(planes) p = FN(backward_planes)(&a->s);
    return FN(planes_scratch)(ctx, &p) + FN(planes_packed)(&p) * (isize)sizeof(real);
}

/* Channel by channel: its plane is in the first-level cache for all places of the window. */
void FN(planes_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(planes) p = FN(backward_planes)(&a->s);
    const isize pitch = FN(columns_size)(FN(columns_of)(p.width)), window = a->s.kw;
    real *packed = a->scratch;
    isize *at = (isize *)(packed + FN(planes_packed)(&p)), k = 0;
    for (isize i = 0; i < p.down; i++)
        for (isize j = 0; j < p.across; j++)
            for (isize c = 0; c < p.channels; c++)
                for (isize m = 0; m < p.y[i].taps; m++)
                    for (isize q = 0; q < p.x[j].taps; q++, k++) {
                        const isize place = (p.y[i].k_first + m * p.y[i].k_step) * window + p.x[j].k_first + q * p.x[j].k_step;
                        at[k] = FN(place_of)(&p, p.y[i], p.x[j], m, q, c);
                        for (isize o = 0; o < p.width; o++) packed[k * pitch + o] = a->weight[(place * p.width + o) * p.channels + c];
                    }
    FN(run_planes)(ctx, &p, (FN(planes_data)){ .source = a->dy, .positive = a->relu_y, .weight = packed, .out = a->dx }, at);
}
#endif
