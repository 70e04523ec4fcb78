/* A result of few channels leaves lanes idle where lanes are channels; here they are pixels, one behind the other.
   A band of rows of the source is copied with its padding, a plane for each channel.  Seen as one long row, the plane under window place (p, q) is the
   plane moved by p rows and q pixels, so every vector is whole whatever the width of the image; what is computed where a window hangs over the end of a
   row is not used.  The sums come out in planes, too, and are turned into pixels.   Every sum adds the terms that conv_direct.c adds, in its order.
   One thread, 64 images of 32x32x3 to 8 by 5x5: forward 0.89 -> 0.57 ms, by the input 1.51 -> 0.82. */
#ifndef real
#include "internal.h"
#include "conv_direct.h"
#include "conv_parts.h"
#include "conv_planes.h"

/* Most reals of a band's copy. */
#define PLANES_COPY ((isize)1 << 15)
/* Most vectors of a plane at a time. */
#define PLANES_VECTORS 8
/* How many, for so many channels: there are registers for their sums, the pixels and one weight. */
ALWAYS_INLINE int planes_vectors(int channels) { return (int)min_isize(PLANES_VECTORS, (SIMD_REGISTERS - 1) / (channels + 1)); }

#define EACH_REAL "conv_planes.c"
#include "each_real.h"
#else

/* What is read (channels) and written (width), and how it is cut. */
typedef struct {
    conv_axis y, x;
    isize n, channels, width, inner;
    isize rows, bands;                                               /* of the result in a band; bands an image */
    isize copy_rows, pitch, plane;                                   /* of the copied band: rows, pixels a row, reals a channel */
    isize step, sums;                                                /* pixels at a time; of a plane of sums */
} FN(planes);

static FN(planes) FN(planes_of)(conv_axis y, conv_axis x, isize n, isize channels, isize width)
{
    FN(planes) p = { .y = y, .x = x, .n = n, .channels = channels, .width = width, .inner = y.taps * x.taps * channels, .pitch = axis_reach(x, x.size) };
    const isize fit = PLANES_COPY / max_isize(1, channels * p.pitch) - (axis_span(y) - 1);
    const double work = (double)(y.size * x.size * width) * (double)p.inner;
    const isize wanted = work > 8 * CONV_TASK_WORK ? ceil_div(8, n) : 1;                                         /* bands, for the threads */
    p.rows = max_isize(1, min_isize(ceil_div(y.size, max_isize(1, wanted)), fit));
    p.bands = ceil_div(y.size, p.rows);
    p.copy_rows = axis_reach(y, p.rows);
    p.step = planes_vectors((int)width) * FN(LANES);
    p.sums = ceil_div((p.rows - 1) * p.pitch + x.size, p.step) * p.step;
    p.plane = whole_lines(p.copy_rows * p.pitch);
    return p;
}
static FN(planes) FN(forward_planes)(const pydl_conv2d *s) { return FN(planes_of)(rows_of(s), cols_of(s), s->n, s->c_in, s->c_out); }
static FN(planes) FN(backward_planes)(const pydl_conv2d *s)
{
    return FN(planes_of)(backward_axis(0, s->h, 1, s->kh, s->dilation_h, s->pad_top, s->h_out),
                         backward_axis(0, s->w, 1, s->kw, s->dilation_w, s->pad_left, s->w_out), s->n, s->c_out, s->c_in);
}

int FN(planes_fit)(const pydl_conv2d *s, int backward_input)
{
    const isize width = backward_input ? s->c_in : s->c_out;
    if (s->groups != 1 || s->stride_h != 1 || s->stride_w != 1 || 2 * width > FN(LANES) || width > TURNED_MOST || width < 1) return 0;
    if (s->n < 1 || s->h_out < 1 || s->w_out < 1) return 0;
    const FN(planes) p = backward_input ? FN(backward_planes)(s) : FN(forward_planes)(s);
    const isize pixels = min_isize(s->h * s->w, s->h_out * s->w_out);                        /* the others meet padding, or nobody uses them */
    return p.inner >= 9 && p.inner <= 4096 && 5 * pixels >= 3 * p.bands * p.sums && (p.rows >= 4 || p.rows == p.y.size);
}

/* Reals: the planes of a band with what the last vectors read behind them, the sums, a row of the source. */
static isize FN(copy_size)(const FN(planes) *p) { return p->channels * p->plane + p->step + FN(LANES); }
static isize FN(row_size)(const FN(planes) *p) { return whole_lines((p->pitch + FN(LANES)) * p->channels + FN(QUAD)); }
static isize FN(planes_own)(const FN(planes) *p) { return whole_lines(FN(copy_size)(p)) + whole_lines(p->width * p->sums) + FN(row_size)(p); }

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

