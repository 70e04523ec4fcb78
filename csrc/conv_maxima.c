/* A window of the pooling passes its gradient on to one pixel: of the gradient by the convolution's result, at most one number in
   kh * kw is not 0 (one in four for the usual 2x2).  So nothing is done for the others, and that gradient is never in memory:

       dweight[p, q, c, o] += dy[window, o] * x[pixel + (p, q), c]          pixel = where the maximum of the window was
       dx[pixel + (p, q), c] += dy[window, o] * weight[p, q, c, o]

   By the weight: the sums of an output channel o stay in registers while its windows pass by.
   By the input: the gradients are listed pixel by pixel; the sums of the pixels under a window stay in registers, and move on with it.
   Images are copied with their padding, and with so many channels that a pixel is a vector (for many channels: one of several images, each
   of a vector's channels; for very few: as they are, then a row of a window is a vector or two): hardly a load crosses a cache line.
   Against the dense loops, one thread, bench_conv_pool.py: LeNet's first convolution at batch 64 0.39 -> 0.14 ms (no gradient by the input),
   its second 0.81 -> 0.35, 32 to 64 channels by 5x5 12.6 -> 4.9. */
#ifndef real
#include "internal.h"
#include "conv_maxima.h"
#include "conv_parts.h"

/* Partial sums of the gradient by the weight, where the batch allows it. */
#define MAXIMA_SUMS ((isize)16)
/* Windows of a unit, about: several small images share a pass over the sums. */
#define MAXIMA_WINDOWS ((isize)50)
/* Sums that fit into registers. */
#if SIMD_REGISTERS == 32
#define MAXIMA_REGISTERS 25
#else
#define MAXIMA_REGISTERS 12
#endif

#define EACH_REAL "conv_maxima.c"
#include "each_real.h"
#else

typedef struct {
    isize pitch;                                                     /* reals of a pixel of the copy of x: a vector, or the few channels */
    isize blocks;                                                    /* blocks of input channels, a vector each, copied and summed apart */
    isize vectors;                                                   /* vectors of a window's row, of one block */
    isize rows; isize cols;                                          /* of a copied image */
    isize windows; isize images; isize sums;                         /* windows of an image, images of a unit, partial sums */
} FN(maxima);

int FN(maxima_fit)(const pydl_conv2d *s, const pydl_pool2d *g)
{
    const int window = s->kh == s->kw && (s->kh == 3 || s->kh == 5), dense = s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1;
    const int apart = g->sh >= g->kh && g->sw >= g->kw && g->top == 0 && g->left == 0 && g->kh * g->kw >= 4;
    const int whole = (g->oh - 1) * g->sh + g->kh <= g->h && (g->ow - 1) * g->sw + g->kw <= g->w;
    const int shared = s->n >= 8 || conv_work(s) < 2e6;              /* a few large images are shared among threads by bands, elsewhere */
    return window && dense && s->groups == 1 && apart && whole && shared && s->n > 0 && g->oh > 0 && g->ow > 0;
}

static FN(maxima) FN(maxima_plan)(const pydl_conv2d *s, const pydl_pool2d *g)
{
    FN(maxima) p = { .rows = s->h_out + s->kh - 1, .cols = s->w_out + s->kw - 1, .windows = g->oh * g->ow };
    const isize together = ceil_div(s->kw * s->c_in, FN(NARROW_LANES));
    if (together <= 2 && together < s->kw) {
        p.pitch = s->c_in; p.blocks = 1; p.vectors = together;
    } else {
        p.pitch = FN(NARROW_LANES); p.blocks = ceil_div(s->c_in, FN(NARROW_LANES)); p.vectors = s->kw;
    }
    p.sums = min_isize(s->n, MAXIMA_SUMS);
    p.images = max_isize(1, min_isize(s->n / p.sums, MAXIMA_WINDOWS / p.windows));
    return p;
}

