/* The gradient by the weight for few output channels.  Where lanes are output channels most are idle; here they are a row of the window, the places and
   input channels of which lie side by side in the image:

       dweight[p, (q, c), o] += x[pixel + (p, 0), (q, c)] * dy[pixel, o]

   The sums of four output channels and some vectors of the window stay in registers while a band of the image passes by.  The bands are cut into `sums`
   partial sums by the shape alone, which are added in order.   64 images of 32x32x3 to 8 by 5x5, one thread: 1.01 -> 0.49 ms. */
#ifndef real
#include "internal.h"
#include "conv_parts.h"
#include "conv_weight.h"

/* Output channels at a time; most vectors of a window's row; most vectors of the window at a time. */
#define ROWS_CHANNELS 4
#define ROWS_VECTORS 2
#define ROWS_MOST ((SIMD_REGISTERS == 32 ? 24 : 12) / ROWS_CHANNELS)
/* Output channels are to fill less than this of a vector, 1 / ROWS_SHARE, and rows theirs more than ROWS_MORE tenths as full.  With 16 registers a tile of one
   vector has six sums, which wait for each other (Zen 2, 64 images of 32x32x3 to 8 by 5x5: rows 1.38x). */
#define ROWS_SHARE (SIMD_REGISTERS == 32 ? 2 : 1)
#define ROWS_MORE (SIMD_REGISTERS == 32 ? 12 : 9)
/* Most reals of a band's copy, most partial sums. */
#define ROWS_COPY ((isize)1 << 15)
#define ROWS_SUMS ((isize)32)

#define EACH_REAL "conv_weight_rows.c"
#include "each_real.h"
#else

typedef struct {
    conv_axis y, x;
    isize vectors, chunks;                                           /* vectors of a window's row; parts of the window's that are summed at a time */
    isize rows, bands, units, sums;                                  /* rows of dy in a band; bands an image, of all images; partial sums */
    isize copy_rows, copy_cols, line;                                /* of the copied band, pixels; reals a row of it */
    isize groups, group;                                             /* of ROWS_CHANNELS output channels; reals of one's sums */
    int copied;                                                      /* so is dy */
} FN(weight_rows);

static FN(weight_rows) FN(rows_plan)(const pydl_conv2d *s, int masked)
{
    FN(weight_rows) p = { .y = rows_of(s), .x = cols_of(s), .vectors = ceil_div(s->kw * s->c_in, FN(LANES)), .groups = ceil_div(s->c_out, ROWS_CHANNELS) };
    p.chunks = ceil_div(s->kh * p.vectors, ROWS_MOST);
    p.copy_cols = axis_reach(p.x, p.x.size);
    p.line = p.copy_cols * s->c_in;
    p.rows = max_isize(1, min_isize(p.y.size, (ROWS_COPY / p.line - axis_span(p.y)) / p.y.stride + 1));
    p.bands = ceil_div(p.y.size, p.rows);
    p.units = s->n * p.bands;
    p.sums = min_isize(p.units, ROWS_SUMS);
    p.copy_rows = axis_reach(p.y, p.rows);
    p.group = s->kh * p.vectors * ROWS_CHANNELS * FN(LANES);
    p.copied = masked || s->c_out % ROWS_CHANNELS != 0;
    return p;
}

int FN(weight_rows_fit)(const pydl_conv2d *s)
{
    const isize row = s->kw * s->c_in, vectors = ceil_div(row, FN(LANES));
    return s->groups == 1 && s->dilation_w == 1 && ROWS_SHARE * s->c_out <= FN(LANES) && vectors <= ROWS_VECTORS && 10 * row > ROWS_MORE * vectors * s->c_out
        && s->n > 0 && s->h_out > 0 && s->w_out > 0 && s->c_in > 0 && s->c_out > 0;
}

/* Reals; vectors of x and of dy reach behind the last pixel. */
static isize FN(rows_copy)(const FN(weight_rows) *p) { return whole_lines(p->copy_rows * p->line + ROWS_VECTORS * FN(LANES)); }
static isize FN(rows_dy)(const FN(weight_rows) *p, const pydl_conv2d *s) { return whole_lines(p->rows * p->x.size * s->c_out + FN(LANES) + ROWS_CHANNELS); }
static isize FN(rows_own)(const FN(weight_rows) *p, const pydl_conv2d *s) { return FN(rows_copy)(p) + FN(rows_dy)(p, s); }
static int FN(rows_parallel)(const FN(weight_rows) *p, const pydl_conv2d *s) { return p->sums > 1 && conv_work(s) > CONV_PARALLEL_MIN; }

isize FN(rows_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    const FN(weight_rows) p = FN(rows_plan)(&a->s, a->relu_y != NULL);
    return p.sums * (whole_lines(a->s.c_out) * (isize)sizeof(double) + p.groups * p.group * (isize)sizeof(real))
         + owners(ctx, FN(rows_parallel)(&p, &a->s), p.sums) * FN(rows_own)(&p, &a->s) * (isize)sizeof(real);
}

typedef struct { const real *x; isize at[ROWS_MOST]; isize row_step, col_step; const real *dy; isize dy_row, dy_step; isize rows, cols; real *sum; } FN(rows_band);

