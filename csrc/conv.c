#ifndef real
#include "internal.h"
#include "simd.h"
#include "conv.h"
#include "conv_columns.h"
#include "conv_depthwise.h"
#include "conv_direct.h"
#include "conv_parts.h"
#include "conv_planes.h"
#include "conv_weight.h"
#include "dense.h"
#include "winograd.h"
/* Which algorithm a shape gets, the only place where it is decided (figures: bench_conv.py).

   depthwise   groups == c_in: a group's one channel fills no tile; lanes over channels instead
   winograd    square windows of 3 to 5 places a side, dilation 1, one group, 16 channels or more on both sides (other windows than 3x3: 8 to NARROW, or to 8 by
               the input where forward tiles are spread), and the cheapest by the costs below: a quarter of the multiplications for 3x3 with tiles of 4x4
               results, 4 of 9 with tiles of 2x2, which waste less of small images and have fewer weights to fetch; with a stride, where the pixels in groups
               have such a window (winograd.h: 7x7/2, 11x11/4), but not by the input; float32 only, where the caller allows it
   planes      a result of no more channels than half a vector holds: lanes are pixels; forward with stride 1
   columns     backward by the input with fewer channels a group than a vector holds: a window's places fill the lanes
   direct      everything else: 1x1, few or many channels, any stride, dilation and grouping; results of up to a vector of channels by lines of pixels */
typedef enum { CONV_DIRECT, CONV_DEPTHWISE, CONV_COLUMNS, CONV_PLANES, CONV_WINOGRAD } conv_algorithm;
typedef struct { conv_algorithm algorithm; isize side; } conv_choice;        /* side: of the tiles of Winograd's form, else 0 */
typedef enum { CONV_FORWARD, CONV_PREPARED, CONV_BACKWARD_INPUT, CONV_BACKWARD_WEIGHT } conv_pass;

/* What a place of the window, direct, and a plane of Winograd's form cost for their weights, by multiply-adds for each pair of channels: to fetch them, for in
   a network they lie in no near cache; to pack or turn them, if they are not prepared; to add to them, backward.   Up to 4096 pairs, more, and so many that
   not even a few planes stay in L2.   TURN: to turn a tile of 4x4, or of 2x2, and its results; COLUMN, WEIGHT: of a direct sum, a pixel of the window for each
   column, and how much dearer its gradient by the weight is.   NARROW: results of fewer channels are sums in a vector or two. */
typedef struct { double direct; double turned; } conv_weights_cost;
#ifdef __AVX512F__
static const conv_weights_cost weights_costs[][3] = { [CONV_FORWARD] = { { 8, 8.5 }, { 24, 24 }, { 24, 28 } },
                                                      [CONV_PREPARED] = { { 5.5, 8 }, { 10, 10 }, { 10, 14 } },
                                                      [CONV_BACKWARD_INPUT] = { { 12, 18 }, { 12, 20 }, { 36, 32 } },
                                                      [CONV_BACKWARD_WEIGHT] = { { 5, 10 }, { 11, 16 }, { 11, 30 } } };
#define TURN(side) (side == 6 ? 1.4 : 1.2)
#define NARROW 32
#define COLUMN 58
#define WEIGHT 1.38
#else
static const conv_weights_cost weights_costs[][3] = { [CONV_FORWARD] = { { 1, 7.5 }, { 1, 19 }, { 7, 39 } },
                                                      [CONV_PREPARED] = { { 5, 5.5 }, { 17, 12 }, { 5, 8 } },
                                                      [CONV_BACKWARD_INPUT] = { { 12, 12.5 }, { 11, 15.5 }, { 18, 29 } },
                                                      [CONV_BACKWARD_WEIGHT] = { { 1, 31 }, { 14, 16.5 }, { 4, 25 } } };
#define TURN(side) (side == 6 ? 1.04 : 1.13)
#define NARROW 16
#define COLUMN 66
#define WEIGHT 1.43
#endif