/* Reals of a block of an image, and of an image. */
static isize FN(plane_size)(const FN(maxima) *p) { return whole_lines(p->rows * p->cols * p->pitch + 2 * FN(NARROW_LANES)); }
static isize FN(image_size)(const FN(maxima) *p) { return p->blocks * FN(plane_size)(p); }
static isize FN(sum_size)(const FN(maxima) *p, const pydl_conv2d *s) { return s->c_out * p->blocks * s->kh * p->vectors * FN(NARROW_LANES); }
static isize FN(turned_size)(const pydl_conv2d *s)
{
    return ceil_div(s->c_in, FN(NARROW_LANES)) * s->c_out * s->kh * s->kw * FN(NARROW_LANES);
}
static isize FN(gradient_size)(const FN(maxima) *p, const pydl_conv2d *s) { return whole_lines(p->images * p->windows * s->c_out + FN(LANES)); }
/* Rows and columns in which dx is summed: whatever windows cover, and the image. */
static isize FN(sheet_rows)(const pydl_conv2d *s) { return max_isize(s->h_out + s->kh - 1, s->pad_top + s->h); }
static isize FN(sheet_cols)(const pydl_conv2d *s) { return max_isize(s->w_out + s->kw - 1, s->pad_left + s->w); }
static isize FN(sheet_size)(const pydl_conv2d *s) { return whole_lines(FN(sheet_rows)(s) * FN(sheet_cols)(s) * FN(NARROW_LANES)); }
static isize FN(list_size)(const pydl_conv2d *s) { return whole_lines(s->h_out * s->w_out * s->c_out); }

/* Bytes of a thread's own scratch: copies of x and dy; for dx the lists and the sheet. */
static isize FN(maxima_own)(const FN(maxima) *p, const FN(conv2d_max_pool_backward_args) *a)
{
    const pydl_conv2d *s = &a->s;
    isize bytes = FN(gradient_size)(p, s) * (isize)sizeof(real);
    if (a->dweight) bytes += p->images * FN(image_size)(p) * (isize)sizeof(real);
    if (a->dx) bytes += (FN(list_size)(s) + FN(sheet_size)(s)) * (isize)sizeof(real) + (FN(list_size)(s) + whole_lines(s->h_out * s->w_out)) * (isize)sizeof(int32_t);
    return bytes;
}

static int FN(maxima_parallel)(const FN(maxima) *p, const pydl_conv2d *s) { return p->sums > 1 && conv_work(s) >= CONV_PARALLEL_MIN; }

isize FN(maxima_backward_scratch)(const pydl_ctx *ctx, const FN(conv2d_max_pool_backward_args) *a)
{
    const FN(maxima) p = FN(maxima_plan)(&a->s, &a->g);
    const isize sums = a->dweight ? p.sums * (FN(sum_size)(&p, &a->s) * (isize)sizeof(real) + whole_lines(a->s.c_out) * (isize)sizeof(double)) : 0;
    return whole_lines(2 * 256 + p.images * p.windows) * (isize)sizeof(isize) + sums + (a->dx ? FN(turned_size)(&a->s) * (isize)sizeof(real) : 0)
         + owners(ctx, FN(maxima_parallel)(&p, &a->s), p.sums) * FN(maxima_own)(&p, a);
}

/* ---- by the weight ---- */

/* sum[channel, r, v] += for each window: dy[window, channel] * the vector v of row r of the window of x at its maximum.
   base: where the first pixel of each window lies in x;  offset: by position of the maximum;  sum_step: from one channel to the next. */
ALWAYS_INLINE void FN(gather)(const real *x, const isize *base, const isize *offset, const real *dy, const uint8_t *argmax, isize windows, isize c_out,
                              isize row, real *sum, isize sum_step, const int rows, const int vectors, const int channels)
{
    FN(narrow) part[4][5][5];
    #pragma GCC unroll 4
    for (int o = 0; o < channels; o++)
        #pragma GCC unroll 5
        for (int r = 0; r < rows; r++)
            #pragma GCC unroll 5
            for (int v = 0; v < vectors; v++) part[o][r][v] = FN(nload)(sum + o * sum_step + (r * vectors + v) * FN(NARROW_LANES));
    for (isize k = 0; k < windows; k++) {
        #pragma GCC unroll 4
        for (int o = 0; o < channels; o++) {
            const FN(narrow) d = FN(nset)(dy[k * c_out + o]);
            const real *from = x + base[k] + offset[argmax[k * c_out + o]];
            #pragma GCC unroll 5
            for (int r = 0; r < rows; r++, from += row) {
                OPAQUE(from);
                #pragma GCC unroll 5
                for (int v = 0; v < vectors; v++) part[o][r][v] = FN(nfma)(d, FN(nload)(from + v * FN(NARROW_LANES)), part[o][r][v]);
            }
        }
    }
    #pragma GCC unroll 4
    for (int o = 0; o < channels; o++)
        #pragma GCC unroll 5
        for (int r = 0; r < rows; r++)
            #pragma GCC unroll 5
            for (int v = 0; v < vectors; v++) FN(nstore)(sum + o * sum_step + (r * vectors + v) * FN(NARROW_LANES), part[o][r][v]);
}