/* sum[v, o] += over the pixels of a band: the vector at[v] of the window * dy[pixel, o].   16 registers hold twelve sums, three vectors and one factor. */
ALWAYS_INLINE void FN(rows_core)(const FN(rows_band) *b, const int count)
{
    FN(vec) sum[ROWS_MOST][ROWS_CHANNELS];
    #pragma GCC unroll 6
    for (int v = 0; v < count; v++)
        #pragma GCC unroll 4
        for (int o = 0; o < ROWS_CHANNELS; o++) sum[v][o] = FN(vzero)();
    for (isize i = 0; i < b->rows; i++) {
        const real *x = b->x + i * b->row_step, *dy = b->dy + i * b->dy_row;
        for (isize j = 0; j < b->cols; j++, x += b->col_step, dy += b->dy_step) {
            FN(vec) places[ROWS_MOST];
            #pragma GCC unroll 6
            for (int v = 0; v < count; v++) places[v] = FN(vload)(x + b->at[v]);
            #pragma GCC unroll 4
            for (int o = 0; o < ROWS_CHANNELS; o++) {
                const FN(vec) d = FN(vset)(dy[o]);
                #pragma GCC unroll 6
                for (int v = 0; v < count; v++) sum[v][o] = FN(vfma)(places[v], d, sum[v][o]);
            }
        }
    }
    #pragma GCC unroll 6
    for (int v = 0; v < count; v++)
        #pragma GCC unroll 4
        for (int o = 0; o < ROWS_CHANNELS; o++) {
            real *to = b->sum + (v * ROWS_CHANNELS + o) * FN(LANES);
            FN(vstore)(to, FN(vload)(to) + sum[v][o]);
        }
}

static void FN(rows_sums)(const FN(rows_band) *b, isize count)
{
    switch (count) {
        case 1: FN(rows_core)(b, 1); break;
        case 2: FN(rows_core)(b, 2); break;
#if SIMD_REGISTERS == 32
        case 3: FN(rows_core)(b, 3); break;
        case 4: FN(rows_core)(b, 4); break;
        case 5: FN(rows_core)(b, 5); break;
#endif
        default: FN(rows_core)(b, ROWS_MOST);
    }
}

typedef struct { const FN(conv2d_backward_weight_args) *a; const FN(weight_rows) *p; real *sums; double *bias; } FN(rows_data);

/* The bands of one partial sum. */
static void FN(rows_task)(const void *data, isize task, void *own)
{
    const FN(rows_data) *d = data;
    const FN(conv2d_backward_weight_args) *a = d->a;
    const FN(weight_rows) *p = d->p;
    const pydl_conv2d *s = &a->s;
    real *copy = own, *masked = copy + FN(rows_copy)(p), *sum = d->sums + task * p->groups * p->group;
    double *bias = d->bias + task * whole_lines(s->c_out);
    FN(zero_short)(p->groups * p->group, sum);
    FN(zero_short)(FN(rows_own)(p, s), copy);
    memset(bias, 0, (size_t)s->c_out * sizeof(double));
    for (isize unit = task * p->units / p->sums; unit < (task + 1) * p->units / p->sums; unit++) {
        const isize image = unit / p->bands, first = unit % p->bands * p->rows, rows = min_isize(p->rows, p->y.size - first);
        const isize at = (image * p->y.size + first) * p->x.size * s->c_out, count = rows * p->x.size * s->c_out;
        FN(copy_band)(a->x + image * s->h * s->w * s->c_in, NULL, s->h, s->w, s->c_in, first * p->y.stride + axis_low(p->y), axis_reach(p->y, rows),
                      axis_low(p->x), p->copy_cols, copy);
        const real *dy = a->dy + at;
        if (p->copied || a->dbias) {
            if (a->relu_y) FN(keep_positive)(dy, a->relu_y + at, count, masked);
            else FN(copy_short)(dy, count, masked);
            dy = masked;
        }
        if (a->dbias) FN(sum_channels)(dy, rows * p->x.size, s->c_out, bias);
        for (isize g = 0; g < p->groups; g++)
            for (isize chunk = 0; chunk < p->chunks; chunk++) {
                const isize from = chunk * s->kh * p->vectors / p->chunks, to = (chunk + 1) * s->kh * p->vectors / p->chunks;
                FN(rows_band) band = {
                    .x = copy, .row_step = p->y.stride * p->line, .col_step = p->x.stride * s->c_in,
                    .dy = dy + g * ROWS_CHANNELS, .dy_row = p->x.size * s->c_out, .dy_step = s->c_out,
                    .rows = rows, .cols = p->x.size, .sum = sum + g * p->group + from * ROWS_CHANNELS * FN(LANES)
                };
                for (isize k = from; k < to; k++) band.at[k - from] = k / p->vectors * s->dilation_h * p->line + k % p->vectors * FN(LANES);
                FN(rows_sums)(&band, to - from);
            }
    }
}

void FN(rows_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    const pydl_conv2d *s = &a->s;
    const FN(weight_rows) p = FN(rows_plan)(s, a->relu_y != NULL);
    const isize row = s->kw * s->c_in, size = p.groups * p.group;
    double *bias = a->scratch;
    real *sums = (real *)(bias + p.sums * whole_lines(s->c_out));
    run_tasks(ctx, FN(rows_parallel)(&p, s), p.sums, FN(rows_task), &(FN(rows_data)){ a, &p, sums, bias }, sums + p.sums * size,
              FN(rows_own)(&p, s) * (isize)sizeof(real));
    for (isize t = 1; t < p.sums; t++)
        for (isize i = 0; i < size; i++) sums[i] += sums[t * size + i];
    for (isize r = 0; r < s->kh; r++)
        for (isize i = 0; i < row; i++)
            for (isize o = 0; o < s->c_out; o++)
                a->dweight[(r * row + i) * s->c_out + o] = sums[o / ROWS_CHANNELS * p.group
                    + ((r * p.vectors + i / FN(LANES)) * ROWS_CHANNELS + o % ROWS_CHANNELS) * FN(LANES) + i % FN(LANES)];
    for (isize o = 0; a->dbias && o < s->c_out; o++) {
        double total = 0;
        for (isize t = 0; t < p.sums; t++) total += bias[t * whole_lines(s->c_out) + o];
        a->dbias[o] = (real)total;
    }
}
#endif