/* The side of the tiles with which Winograd's form is to compute a pass, 0 for the direct sum: the one that costs least, by shape alone, in multiply-adds
   for each pair of channels; where `winograd` names a tile, that one.  The numbers fit one thread, 1 to 64 images of 2x2 to 28x28 with 16 to 512 channels, of
   a server with AVX-512 and 2 MB of L2 and of one with AVX2 and 512 KB (Zen 2): the choice costs 1 to 3 %, and 1 to 1.5 %, more time than the best of the
   three (geometric means of the passes).   Other windows and strides, 61 shapes on the latter: at most 0.5 %; the best is 1.4 to 1.7 times the direct sum. */
static inline isize winograd_side(const pydl_conv2d *s, isize winograd, conv_pass pass)
{
    const isize stride = s->stride_h, k = s->kh;
    if (!winograd || k != s->kw || k < stride || s->stride_w != stride || s->dilation_h != 1 || s->dilation_w != 1 || s->groups != 1) return 0;
    const int back = pass == CONV_BACKWARD_INPUT;
    const isize window = winograd_window(s), from = back ? s->c_out : stride * stride * s->c_in, to = back ? s->c_in : s->c_out;
    if (window < 3 || window > 5 || (back && stride > 1) || s->n * s->h_out * s->w_out == 0 || (winograd == 2 && window != 3)) return 0;
    const int spread = back && winograd_spreads(s, 7 - window);
    if (k == 3 && stride == 1 ? from < 16 || to < 16 : from < 8 || to < (spread ? 8 : NARROW)) return 0;
    if (winograd == 2 || winograd == 4) return winograd + 2;
    if (s->h_out * s->w_out == 1) return 0;                                          /* one of a tile's results */
    const double depth = (double)(stride * stride), c_from = (double)from, c_to = (double)to;
    const isize h = back ? s->h : s->h_out, w = back ? s->w : s->w_out;
    const isize pairs = s->c_in * s->c_out;
    const conv_weights_cost weights = weights_costs[pass][(pairs > 4096) + (pairs > 131072)];
    const double pixels = (double)(s->n * max_isize(6, h * w));                      /* fewer of an image fill no register tile */
    const double places = pass == CONV_BACKWARD_INPUT || pass == CONV_BACKWARD_WEIGHT ? (double)(window * window) / 9 : 1;   /* each turned for one use */
    double least = (double)(k * k) * ((pass == CONV_BACKWARD_WEIGHT ? WEIGHT : 1) * pixels + weights.direct) + COLUMN * pixels / c_to;
    isize best = 0;
    for (isize side = 6; side >= (window == 3 ? 4 : 6); side -= 2) {
        const isize tile = side + 1 - window;
        const int forward = back && winograd_spreads(s, tile);
        const double tiles = (double)(s->n * ceil_div(forward ? s->h_out : h, tile) * ceil_div(forward ? s->w_out : w, tile));
        const double planes = (double)(side * side) * depth;
        const double cost = planes * (tiles * (TURN(side) + 16 / c_to + 4 / c_from) + places * weights.turned);      /* products, turning, weights */
        if (cost < least) { least = cost; best = side; }
    }
    return best;
}
#define EACH_REAL "conv.c"
#include "each_real.h"
#else

/* REAL_IS_FLOAT stands where winograd.c is called, for it has no float64 form: the compiler drops the call. */
static conv_choice FN(choose)(const pydl_conv2d *s, isize winograd, conv_pass pass)
{
    if (s->groups == s->c_in && s->groups > 1) return (conv_choice){ CONV_DEPTHWISE, 0 };
    const isize side = REAL_IS_FLOAT ? winograd_side(s, winograd, pass) : 0;
    if (side) return (conv_choice){ CONV_WINOGRAD, side };
    if (FN(planes_fit)(s, pass == CONV_BACKWARD_INPUT)) return (conv_choice){ CONV_PLANES, 0 };
    if (pass == CONV_BACKWARD_INPUT && FN(direct_backward_input_lines)(s)) return (conv_choice){ CONV_DIRECT, 0 };
    if (pass == CONV_BACKWARD_INPUT && s->c_in / s->groups < FN(LANES) && s->kh * s->kw > 1) return (conv_choice){ CONV_COLUMNS, 0 };
    return (conv_choice){ CONV_DIRECT, 0 };
}