typedef struct {
    const real *x; const isize *base; const isize *offset; const real *dy; const uint8_t *argmax; isize windows;     /* of a unit */
} FN(unit);

/* All rows of the window, as many at a time as registers hold, for one output channel, or several where a window has few vectors. */
#define GATHER(rows, vectors, channels) FN(gather)(u->x + at, u->base, u->offset, u->dy + o, u->argmax + o, u->windows, c_out, row, sum, sum_step, rows, vectors, channels)
ALWAYS_INLINE void FN(gather_rows)(const FN(unit) *u, isize at, isize o, isize count, isize c_out, isize row, real *sum, isize sum_step,
                                   const int size, const int vectors)
{
    const int fit = min_isize(size, MAXIMA_REGISTERS / vectors) < 1 ? 1 : (int)min_isize(size, MAXIMA_REGISTERS / vectors);
    const int several = MAXIMA_REGISTERS / (fit * vectors) >= 4 ? 4 : MAXIMA_REGISTERS / (fit * vectors) >= 2 ? 2 : 1;
    for (isize last = o + count; o < last; ) {
        const isize take = last - o >= several ? several : several > 2 && last - o >= 2 ? 2 : 1;
        int r = 0;
        for (; r + fit <= size; r += fit, at += fit * row, sum += fit * vectors * FN(NARROW_LANES)) {
            if (take == several) GATHER(fit, vectors, several);
            else if (take == 2) GATHER(fit, vectors, 2);
            else GATHER(fit, vectors, 1);
        }
        for (; r < size; r++, at += row, sum += vectors * FN(NARROW_LANES)) {
            if (take == several) GATHER(1, vectors, several);
            else if (take == 2) GATHER(1, vectors, 2);
            else GATHER(1, vectors, 1);
        }
        at -= size * row;
        sum += take * sum_step - size * vectors * FN(NARROW_LANES);
        o += take;
    }
}

static void FN(gather_unit)(const FN(maxima) *p, const pydl_conv2d *s, const FN(unit) *u, real *sum)
{
    const isize row = p->cols * p->pitch, block = s->kh * p->vectors * FN(NARROW_LANES);
    for (isize b = 0; b < p->blocks; b++) {
        real *to = sum + b * block;
        const isize at = b * FN(plane_size)(p), all = p->blocks * block;
        if (s->kh == 3) switch (p->vectors) {
            case 1: FN(gather_rows)(u, at, 0, s->c_out, s->c_out, row, to, all, 3, 1); break;
            case 2: FN(gather_rows)(u, at, 0, s->c_out, s->c_out, row, to, all, 3, 2); break;
            default: FN(gather_rows)(u, at, 0, s->c_out, s->c_out, row, to, all, 3, 3);
        } else switch (p->vectors) {
            case 1: FN(gather_rows)(u, at, 0, s->c_out, s->c_out, row, to, all, 5, 1); break;
            case 2: FN(gather_rows)(u, at, 0, s->c_out, s->c_out, row, to, all, 5, 2); break;
            default: FN(gather_rows)(u, at, 0, s->c_out, s->c_out, row, to, all, 5, 5);
        }
    }
}

