/* Few output channels leave lanes idle where lanes are channels; here lanes are windows of the pooling, side by side in a row.
   The image is copied with its even and its odd columns apart: then the pixels in the same corner of neighbouring windows are neighbours
   in memory, and each of the four corners is a sum of its own, in registers, whose maximum needs no shuffle.   Every sum adds the terms
   that conv_direct.c adds, in its order.
   LeNet's first convolution, 64x28x28x1 to 6 by 5x5: 0.43 -> 0.26 ms with its pooling, one thread, bench_conv_pool.py. */
#ifndef real
#include "internal.h"
#include "conv_pixels.h"
#include "conv_parts.h"

/* Output channels at a time, four sums each. */
#if SIMD_REGISTERS == 32
#define PIXELS_CHANNELS 6
#else
#define PIXELS_CHANNELS 2
#endif

static inline int pixels_parallel(const pydl_conv2d *s) { return s->n > 1 && conv_work(s) > CONV_PARALLEL_MIN; }

#define EACH_REAL "conv_pixels.c"
#include "each_real.h"
#else

int FN(pixels_fit)(const pydl_conv2d *s, const pydl_pool2d *g)
{
    const int halves = g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && g->top == 0 && g->left == 0 && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    const int plain = s->groups == 1 && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1;
    const isize lanes = ceil_div(g->ow, FN(LANES)) * FN(LANES);
    return halves && plain && s->c_out < PIXELS_MOST && 4 * g->ow >= 3 * lanes && g->oh > 0 && s->kh * s->kw * s->c_in <= 512;
}

/* A copied image: for each channel and row, the even columns, then the odd ones, with room for the last vector. */
typedef struct { isize rows; isize half; isize row; isize inner; } FN(parted);

static FN(parted) FN(parted_plan)(const pydl_conv2d *s, const pydl_pool2d *g)
{
    FN(parted) p = { .rows = 2 * g->oh + s->kh - 1, .inner = s->kh * s->kw * s->c_in };
    p.half = ceil_div(g->ow, FN(LANES)) * FN(LANES) + s->kw / 2 + 1;
    p.row = 2 * p.half;
    return p;
}
static isize FN(parted_size)(const FN(parted) *p, const pydl_conv2d *s) { return whole_lines(s->c_in * p->rows * p->row); }
/* Of a thread: the copy; the four corners of all channels of a row of windows, and their maxima. */
static isize FN(pixels_own)(const FN(parted) *p, const pydl_conv2d *s) { return FN(parted_size)(p, s) + 5 * PIXELS_MOST * FN(LANES); }

isize FN(pixels_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a)
{
    const FN(parted) p = FN(parted_plan)(&a->s, &a->g);
    return whole_lines(2 * p.inner) * (isize)sizeof(isize) + owners(ctx, pixels_parallel(&a->s), a->s.n) * whole_lines(FN(pixels_own)(&p, &a->s)) * (isize)sizeof(real);
}

static void FN(part_image)(const FN(parted) *p, const pydl_conv2d *s, const real *x, real *copy)
{
    const isize c = s->c_in, rows = min_isize(s->h, p->rows - s->pad_top), cols = max_isize(0, min_isize(s->w, p->row - s->pad_left));
    for (isize ch = 0; ch < c; ch++)
        for (isize i = 0; i < rows; i++) {
            const real *from = x + i * s->w * c + ch;
            real *to = copy + (ch * p->rows + i + s->pad_top) * p->row;
            for (isize side = 0; side < 2; side++) {                 /* columns side, side + 2, ... of the image */
                const isize at = s->pad_left + side;
                real *half = to + at % 2 * p->half + at / 2;
                const real *pixel = from + side * c;
                if (c == 1) for (isize j = 0; 2 * j + side < cols; j++) half[j] = pixel[2 * j];
                else for (isize j = 0; 2 * j + side < cols; j++) half[j] = pixel[2 * j * c];
            }
        }
}

/* corner[channel, corner, lane] = the convolution at corner (row, column) of a vector of windows, with relu if wanted.   at: of place k of the window,
   where it lies for the left and the right corners;  below: from the upper corners to the lower. */
ALWAYS_INLINE void FN(corners)(const real *x, const isize *at, isize inner, isize below, const real *weight, isize c_out, const real *bias, isize relu,
                               real *corner, const int channels)
{
    FN(vec) sum[PIXELS_CHANNELS][4];
    #pragma GCC unroll 6
    for (int o = 0; o < channels; o++)
        #pragma GCC unroll 4
        for (int i = 0; i < 4; i++) sum[o][i] = FN(vset)(bias ? bias[o] : 0);
    for (isize k = 0; k < inner; k++) {
        const real *left = x + at[2 * k], *right = x + at[2 * k + 1];
        const FN(vec) pixel[4] = { FN(vload)(left), FN(vload)(right), FN(vload)(left + below), FN(vload)(right + below) };
        #pragma GCC unroll 6
        for (int o = 0; o < channels; o++) {
            const FN(vec) w = FN(vset)(weight[k * c_out + o]);
            #pragma GCC unroll 4
            for (int i = 0; i < 4; i++) sum[o][i] = FN(vfma)(pixel[i], w, sum[o][i]);
        }
    }
    #pragma GCC unroll 6
    for (int o = 0; o < channels; o++)
        #pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            FN(vstore)(corner + (o * 4 + i) * FN(LANES), relu ? FN(vmax)(FN(vzero)(), sum[o][i]) : sum[o][i]);
}