/* conv_planes.c writes a row before it adds skip to it. */
static conv_choice FN(choose_forward)(const FN(conv2d_forward_args) *a)
{
    conv_choice c = FN(choose)(&a->s, a->winograd, a->prepared ? CONV_PREPARED : CONV_FORWARD);
    if (c.algorithm == CONV_PLANES && a->skip && a->skip == a->y) c.algorithm = CONV_DIRECT;         /* the same sums */
    return c;
}

int FN(conv2d_forward_is_direct)(const pydl_conv2d *s, isize winograd)
{
    const conv_algorithm chosen = FN(choose)(s, winograd, CONV_FORWARD).algorithm;
    return chosen == CONV_DIRECT || chosen == CONV_PLANES;            /* the same sums */
}
isize FN(conv2d_forward_form)(const pydl_conv2d *s, isize winograd) { return max_isize(0, FN(choose)(s, winograd, CONV_FORWARD).side - 2); }

pydl_status FN(conv2d_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_forward_args) *a = args;
    const conv_choice c = FN(choose_forward)(a);
    switch (c.algorithm) {
        case CONV_DEPTHWISE: FN(depthwise_forward)(ctx, a); break;
        case CONV_WINOGRAD: if (REAL_IS_FLOAT) FN(winograd_forward)(ctx, a, c.side); break;
        case CONV_PLANES: FN(planes_forward)(ctx, a); break;
        default: FN(direct_forward)(ctx, a);
    }
    return PYDL_OK;
}
isize FN(conv2d_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_forward_args) *a = args;
    const conv_choice c = FN(choose_forward)(a);
    switch (c.algorithm) {
        case CONV_DEPTHWISE: return FN(depthwise_forward_scratch)(ctx, a);
        case CONV_WINOGRAD: return REAL_IS_FLOAT ? FN(winograd_forward_scratch)(ctx, a, c.side) : 0;
        case CONV_PLANES: return FN(planes_forward_scratch)(ctx, a);
        default: return FN(direct_forward_scratch)(ctx, a);
    }
}

/* Depthwise convolutions have nothing to prepare, and no skip. */
pydl_status FN(conv2d_prepared_size)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_prepared_size_args) *a = args;
    (void)ctx;
    const isize side = FN(choose)(&a->s, a->winograd, CONV_PREPARED).side;
    *a->size = REAL_IS_FLOAT && side ? FN(winograd_prepared_size)(&a->s, side) : FN(direct_prepared_size)(&a->s);
    return PYDL_OK;
}

isize FN(conv2d_prepare_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_prepare_args) *a = args;
    const pydl_conv2d *s = &a->s;
    (void)ctx;
    const isize folded = a->variance ? whole_lines(s->kh * s->kw * (s->c_in / s->groups) * s->c_out) + 3 * whole_lines(s->c_out) : 0;
    return folded * (isize)sizeof(real);
}

/* folded = weight * scale, for the taps start <= t < stop. */
typedef struct { const real *weight; const double *scale; isize c_out; real *folded; } FN(fold);

static void FN(fold_taps)(const void *data, isize start, isize stop)
{
    const FN(fold) *f = data;
    for (isize t = start; t < stop; t++)
        for (isize o = 0; o < f->c_out; o++) f->folded[t * f->c_out + o] = (real)((double)f->weight[t * f->c_out + o] * f->scale[o]);
}

pydl_status FN(conv2d_prepare)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_prepare_args) *a = args;
    const pydl_conv2d *s = &a->s;
    const isize taps = s->kh * s->kw * (s->c_in / s->groups);
    const real *weight = a->weight, *bias = a->bias;
    if (a->variance) {
        real *folded = a->scratch, *shift = folded + whole_lines(taps * s->c_out);
        double *scale = (double *)(shift + whole_lines(s->c_out));
        for (isize o = 0; o < s->c_out; o++) {
            scale[o] = (a->gamma ? (double)a->gamma[o] : 1) / sqrt((double)a->variance[o] + a->epsilon);
            shift[o] = (real)(((a->bias ? (double)a->bias[o] : 0) - (double)a->mean[o]) * scale[o] + (a->beta ? (double)a->beta[o] : 0));
        }
        run_parts(ctx, taps * s->c_out > PARALLEL_MIN, taps, 1, FN(fold_taps), &(FN(fold)){ weight, scale, s->c_out, folded });
        weight = folded;
        bias = shift;
    }
    const isize side = FN(choose)(s, a->winograd, CONV_PREPARED).side;
    if (REAL_IS_FLOAT && side) FN(winograd_prepare)(ctx, s, side, weight, bias, a->prepared);
    else FN(direct_prepare)(ctx, s, weight, bias, a->prepared);
    return PYDL_OK;
}