/* The image with its padding, in pixels of `pitch` reals; what lies outside of the image is 0 already. */
static void FN(copy_image)(const FN(maxima) *p, const pydl_conv2d *s, const real *x, real *copy)
{
    const isize rows = min_isize(s->h, p->rows - s->pad_top), cols = min_isize(s->w, p->cols - s->pad_left);
    const FN(narrow_mask) tail = FN(nmask_of)(s->c_in - (p->blocks - 1) * FN(NARROW_LANES));
    for (isize i = 0; i < rows; i++) {
        const real *from = x + i * s->w * s->c_in;
        real *to = copy + ((i + s->pad_top) * p->cols + s->pad_left) * p->pitch;
        if (p->vectors < s->kw) FN(copy_short)(from, max_isize(0, cols) * s->c_in, to);
        else for (isize j = 0; j < cols; j++) {
            const isize last = p->blocks - 1;
            for (isize b = 0; b < last; b++)
                FN(nstore)(to + b * FN(plane_size)(p) + j * FN(NARROW_LANES), FN(nload)(from + j * s->c_in + b * FN(NARROW_LANES)));
            FN(nstore)(to + last * FN(plane_size)(p) + j * FN(NARROW_LANES), FN(nload_mask)(from + j * s->c_in + last * FN(NARROW_LANES), tail));
        }
    }
}

/* ---- by the input ---- */

/* The gradients that are not 0, pixel by pixel: value and place (output channel * size) of each, and how many. */
typedef struct { real *value; int32_t *place; int32_t *count; } FN(lists);

static void FN(list_image)(const pydl_conv2d *s, const pydl_pool2d *g, const real *dy, const uint8_t *argmax, const isize *pixel, const FN(lists) *l)
{
    const int32_t size = (int32_t)(s->kh * s->kw * FN(NARROW_LANES));
    const isize c = s->c_out;
    memset(l->count, 0, (size_t)(s->h_out * s->w_out) * sizeof(int32_t));
    for (isize i = 0; i < g->oh; i++)
        for (isize j = 0; j < g->ow; j++) {
            const isize from = (i * g->ow + j) * c, at = i * g->sh * s->w_out + j * g->sw;
            for (isize o = 0; o < c; o++) {
                const isize here = at + pixel[argmax[from + o]], k = here * c + l->count[here];
                l->value[k] = dy[from + o];
                l->place[k] = (int32_t)o * size;
                l->count[here] += dy[from + o] != 0;
            }
        }
}

/* line[r, j + q] += sum over the list of pixel j of value * weight[place, r, q]: a row of pixels and `rows` rows of the window. */
ALWAYS_INLINE void FN(slide)(const FN(lists) *l, isize first, isize pixels, isize c_out, const real *weight, real *line, isize row, const int rows, const int size)
{
    FN(narrow) sum[5][5];
    #pragma GCC unroll 5
    for (int r = 0; r < rows; r++)
        #pragma GCC unroll 5
        for (int q = 0; q < size; q++) sum[r][q] = FN(nset)(0);
    for (isize j = 0; j < pixels; j++) {
        const isize begin = (first + j) * c_out, end = begin + l->count[first + j];
        for (isize k = begin; k < end; k++) {
            const FN(narrow) d = FN(nset)(l->value[k]);
            const real *w = weight + l->place[k];
            #pragma GCC unroll 5
            for (int r = 0; r < rows; r++)
                #pragma GCC unroll 5
                for (int q = 0; q < size; q++) sum[r][q] = FN(nfma)(d, FN(nload)(w + (r * size + q) * FN(NARROW_LANES)), sum[r][q]);
        }
        #pragma GCC unroll 5
        for (int r = 0; r < rows; r++) {
            real *to = line + r * row + j * FN(NARROW_LANES);
            FN(nstore)(to, FN(nload)(to) + sum[r][0]);
            #pragma GCC unroll 5
            for (int q = 1; q < size; q++) sum[r][q - 1] = sum[r][q];
            sum[r][size - 1] = FN(nset)(0);
        }
    }
    #pragma GCC unroll 5
    for (int r = 0; r < rows; r++)
        #pragma GCC unroll 5
        for (int q = 0; q + 1 < size; q++) {
            real *to = line + r * row + (pixels + q) * FN(NARROW_LANES);
            FN(nstore)(to, FN(nload)(to) + sum[r][q]);
        }
}