static void FN(all_corners)(const real *x, const isize *at, isize inner, isize below, const real *weight, isize c_out, const real *bias, isize relu, real *corner)
{
    for (isize o = 0; o < c_out; ) {
        const isize take = min_isize(PIXELS_CHANNELS, c_out - o);
        const real *b = bias ? bias + o : NULL;
        real *to = corner + o * 4 * FN(LANES);
        switch (take) {
            case 1: FN(corners)(x, at, inner, below, weight + o, c_out, b, relu, to, 1); break;
#if PIXELS_CHANNELS > 2
            case 2: FN(corners)(x, at, inner, below, weight + o, c_out, b, relu, to, 2); break;
            case 3: FN(corners)(x, at, inner, below, weight + o, c_out, b, relu, to, 3); break;
            case 4: FN(corners)(x, at, inner, below, weight + o, c_out, b, relu, to, 4); break;
            case 5: FN(corners)(x, at, inner, below, weight + o, c_out, b, relu, to, 5); break;
#endif
            default: FN(corners)(x, at, inner, below, weight + o, c_out, b, relu, to, PIXELS_CHANNELS);
        }
        o += take;
    }
}

#if REAL_IS_FLOAT
typedef int32_t FN(corner_int);
#else
typedef int64_t FN(corner_int);
#endif

/* The maxima of the corners, in the order and with the ties of pool.c, to y and argmax: (windows, c_out). */
static void FN(take_maxima)(const real *corner, isize windows, isize c_out, real *best, real *y, uint8_t *argmax)
{
    uint64_t where[FN(LANES)] = { 0 };
    for (isize o = 0; o < c_out; o++) {
        const real *z = corner + o * 4 * FN(LANES);
        real *top = best + o * FN(LANES);
        FN(corner_int) place[FN(LANES)];
        #pragma omp simd
        for (int l = 0; l < FN(LANES); l++) { top[l] = z[l]; place[l] = 0; }
        for (int i = 1; i < 4; i++) {
            #pragma omp simd
            for (int l = 0; l < FN(LANES); l++) {
                const real other = z[i * FN(LANES) + l];
                const int beats = !(other <= top[l]) & (top[l] == top[l]);
                top[l] = beats ? other : top[l];
                place[l] = beats ? i : place[l];
            }
        }
        #pragma omp simd
        for (int l = 0; l < FN(LANES); l++) where[l] |= (uint64_t)place[l] << (8 * o);               /* byte o of a little-endian word */
    }
    FN(turn_row)(best, FN(LANES), windows, c_out, y);
    if (argmax)
        for (isize l = 0; l < windows; l++) {
            if ((windows - l) * c_out >= 8) memcpy(argmax + l * c_out, where + l, 8);
            else for (isize o = 0; o < c_out; o++) argmax[l * c_out + o] = (uint8_t)(where[l] >> (8 * o));
        }
}

typedef struct { const FN(conv2d_max_pool_forward_args) *a; const FN(parted) *p; const isize *at; } FN(pixels_work);

static void FN(pixels_image)(const void *data, isize image, void *own)
{
    const FN(pixels_work) *work = data;
    const FN(conv2d_max_pool_forward_args) *a = work->a;
    const FN(parted) *p = work->p;
    const isize *at = work->at;
    const pydl_conv2d *s = &a->s;
    const pydl_pool2d *g = &a->g;
    real *image_parts = own, *corner = image_parts + FN(parted_size)(p, s), *best = corner + 4 * PIXELS_MOST * FN(LANES);
    FN(part_image)(p, s, a->x + image * s->h * s->w * s->c_in, image_parts);
    for (isize i = 0; i < g->oh; i++)
        for (isize j = 0; j < g->ow; j += FN(LANES)) {
            const isize to = ((image * g->oh + i) * g->ow + j) * s->c_out;
            FN(all_corners)(image_parts + 2 * i * p->row + j, at, p->inner, p->row, a->weight, s->c_out, a->bias, a->relu, corner);
            FN(take_maxima)(corner, min_isize(FN(LANES), g->ow - j), s->c_out, best, a->y + to, a->argmax ? a->argmax + to : NULL);
        }
}

void FN(pixels_forward)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a)
{
    const pydl_conv2d *s = &a->s;
    const FN(parted) p = FN(parted_plan)(s, &a->g);
    const isize own = whole_lines(FN(pixels_own)(&p, s)), size = FN(parted_size)(&p, s);
    isize *at = a->scratch, k = 0;
    real *owns = (real *)(at + whole_lines(2 * p.inner));
    for (isize i = 0; i < s->kh; i++)
        for (isize j = 0; j < s->kw; j++)
            for (isize c = 0; c < s->c_in; c++)
                for (isize side = 0; side < 2; side++) at[k++] = (c * p.rows + i) * p.row + (j + side) % 2 * p.half + (j + side) / 2;
    for (isize t = 0; t < owners(ctx, pixels_parallel(s), s->n); t++) FN(zero_short)(size, owns + t * own);                        /* what images leave alone stays 0 */
    run_tasks(ctx, pixels_parallel(s), s->n, FN(pixels_image), &(FN(pixels_work)){ a, &p, at }, owns, own * (isize)sizeof(real));
}
#endif