pydl_status FN(conv2d_backward_input)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_backward_input_args) *a = args;
    const conv_choice c = FN(choose)(&a->s, a->winograd, CONV_BACKWARD_INPUT);
    switch (c.algorithm) {
        case CONV_DEPTHWISE: FN(depthwise_backward_input)(ctx, a); break;
        case CONV_WINOGRAD: if (REAL_IS_FLOAT) FN(winograd_backward_input)(ctx, a, c.side); break;
        case CONV_COLUMNS: FN(columns_backward_input)(ctx, a); break;
        case CONV_PLANES: FN(planes_backward_input)(ctx, a); break;
        default: FN(direct_backward_input)(ctx, a);
    }
    return PYDL_OK;
}
isize FN(conv2d_backward_input_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_backward_input_args) *a = args;
    const conv_choice c = FN(choose)(&a->s, a->winograd, CONV_BACKWARD_INPUT);
    switch (c.algorithm) {
        case CONV_DEPTHWISE: return FN(depthwise_backward_input_scratch)(ctx, a);
        case CONV_WINOGRAD: return REAL_IS_FLOAT ? FN(winograd_backward_input_scratch)(ctx, a, c.side) : 0;
        case CONV_COLUMNS: return FN(columns_backward_input_scratch)(ctx, a);
        case CONV_PLANES: return FN(planes_backward_input_scratch)(ctx, a);
        default: return FN(direct_backward_input_scratch)(ctx, a);
    }
}

/* A window of one place on every pixel is a dense layer of pixels.   Of enough weights for tiles of their gradient to keep threads busy, that one's product is
   1.2 to 1.6 times as fast as sums over bands of pixels (8x14x14x1024 to 256, 1x28x28x128 to 512). */
static int FN(weight_is_dense)(const FN(conv2d_backward_weight_args) *a)
{
    const pydl_conv2d *s = &a->s;
    const int every = s->kh * s->kw == 1 && s->stride_h * s->stride_w == 1 && s->groups == 1 && s->h == s->h_out && s->w == s->w_out;
    return every && !a->relu_y && s->c_in * s->c_out >= 65536;
}
static FN(dense_backward_weight_args) FN(as_dense)(const FN(conv2d_backward_weight_args) *a)
{
    return (FN(dense_backward_weight_args)){ .scratch = a->scratch, .x = a->x, .dy = a->dy, .n = a->s.n * a->s.h * a->s.w, .d_in = a->s.c_in,
                                             .units = a->s.c_out, .dweight = a->dweight, .dbias = a->dbias };
}

pydl_status FN(conv2d_backward_weight)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_backward_weight_args) *a = args;
    const conv_choice c = FN(choose)(&a->s, a->winograd, CONV_BACKWARD_WEIGHT);
    switch (c.algorithm) {
        case CONV_DEPTHWISE: FN(depthwise_backward_weight)(ctx, a); break;
        case CONV_WINOGRAD: if (REAL_IS_FLOAT) FN(winograd_backward_weight)(ctx, a, c.side); break;
        default:
            if (FN(weight_rows_fit)(&a->s)) FN(rows_backward_weight)(ctx, a);
            else if (FN(weight_is_dense)(a)) {
                const FN(dense_backward_weight_args) dense = FN(as_dense)(a);
                return FN(dense_backward_weight)(ctx, &dense);
            } else FN(direct_backward_weight)(ctx, a);
    }
    return PYDL_OK;
}
isize FN(conv2d_backward_weight_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_backward_weight_args) *a = args;
    const conv_choice c = FN(choose)(&a->s, a->winograd, CONV_BACKWARD_WEIGHT);
    switch (c.algorithm) {
        case CONV_DEPTHWISE: return FN(depthwise_backward_weight_scratch)(ctx, a);
        case CONV_WINOGRAD: return REAL_IS_FLOAT ? FN(winograd_backward_weight_scratch)(ctx, a, c.side) : 0;
        default:
            if (FN(weight_rows_fit)(&a->s)) return FN(rows_backward_weight_scratch)(ctx, a);
            if (!FN(weight_is_dense)(a)) return FN(direct_backward_weight_scratch)(ctx, a);
            const FN(dense_backward_weight_args) dense = FN(as_dense)(a);
            return FN(dense_backward_weight_scratch)(ctx, &dense);
    }
}