ALWAYS_INLINE void FN(slide_rows)(const pydl_conv2d *s, const FN(lists) *l, const real *weight, real *sheet, const int size)
{
    const int fit = MAXIMA_REGISTERS / size >= size ? size : MAXIMA_REGISTERS / size;
    const isize row = FN(sheet_cols)(s) * FN(NARROW_LANES);
    for (isize i = 0; i < s->h_out; i++) {
        int r = 0;
        for (; r + fit <= size; r += fit)
            FN(slide)(l, i * s->w_out, s->w_out, s->c_out, weight + r * size * FN(NARROW_LANES), sheet + (i + r) * row, row, fit, size);
        for (; r < size; r++)
            FN(slide)(l, i * s->w_out, s->w_out, s->c_out, weight + r * size * FN(NARROW_LANES), sheet + (i + r) * row, row, 1, size);
    }
}

static void FN(slide_image)(const pydl_conv2d *s, const FN(lists) *l, const real *turned, real *sheet, real *dx)
{
    const isize cols = FN(sheet_cols)(s), block_size = s->c_out * s->kh * s->kw * FN(NARROW_LANES);
    for (isize first = 0; first < s->c_in; first += FN(NARROW_LANES)) {
        const real *weight = turned + first / FN(NARROW_LANES) * block_size;
        const isize wide = min_isize(FN(NARROW_LANES), s->c_in - first);
        FN(zero_short)(FN(sheet_rows)(s) * cols * FN(NARROW_LANES), sheet);
        if (s->kh == 3) FN(slide_rows)(s, l, weight, sheet, 3);
        else FN(slide_rows)(s, l, weight, sheet, 5);
        const FN(narrow_mask) mask = FN(nmask_of)(wide);
        for (isize i = 0; i < s->h; i++) {
            const real *from = sheet + ((i + s->pad_top) * cols + s->pad_left) * FN(NARROW_LANES);
            real *to = dx + i * s->w * s->c_in + first;
            for (isize j = 0; j < s->w; j++) FN(nstore_mask)(to + j * s->c_in, mask, FN(nload)(from + j * FN(NARROW_LANES)));
        }
    }
}

/* turned[block of input channels, o, p, q, channel of the block], idle channels 0. */
static void FN(turn)(const pydl_conv2d *s, const real *weight, real *turned)
{
    const isize places = s->kh * s->kw, lanes = FN(NARROW_LANES);
    for (isize b = 0; b < ceil_div(s->c_in, lanes); b++)
        for (isize place = 0; place < places; place++)
            for (isize c = 0; c < lanes; c++) {
                const real *from = weight + (place * s->c_in + b * lanes + c) * s->c_out;
                real *to = turned + (b * s->c_out * places + place) * lanes + c;
                const int there = b * lanes + c < s->c_in;
                for (isize o = 0; o < s->c_out; o++) to[o * places * lanes] = there ? from[o] : 0;
            }
}

/* ---- both ---- */

typedef struct {
    const FN(conv2d_max_pool_backward_args) *a; const FN(maxima) *p;
    const isize *offset; const isize *pixel; const isize *base; const real *turned; real *sums; double *bias;
} FN(maxima_data);

/* The images of one partial sum, unit by unit. */
static void FN(maxima_task)(const void *data, isize task, void *own)
{
    const FN(maxima_data) *d = data;
    const FN(conv2d_max_pool_backward_args) *a = d->a;
    const FN(maxima) *p = d->p;
    const pydl_conv2d *s = &a->s;
    const isize first = task * s->n / p->sums, last = (task + 1) * s->n / p->sums, outputs = p->windows * s->c_out;
    real *dy = own, *copy = dy + FN(gradient_size)(p, s), *sheet = copy + (a->dweight ? p->images * FN(image_size)(p) : 0);
    FN(lists) l = { .value = sheet + FN(sheet_size)(s) };
    l.place = (int32_t *)(l.value + FN(list_size)(s));
    l.count = l.place + FN(list_size)(s);
    real *sum = d->sums + task * FN(sum_size)(p, s);
    double *bias = d->bias + task * whole_lines(s->c_out);
    if (a->dweight) {
        FN(zero_short)(p->images * FN(image_size)(p), copy);
        FN(zero_short)(FN(sum_size)(p, s), sum);
        memset(bias, 0, (size_t)s->c_out * sizeof(double));
    }
    FN(zero_short)(FN(LANES), dy + FN(gradient_size)(p, s) - FN(LANES));
    for (isize image = first; image < last; image += p->images) {
        const isize images = min_isize(p->images, last - image), from = image * outputs;
        if (a->relu_y) FN(keep_positive)(a->dy + from, a->relu_y + from, images * outputs, dy);
        else FN(copy_short)(a->dy + from, images * outputs, dy);
        if (a->dweight) {
            for (isize i = 0; i < images; i++) FN(copy_image)(p, s, a->x + (image + i) * s->h * s->w * s->c_in, copy + i * FN(image_size)(p));
            const FN(unit) u = { .x = copy, .base = d->base, .offset = d->offset, .dy = dy, .argmax = a->argmax + from, .windows = images * p->windows };
            FN(gather_unit)(p, s, &u, sum);
            if (a->dbias) FN(sum_channels)(dy, u.windows, s->c_out, bias);
        }
        if (a->dx)
            for (isize i = 0; i < images; i++) {
                FN(list_image)(s, &a->g, dy + i * outputs, a->argmax + from + i * outputs, d->pixel, &l);
                FN(slide_image)(s, &l, d->turned, sheet, a->dx + (image + i) * s->h * s->w * s->c_in);
            }
    }
}