/* to[o][i] = start[o] + sum over k of x[at[k] + i] * weight[k * pitch + o], i along `vectors` vectors; with relu if wanted. */
ALWAYS_INLINE void FN(planes_core)(const real *x, const isize *at, isize inner, const real *weight, isize pitch, const real *start, isize relu,
                                   real *to, isize plane, const int width, const int vectors)
{
    FN(vec) sum[TURNED_MOST][PLANES_VECTORS];
    #pragma GCC unroll 8
    for (int o = 0; o < width; o++)
        #pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) sum[o][v] = FN(vset)(start ? start[o] : 0);
    for (isize k = 0; k < inner; k++) {
        FN(vec) pixel[PLANES_VECTORS];
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

typedef struct {
    const FN(planes) *p; const real *source, *positive, *weight, *start, *skip; isize pitch, relu; const isize *at; real *out;
} FN(planes_data);

static void FN(planes_sums)(const FN(planes_data) *d, const real *x, real *to)
{
    const FN(planes) *p = d->p;
    const isize relu = d->relu && !d->skip;
    switch (p->width) {
#define CHANNELS(count) \
        case count: \
            if (2 * count <= FN(LANES)) FN(planes_core)(x, d->at, p->inner, d->weight, d->pitch, d->start, relu, to, p->sums, count, planes_vectors(count)); \
            break;
        CHANNELS(1) CHANNELS(2) CHANNELS(3) CHANNELS(4) CHANNELS(5) CHANNELS(6) CHANNELS(7) CHANNELS(8)
#undef CHANNELS
    }
}

/* One band of an image. */
static void FN(planes_task)(const void *data, isize task, void *own)
{
    const FN(planes_data) *d = data;
    const FN(planes) *p = d->p;
    const isize image = task / p->bands, first = task % p->bands * p->rows, rows = min_isize(p->rows, p->y.size - first);
    const isize h = p->y.source, w = p->x.source, top = first + axis_low(p->y), left = axis_low(p->x), line = w * p->channels;
    const isize from = max_isize(0, -left), to = max_isize(from, min_isize(p->pitch, w - left));                 /* columns of the copy in the image */
    real *copy = own, *sums = copy + whole_lines(FN(copy_size)(p)), *row = sums + whole_lines(p->width * p->sums);
    FN(zero_short)(FN(copy_size)(p), copy);
    for (isize r = 0; r < p->copy_rows && to > from; r++) {
        if (top + r < 0 || top + r >= h) continue;
        const isize at = ((image * h + top + r) * w + left + from) * p->channels, count = (to - from) * p->channels;
        real *planes = copy + r * p->pitch + from;
        if (d->positive) {
            FN(keep_positive)(d->source + at, d->positive + at, count, row);
            FN(part_row)(row, to - from, p->channels, FN(row_size)(p), planes, p->plane);
        } else FN(part_row)(d->source + at, to - from, p->channels, p->n * h * line - at, planes, p->plane);
    }
    const isize used = (rows - 1) * p->pitch + p->x.size;
    for (isize i = 0; i < used; i += p->step) FN(planes_sums)(d, copy + i, sums + i);
    const isize out_line = p->x.size * p->width;
    for (isize r = 0; r < rows; r++) {
        const isize at = (image * p->y.size + first + r) * out_line;
        FN(turn_row)(sums + r * p->pitch, p->sums, p->x.size, p->width, d->out + at);
        if (!d->skip) continue;
        for (isize i = at; i < at + out_line; i++) {
            const real y = d->out[i] + d->skip[i];
            d->out[i] = d->relu && y < 0 ? 0 : y;
        }
    }
}

static int FN(planes_parallel)(const FN(planes) *p)
{
    return (double)(p->n * p->y.size * p->x.size * p->width) * (double)p->inner > CONV_PARALLEL_MIN;
}
static isize FN(planes_scratch)(const pydl_ctx *ctx, const FN(planes) *p)
{
    return whole_lines(p->inner) * (isize)sizeof(isize)
         + owners(ctx, FN(planes_parallel)(p), p->n * p->bands) * FN(planes_own)(p) * (isize)sizeof(real);
}
static void FN(run_planes)(const pydl_ctx *ctx, const FN(planes) *p, FN(planes_data) d, isize *at)
{
    isize k = 0;
    for (isize m = 0; m < p->y.taps; m++)
        for (isize q = 0; q < p->x.taps; q++)
            for (isize c = 0; c < p->channels; c++) at[k++] = c * p->plane + axis_tap(p->y, m) * p->pitch + axis_tap(p->x, q);
    d.p = p;
    d.at = at;
    d.pitch = FN(columns_size)(FN(columns_of)(p->width));
    run_tasks(ctx, FN(planes_parallel)(p), p->n * p->bands, FN(planes_task), &d, at + whole_lines(p->inner), FN(planes_own)(p) * (isize)sizeof(real));
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
    real *packed = a->scratch;
    if (!a->prepared) FN(direct_prepare)(ctx, &a->s, a->weight, a->bias, packed);
    const real *weight = a->prepared ? a->prepared : packed, *start = weight + FN(planes_packed)(&p);
    FN(run_planes)(ctx, &p, (FN(planes_data)){ .source = a->x, .weight = weight, .start = start, .skip = a->skip, .relu = a->relu, .out = a->y },
                   (isize *)(packed + (a->prepared ? 0 : whole_lines(FN(direct_prepared_size)(&a->s)))));
}

isize FN(planes_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(planes) p = FN(backward_planes)(&a->s);
    return FN(planes_scratch)(ctx, &p) + FN(planes_packed)(&p) * (isize)sizeof(real);
}

void FN(planes_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(planes) p = FN(backward_planes)(&a->s);
    real *packed = a->scratch;
    FN(pack)(ctx, FN(columns_of)(p.width), p.y, p.x, 1, p.channels, a->weight, a->s.kw, a->s.c_in * a->s.c_out, 0, 1, a->s.c_out, packed);
    FN(run_planes)(ctx, &p, (FN(planes_data)){ .source = a->dy, .positive = a->relu_y, .weight = packed, .out = a->dx },
                   (isize *)(packed + FN(planes_packed)(&p)));
}
#endif