static void FN(im2col_lines)(const void *args, isize start, isize stop)
{
    const FN(im2col_args) *a = args;
    const pydl_conv2d *s = &a->s;
    const isize row_size = s->kw * s->c_in, window = s->kh * row_size;
    for (isize line = start; line < stop; line++)
        for (isize j = 0; j < s->w_out; j++)
            for (isize p = 0; p < s->kh; p++) {
                const isize row = line % s->h_out * s->stride_h + p * s->dilation_h - s->pad_top;
                real *to = a->cols + (line * s->w_out + j) * window + p * row_size;
                for (isize q = 0; q < s->kw; q++) {
                    const isize col = j * s->stride_w + q * s->dilation_w - s->pad_left;
                    const int inside = row >= 0 && row < s->h && col >= 0 && col < s->w;
                    const real *from = a->x + (inside ? ((line / s->h_out * s->h + row) * s->w + col) * s->c_in : 0);
                    for (isize c = 0; c < s->c_in; c++) to[q * s->c_in + c] = inside ? from[c] : 0;
                }
            }
}
pydl_status FN(im2col)(const pydl_ctx *ctx, const void *args)
{
    const FN(im2col_args) *a = args;
    const isize lines = a->s.n * a->s.h_out;
    return run_parts(ctx, lines * a->s.w_out * a->s.kh * a->s.kw * a->s.c_in > PARALLEL_MIN, lines, 1, FN(im2col_lines), a);
}

/* The output that reads pixel i through place k of its window, along one axis; -1 if none does. */
static isize FN(window_at)(isize i, isize pad, isize k, isize dilation, isize stride, isize outputs)
{
    const isize offset = i + pad - k * dilation;
    return offset < 0 || offset % stride || offset / stride >= outputs ? -1 : offset / stride;
}

static void FN(col2im_lines)(const void *args, isize start, isize stop)
{
    const FN(col2im_args) *a = args;
    const pydl_conv2d *s = &a->s;
    const isize window = s->kh * s->kw * s->c_in;
    for (isize line = start; line < stop; line++)
        for (isize col = 0; col < s->w; col++) {
            real *to = a->x + (line * s->w + col) * s->c_in;
            for (isize c = 0; c < s->c_in; c++) to[c] = 0;
            for (isize p = 0; p < s->kh; p++) {
                const isize i = FN(window_at)(line % s->h, s->pad_top, p, s->dilation_h, s->stride_h, s->h_out);
                for (isize q = 0; i >= 0 && q < s->kw; q++) {
                    const isize j = FN(window_at)(col, s->pad_left, q, s->dilation_w, s->stride_w, s->w_out);
                    if (j < 0) continue;
                    const real *from = a->cols + ((line / s->h * s->h_out + i) * s->w_out + j) * window + (p * s->kw + q) * s->c_in;
                    for (isize c = 0; c < s->c_in; c++) to[c] += from[c];
                }
            }
        }
}
pydl_status FN(col2im)(const pydl_ctx *ctx, const void *args)
{
    const FN(col2im_args) *a = args;
    const pydl_conv2d *s = &a->s;
    return run_parts(ctx, s->n * s->h_out * s->w_out * s->kh * s->kw * s->c_in > PARALLEL_MIN, s->n * s->h, 1, FN(col2im_lines), a);
}
#endif