/* The partial sums together, in order, as dweight and dbias. */
static void FN(add_sums)(const FN(conv2d_max_pool_backward_args) *a, const FN(maxima) *p, real *sums, const double *bias)
{
    const pydl_conv2d *s = &a->s;
    const isize size = FN(sum_size)(p, s), lanes = FN(NARROW_LANES), block = s->kh * p->vectors * lanes, all = p->blocks * block;
    for (isize t = 1; t < p->sums; t++)
        for (isize i = 0; i < size; i++) sums[i] += sums[t * size + i];
    for (isize place = 0; place < s->kh; place++)
        for (isize q = 0; q < s->kw; q++)
            for (isize c = 0; c < s->c_in; c++) {
                const isize at = p->vectors < s->kw ? q * s->c_in + c : c / lanes * block + q * lanes + c % lanes;
                const real *from = sums + place * p->vectors * lanes + at;
                real *to = a->dweight + ((place * s->kw + q) * s->c_in + c) * s->c_out;
                for (isize o = 0; o < s->c_out; o++) to[o] = from[o * all];
            }
    if (!a->dbias) return;
    for (isize o = 0; o < s->c_out; o++) {
        double total = 0;
        for (isize t = 0; t < p->sums; t++) total += bias[t * whole_lines(s->c_out) + o];
        a->dbias[o] = (real)total;
    }
}

void FN(maxima_backward)(const pydl_ctx *ctx, const FN(conv2d_max_pool_backward_args) *a)
{
    const pydl_conv2d *s = &a->s;
    const pydl_pool2d *g = &a->g;
    const FN(maxima) p = FN(maxima_plan)(s, g);
    isize *offset = a->scratch, *pixel = offset + 256, *base = pixel + 256;
    double *bias = (double *)(offset + whole_lines(2 * 256 + p.images * p.windows));
    real *sums = (real *)(bias + (a->dweight ? p.sums * whole_lines(s->c_out) : 0)), *turned = sums + (a->dweight ? p.sums * FN(sum_size)(&p, s) : 0);
    for (isize i = 0; i < 256; i++) {                                /* a byte that is no position counts as 0 */
        const isize row = i < g->kh * g->kw ? i / g->kw : 0, col = i < g->kh * g->kw ? i % g->kw : 0;
        offset[i] = (row * p.cols + col) * p.pitch;
        pixel[i] = row * s->w_out + col;
    }
    for (isize i = 0; i < p.images * p.windows; i++)
        base[i] = i / p.windows * FN(image_size)(&p) + (i % p.windows / g->ow * g->sh * p.cols + i % g->ow * g->sw) * p.pitch;
    if (a->dx) FN(turn)(s, a->weight, turned);
    char *owns = (char *)(turned + (a->dx ? FN(turned_size)(s) : 0));
    const FN(maxima_data) d = { .a = a, .p = &p, .offset = offset, .pixel = pixel, .base = base, .turned = turned, .sums = sums, .bias = bias };
    run_tasks(ctx, FN(maxima_parallel)(&p, s), p.sums, FN(maxima_task), &d, owns, FN(maxima_own)(&p, a));
    if (a->dweight) FN(add_sums)(a, &p, sums, bias);
}
#endif
