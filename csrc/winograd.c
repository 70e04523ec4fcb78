/* y = A' [(G w G') * (B' d B)] A for every tile d of 6x6 pixels, which gives 4x4 results; * is element by element, and summed over channels.
   Source: A. Lavin, S. Gray: Fast algorithms for convolutional neural networks, 2016; the points are 0, 1, -1, 2, -2 and infinity.

   The 36 elements are 36 planes: a block of tiles is turned into 36 matrices (tiles, channels), multiplied by the 36 matrices (c_in, c_out)
   of the weights, and turned back, all of it in L2.  Backward by the input is the same with the window turned by half a circle.
   Backward by the weight is the adjoint: dw = G' [sum over tiles of (B' d B) * (A dy A')] G. */
#ifndef real
#include "internal.h"
#include "winograd.h"
#include "conv_parts.h"

#define PLANES 36
/* Bytes of transformed tiles a thread works on at a time. */
#define BLOCK_BYTES ((isize)400 << 10)
/* Weights larger than this are used for 64 tiles at a time, so that they are not read from memory too often. */
#define LARGE_WEIGHTS ((isize)8 << 20)
/* Channels whose weights are turned at a time. */
#define WEIGHT_CHANNELS ((isize)32)
/* Tasks a pass is cut into, where there are so many tiles and columns. */
#define TASKS ((isize)8)
/* Bytes of transformed tiles the gradient of the weight adds up at a time. */
#define GRADIENT_BYTES ((isize)1 << 20)

#define EACH_REAL "winograd.c"
#include "each_real.h"
#else

/* ---- the transforms along one axis, on vectors of channels ---- */

ALWAYS_INLINE void FN(turn_tile)(const FN(vec) d[6], FN(vec) v[6])                         /* B' d */
{
    const FN(vec) four = FN(vset)(4), two = FN(vset)(2), five = FN(vset)(5);
    const FN(vec) a = d[4] - four * d[2], b = d[3] - four * d[1], c = d[4] - d[2], e = two * (d[3] - d[1]);
    v[0] = FN(vfma)(four, d[0], d[4] - five * d[2]);
    v[1] = a + b;
    v[2] = a - b;
    v[3] = c + e;
    v[4] = c - e;
    v[5] = FN(vfma)(four, d[1], d[5] - five * d[3]);
}

ALWAYS_INLINE void FN(turn_back)(const FN(vec) m[6], FN(vec) y[4])                         /* A' m */
{
    const FN(vec) s = m[1] + m[2], t = m[1] - m[2], u = m[3] + m[4], v = m[3] - m[4];
    y[0] = m[0] + s + u;
    y[1] = FN(vfma)(FN(vset)(2), v, t);
    y[2] = FN(vfma)(FN(vset)(4), u, s);
    y[3] = FN(vfma)(FN(vset)(8), v, t) + m[5];
}

ALWAYS_INLINE void FN(turn_gradient)(const FN(vec) y[4], FN(vec) m[6])                     /* A y */
{
    const FN(vec) even = y[0] + y[2], odd = y[1] + y[3];
    const FN(vec) even2 = FN(vfma)(FN(vset)(4), y[2], y[0]), odd2 = FN(vset)(2) * FN(vfma)(FN(vset)(4), y[3], y[1]);
    m[0] = y[0];
    m[1] = even + odd;
    m[2] = even - odd;
    m[3] = even2 + odd2;
    m[4] = even2 - odd2;
    m[5] = y[3];
}

ALWAYS_INLINE void FN(turn_weight)(const FN(vec) g[3], FN(vec) u[6])                       /* G g */
{
    const FN(vec) sixth = FN(vset)((real)(1.0 / 6)), even = sixth * (g[0] + g[2]), odd = sixth * g[1];
    const FN(vec) even2 = FN(vfma)(FN(vset)((real)(1.0 / 24)), g[0], sixth * g[2]), odd2 = FN(vset)((real)(1.0 / 12)) * g[1];
    u[0] = FN(vset)((real)0.25) * g[0];
    u[1] = FN(vzero)() - (even + odd);
    u[2] = odd - even;
    u[3] = even2 + odd2;
    u[4] = even2 - odd2;
    u[5] = g[2];
}

ALWAYS_INLINE void FN(gather_weight)(const FN(vec) u[6], FN(vec) g[3])                     /* G' u */
{
    const FN(vec) sixth = FN(vset)((real)(1.0 / 6)), a = sixth * (u[1] + u[2]), b = u[3] + u[4];
    g[0] = FN(vfma)(FN(vset)((real)0.25), u[0], FN(vfma)(FN(vset)((real)(1.0 / 24)), b, FN(vzero)() - a));
    g[1] = FN(vfma)(FN(vset)((real)(1.0 / 12)), u[3] - u[4], sixth * (u[2] - u[1]));
    g[2] = FN(vfma)(sixth, b, u[5] - a);
}

/* ---- tiles ---- */

/* The tiles of a pass: tile (b, i, j) reads 6x6 pixels of source from row 4 i - top, column 4 j - left, and makes 4x4 pixels of out. */
typedef struct {
    isize n; isize h; isize w; isize channels; isize top; isize left;            /* source */
    isize h_out; isize w_out; isize width;                                       /* out, and its channels */
    isize tiles_h; isize tiles_w; isize tiles;
    isize pitch;                                                                 /* channels in whole vectors */
    FN(columns) columns;
    isize block; isize blocks; isize parts;                                      /* a task: a block of tiles, for a part of the blocks of columns */
} FN(tiles);

static FN(tiles) FN(tiles_of)(isize n, isize h, isize w, isize channels, isize top, isize left, isize h_out, isize w_out, isize width)
{
    FN(tiles) p = { .n = n, .h = h, .w = w, .channels = channels, .top = top, .left = left, .h_out = h_out, .w_out = w_out, .width = width };
    p.tiles_h = ceil_div(h_out, 4);
    p.tiles_w = ceil_div(w_out, 4);
    p.tiles = n * p.tiles_h * p.tiles_w;
    p.pitch = ceil_div(channels, FN(LANES)) * FN(LANES);
    p.columns = FN(columns_of)(width);
    const isize bytes = (isize)sizeof(real);
    const isize block = PLANES * channels * width * bytes > LARGE_WEIGHTS ? 64 : max_isize(8, min_isize(64, BLOCK_BYTES / (PLANES * p.pitch * bytes)));
    p.block = ceil_div(p.tiles, max_isize(1, ceil_div(p.tiles, block)));
    p.blocks = ceil_div(p.tiles, max_isize(1, p.block));
    p.parts = min_isize(p.columns.blocks, ceil_div(TASKS, max_isize(1, p.blocks)));
    return p;
}

/* From one plane to the next: never a multiple of a power of two, for the 36 of them would share a few lines of L1. */
static inline isize FN(plane_size)(isize rows, isize pitch) { return rows * pitch + 64 / (isize)sizeof(real); }

/* size x size pixels of `channels` from (row, col) on: where they lie in the image, or a copy of them in `room`, 0 outside of the image and
   where `positive` (if any) is not > 0.   room: (size, size, channels). */
typedef struct { const real *from; isize row_step; isize col_step; } FN(pixels);

static inline FN(pixels) FN(take_pixels)(const real *image, const real *positive, isize h, isize w, isize channels, isize row, isize col, isize size, real *room)
{
    if (!positive && row >= 0 && col >= 0 && row + size <= h && col + size <= w)
        return (FN(pixels)){ image + (row * w + col) * channels, w * channels, channels };
    FN(copy_band)(image, positive, h, w, channels, row, size, col, size, room);
    return (FN(pixels)){ room, size * channels, channels };
}

ALWAYS_INLINE void FN(transform_vector)(FN(pixels) x, int whole, FN(vmask) mask, real *planes, isize plane)
{
    FN(vec) half[6][6], d[6], v[6];
    #pragma GCC unroll 6
    for (int q = 0; q < 6; q++) {
        #pragma GCC unroll 6
        for (int r = 0; r < 6; r++) {
            const real *from = x.from + r * x.row_step + q * x.col_step;
            d[r] = whole ? FN(vload)(from) : FN(vload_mask)(from, mask);
        }
        FN(turn_tile)(d, v);
        #pragma GCC unroll 6
        for (int r = 0; r < 6; r++) half[r][q] = v[r];
    }
    #pragma GCC unroll 6
    for (int r = 0; r < 6; r++) {
        FN(turn_tile)(half[r], v);
        #pragma GCC unroll 6
        for (int q = 0; q < 6; q++) FN(vstore)(planes + (r * 6 + q) * plane, v[q]);
    }
}

/* Lines of the cache that tiles touch. */
typedef struct { const real *from; isize lines; } FN(reach);

/* `count` tiles from `first` on, in images of h rows of `row` reals: `rows` of them from `above` a tile's first result on. */
static FN(reach) FN(reach_of)(const FN(tiles) *p, const real *images, isize h, isize row, isize above, isize rows, isize first, isize count)
{
    const isize each = p->tiles_h * p->tiles_w, last = min_isize(first + count, p->tiles) - 1;
    if (last < first) return (FN(reach)){ images, 0 };
    const isize from = first / each * h + max_isize(0, first / p->tiles_w % p->tiles_h * 4 - above);
    const isize to = last / each * h + min_isize(h, last / p->tiles_w % p->tiles_h * 4 - above + rows);
    return (FN(reach)){ images + from * row, (to - from) * row * (isize)sizeof(real) / 64 };
}
static FN(reach) FN(source_reach)(const FN(tiles) *p, const real *source, isize first, isize count)
{
    return FN(reach_of)(p, source, p->h, p->w * p->channels, p->top, 6, first, count);
}
static FN(reach) FN(out_reach)(const FN(tiles) *p, const real *out, isize first, isize count)
{
    return FN(reach_of)(p, out, p->h_out, p->w_out * p->width, 0, 4, first, count);
}

/* Share k of PLANES into L2, while a plane is multiplied.  Forward, 128x32x32x16: 1.3x; 8x56x56x128: 1.05x. */
static inline void FN(fetch)(FN(reach) r, isize k)
{
    for (isize i = r.lines * k / PLANES; i < r.lines * (k + 1) / PLANES; i++) __builtin_prefetch(r.from + i * (64 / (isize)sizeof(real)), 0, 2);
}

/* planes[p][t, c] = element p of B' d B, for one tile.   planes: plane apart. */
static void FN(transform_tile)(const FN(tiles) *p, const real *source, const real *positive, isize tile, real *room, real *planes, isize plane)
{
    const isize image = tile / (p->tiles_h * p->tiles_w) * p->h * p->w * p->channels, i = tile / p->tiles_w % p->tiles_h, j = tile % p->tiles_w;
    FN(pixels) x = FN(take_pixels)(source + image, positive ? positive + image : NULL, p->h, p->w, p->channels, 4 * i - p->top, 4 * j - p->left, 6, room);
    const isize tail = p->channels % FN(LANES);
    for (isize c = 0; c + FN(LANES) <= p->channels; c += FN(LANES), x.from += FN(LANES)) FN(transform_vector)(x, 1, FN(mask_of)(0), planes + c, plane);
    if (tail) FN(transform_vector)(x, 0, FN(mask_of)(tail), planes + p->channels - tail, plane);
}

/* What a pass reads and writes; skip, if any, lies like out and is added to it. */
typedef struct {
    const FN(tiles) *p; const real *source; const real *positive; const real *weight; const real *start; const real *skip; const isize *acol; isize relu;
    real *own; real *out;                                                    /* own: tiles_own reals for each thread */
} FN(tiles_data);

ALWAYS_INLINE void FN(finish_vector)(const real *planes, isize plane, FN(vec) start, const real *skip, int relu, isize rows, isize cols, isize row_step, isize col_step,
                                     int whole, FN(vmask) mask, real *to)
{
    FN(vec) half[4][6], m[6], y[4];
    #pragma GCC unroll 6
    for (int q = 0; q < 6; q++) {
        #pragma GCC unroll 6
        for (int r = 0; r < 6; r++) m[r] = FN(vload)(planes + (r * 6 + q) * plane);
        FN(turn_back)(m, y);
        #pragma GCC unroll 4
        for (int r = 0; r < 4; r++) half[r][q] = y[r];
    }
    #pragma GCC unroll 4
    for (isize r = 0; r < 4; r++) {
        if (!whole && r >= rows) break;
        FN(turn_back)(half[r], y);
        #pragma GCC unroll 4
        for (isize q = 0; q < 4; q++) {
            if (!whole && q >= cols) break;
            const isize at = r * row_step + q * col_step;
            FN(vec) sum = y[q] + start;
            if (skip) sum = sum + (whole ? FN(vload)(skip + at) : FN(vload_mask)(skip + at, mask));
            const FN(vec) out = relu ? FN(vmax)(FN(vzero)(), sum) : sum;
            if (whole) FN(vstore)(to + at, out);
            else FN(vstore_mask)(to + at, mask, out);
        }
    }
}

/* out = A' m A + start, for one tile and one block of columns.   m[p][t, o]: plane apart, this tile's rows. */
static void FN(finish_tile)(const FN(tiles) *p, const real *planes, isize plane, isize tile, isize first, isize wide, const FN(tiles_data) *d)
{
    const isize image = tile / (p->tiles_h * p->tiles_w), row = tile / p->tiles_w % p->tiles_h * 4, col = tile % p->tiles_w * 4;
    const isize rows = min_isize(4, p->h_out - row), cols = min_isize(4, p->w_out - col), row_step = p->w_out * p->width;
    const isize at = ((image * p->h_out + row) * p->w_out + col) * p->width + first;
    real *to = d->out + at;
    for (isize o = 0; o < wide; o += FN(LANES)) {
        const isize count = min_isize(FN(LANES), p->width - first - o);
        const FN(vec) from = d->start ? FN(vload)(d->start + first + o) : FN(vzero)();
        const real *skip = d->skip ? d->skip + at + o : NULL;
        if (rows == 4 && cols == 4 && count == FN(LANES)) FN(finish_vector)(planes + o, plane, from, skip, d->relu != 0, 4, 4, row_step, p->width, 1, FN(mask_of)(0), to + o);
        else FN(finish_vector)(planes + o, plane, from, skip, d->relu != 0, rows, cols, row_step, p->width, 0, FN(mask_of)(count), to + o);
    }
}

/* ---- forward, and backward by the input ---- */

static isize FN(weight_plane)(const FN(tiles) *p) { return FN(plane_size)(FN(columns_size)(p->columns), p->channels); }
static isize FN(tiles_prepared)(const FN(tiles) *p)                          /* weights of the 36 planes, start */
{
    return whole_lines(PLANES * FN(weight_plane)(p)) + whole_lines(FN(columns_size)(p->columns));
}
static isize FN(tiles_own)(const FN(tiles) *p)
{
    return whole_lines(PLANES * FN(plane_size)(p->block, p->pitch)) + whole_lines(PLANES * FN(plane_size)(p->block, TILE_VECTORS * FN(LANES)))
         + whole_lines(PLANES * p->pitch);                                   /* turned tiles, products, one tile's pixels */
}
static isize FN(tiles_scratch)(const pydl_ctx *ctx, const FN(tiles) *p, int prepared)
{
    return ((prepared ? 0 : FN(tiles_prepared)(p)) + ctx->threads * FN(tiles_own)(p)) * (isize)sizeof(real) + whole_lines(p->channels + (1 + TILE_VECTORS) * p->block) * (isize)sizeof(isize);
}

/* The weights of a pass, by place in the window, channel and column; backward by the input the window is turned. */
typedef struct { const FN(tiles) *p; const real *weight; isize turned; isize step_c; isize step_o; real *planes; } FN(weights);

/* The lanes columns from o on of one channel, zeros behind the last. */
ALWAYS_INLINE FN(vec) FN(weight_vector)(const real *from, isize step, isize count)
{
    if (step == 1) return count == FN(LANES) ? FN(vload)(from) : FN(vload_mask)(from, FN(mask_of)(count));
    real lanes[FN(LANES)];
    for (isize o = 0; o < FN(LANES); o++) lanes[o] = o < count ? from[o * step] : 0;
    return FN(vload)(lanes);
}

/* planes: for each of the 36 (and each block of columns) (channels, columns of the block) = G w G'.   Some channels of one block of columns: each
   plane is written from end to end. */
static void FN(transform_weights)(const void *data, isize task, isize stop)
{
    const FN(weights) *d = data;
    const FN(tiles) *p = d->p;
    const FN(columns) cols = p->columns;
    const isize plane = FN(weight_plane)(p), place = p->channels * p->width, groups = ceil_div(p->channels, WEIGHT_CHANNELS);
    const isize block = task / groups, c_first = task % groups * WEIGHT_CHANNELS, c_stop = min_isize(c_first + WEIGHT_CHANNELS, p->channels);
    const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
    (void)stop;
    for (isize c = c_first; c < c_stop; c++)
        for (isize o = 0; o < wide; o += FN(LANES)) {
            const real *from = d->weight + c * d->step_c + (first + o) * d->step_o;
            const isize count = min_isize(FN(LANES), p->width - first - o);
            FN(vec) half[6][3], g[3], u[6];
            for (int q = 0; q < 3; q++) {
                #pragma GCC unroll 3
                for (int r = 0; r < 3; r++) g[r] = FN(weight_vector)(from + (d->turned ? 8 - r * 3 - q : r * 3 + q) * place, d->step_o, count);
                FN(turn_weight)(g, u);
                #pragma GCC unroll 6
                for (int r = 0; r < 6; r++) half[r][q] = u[r];
            }
            for (int r = 0; r < 6; r++) {
                FN(turn_weight)(half[r], u);
                #pragma GCC unroll 6
                for (int q = 0; q < 6; q++) FN(vstore)(d->planes + (r * 6 + q) * plane + first * p->channels + c * wide + o, u[q]);
            }
        }
}

static void FN(tiles_task)(const void *data, isize task, isize stop)
{
    const FN(tiles_data) *d = data;
    const FN(tiles) *p = d->p;
    const FN(columns) cols = p->columns;
    real *own = d->own + omp_get_thread_num() * FN(tiles_own)(p);
    (void)stop;
    const isize first_tile = task / p->parts * p->block, part = task % p->parts;
    const isize tiles = min_isize(p->block, p->tiles - first_tile), size = FN(columns_size)(cols);
    const isize plane = FN(plane_size)(p->block, p->pitch);
    real *v = own, *m = v + whole_lines(PLANES * plane), *room = m + whole_lines(PLANES * FN(plane_size)(p->block, TILE_VECTORS * FN(LANES)));
    const isize *arow = d->acol + p->channels;
    const FN(reach) next = FN(source_reach)(p, d->source, first_tile + p->block, p->block), out = FN(out_reach)(p, d->out, first_tile, p->block);
    for (isize t = 0; t < tiles; t++) FN(transform_tile)(p, d->source, d->positive, first_tile + t, room, v + t * p->pitch, plane);
    for (isize block = part * cols.blocks / p->parts; block < (part + 1) * cols.blocks / p->parts; block++) {
        const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first, out_plane = FN(plane_size)(p->block, wide);
        const isize *crow = arow + p->block * (wide / cols.lanes);
        FN(columns) whole = cols;
        whole.width = size;                                                  /* m has room for idle columns */
        for (isize k = 0; k < PLANES; k++) {
            const isize ahead = k + 1 < PLANES ? (k + 1) * FN(weight_plane)(p) + first * p->channels : (first + wide) * p->channels;
            FN(tile_args) t = { .a = v + k * plane, .arow = arow, .acol = d->acol, .k = p->channels,
                                .b = d->weight + k * FN(weight_plane)(p) + first * p->channels, .c = m + k * out_plane, .crow = crow,
                                .ahead = PLANES * p->channels * size > 8 * WEIGHTS_AT_HAND ? d->weight + ahead : NULL };
            FN(run_tile)(&t, whole, block, tiles);
            if (block > 0 || p->parts > 1) continue;
            FN(fetch)(next, k);
            FN(fetch)(out, k);
        }
        for (isize t = 0; t < tiles; t++) FN(finish_tile)(p, m + t * wide, out_plane, first_tile + t, first, wide, d);
    }
}

/* w.planes: the planes of the weights, and behind them the start of each column. */
static void FN(prepare_tiles)(const pydl_ctx *ctx, FN(weights) w, const real *bias)
{
    const FN(tiles) *p = w.p;
    const isize size = FN(columns_size)(p->columns);
    real *start = w.planes + whole_lines(PLANES * FN(weight_plane)(p));
    run_parts(ctx, p->channels * size > 4096, p->columns.blocks * ceil_div(p->channels, WEIGHT_CHANNELS), 1, FN(transform_weights), &w);
    for (isize o = 0; o < size; o++) start[o] = bias && o < p->width ? bias[o] : 0;
}

/* The pass.  d: what is read and written, but for the weights; own: what the threads work in. */
static void FN(run_tiles)(const pydl_ctx *ctx, const FN(tiles) *p, FN(tiles_data) d, const real *prepared, real *own)
{
    isize *acol = (isize *)(own + ctx->threads * FN(tiles_own)(p)), *arow = acol + p->channels;
    for (isize c = 0; c < p->channels; c++) acol[c] = c;
    for (isize t = 0; t < p->block; t++) arow[t] = t * p->pitch;
    for (isize v = 1; v <= TILE_VECTORS; v++)                                /* where the rows of m are, for blocks of v vectors */
        for (isize t = 0; t < p->block; t++) arow[v * p->block + t] = t * v * p->columns.lanes;
    d.weight = prepared;
    d.start = prepared + whole_lines(PLANES * FN(weight_plane)(p));
    d.acol = acol;
    d.p = p;
    d.own = own;
    run_parts(ctx, 1, p->blocks * p->parts, 1, FN(tiles_task), &d);
}

static FN(tiles) FN(forward_tiles)(const pydl_conv2d *s) { return FN(tiles_of)(s->n, s->h, s->w, s->c_in, s->pad_top, s->pad_left, s->h_out, s->w_out, s->c_out); }
static FN(tiles) FN(backward_tiles)(const pydl_conv2d *s)
{
    return FN(tiles_of)(s->n, s->h_out, s->w_out, s->c_out, 2 - s->pad_top, 2 - s->pad_left, s->h, s->w, s->c_in);
}

isize FN(winograd_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    const FN(tiles) p = FN(forward_tiles)(&a->s);
    return FN(tiles_scratch)(ctx, &p, a->prepared != NULL);
}

isize FN(winograd_prepared_size)(const pydl_conv2d *s)
{
    const FN(tiles) p = FN(forward_tiles)(s);
    return FN(tiles_prepared)(&p);
}

void FN(winograd_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, const real *weight, const real *bias, real *prepared)
{
    const FN(tiles) p = FN(forward_tiles)(s);
    FN(prepare_tiles)(ctx, (FN(weights)){ &p, weight, 0, p.width, 1, prepared }, bias);
}

void FN(winograd_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a)
{
    const FN(tiles) p = FN(forward_tiles)(&a->s);
    const FN(tiles_data) d = { .source = a->x, .skip = a->skip, .relu = a->relu, .out = a->y };
    real *prepared = a->scratch;
    if (a->prepared) {
        FN(run_tiles)(ctx, &p, d, a->prepared, a->scratch);
        return;
    }
    FN(winograd_prepare)(ctx, &a->s, a->weight, a->bias, prepared);
    FN(run_tiles)(ctx, &p, d, prepared, prepared + FN(tiles_prepared)(&p));
}

isize FN(winograd_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(tiles) p = FN(backward_tiles)(&a->s);
    return FN(tiles_scratch)(ctx, &p, 0);
}

void FN(winograd_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a)
{
    const FN(tiles) p = FN(backward_tiles)(&a->s);
    real *prepared = a->scratch;
    FN(prepare_tiles)(ctx, (FN(weights)){ &p, a->weight, 1, 1, p.channels, prepared }, NULL);
    FN(run_tiles)(ctx, &p, (FN(tiles_data)){ .source = a->dy, .positive = a->relu_y, .out = a->dx }, prepared, prepared + FN(tiles_prepared)(&p));
}

/* ---- backward by the weight ---- */

/* Tiles are turned `block` at a time by all threads together; then each thread adds to planes of its own, so the order of the sums is that of the tiles. */
static FN(tiles) FN(gradient_tiles)(const pydl_conv2d *s)
{
    FN(tiles) p = FN(forward_tiles)(s);
    p.block = GRADIENT_BYTES / (PLANES * (p.pitch + FN(columns_size)(p.columns)) * (isize)sizeof(real));
    p.block = min_isize(p.tiles, max_isize(64, min_isize(512, p.block)));
    p.blocks = ceil_div(p.tiles, max_isize(1, p.block));
    return p;
}

static isize FN(gradient_parts)(const FN(tiles) *p) { return ceil_div(p->channels, 64); }
static isize FN(room_size)(const FN(tiles) *p) { return whole_lines(PLANES * max_isize(p->pitch, FN(columns_size)(p->columns))); }

isize FN(winograd_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    const FN(tiles) p = FN(gradient_tiles)(&a->s);
    const isize size = FN(columns_size)(p.columns);
    const isize reals = whole_lines(PLANES * p.channels * size) + whole_lines(PLANES * FN(plane_size)(p.block, p.pitch))
                      + whole_lines(PLANES * FN(plane_size)(p.block, size)) + ctx->threads * FN(room_size)(&p);
    return reals * (isize)sizeof(real) + whole_lines(size) * (isize)sizeof(double) + whole_lines(2 * p.channels + p.block) * (isize)sizeof(isize);
}

ALWAYS_INLINE void FN(gradient_vector)(FN(pixels) dy, int whole, FN(vmask) mask, real *planes, isize plane)
{
    FN(vec) half[6][4], y[4], m[6];
    #pragma GCC unroll 4
    for (int q = 0; q < 4; q++) {
        #pragma GCC unroll 4
        for (int r = 0; r < 4; r++) {
            const real *from = dy.from + r * dy.row_step + q * dy.col_step;
            y[r] = whole ? FN(vload)(from) : FN(vload_mask)(from, mask);
        }
        FN(turn_gradient)(y, m);
        #pragma GCC unroll 6
        for (int r = 0; r < 6; r++) half[r][q] = m[r];
    }
    #pragma GCC unroll 6
    for (int r = 0; r < 6; r++) {
        FN(turn_gradient)(half[r], m);
        #pragma GCC unroll 6
        for (int q = 0; q < 6; q++) FN(vstore)(planes + (r * 6 + q) * plane, m[q]);
    }
}

/* planes[p][block of columns][t, o] = element p of A dy A', for one tile of 4x4 pixels. */
static void FN(transform_gradient)(const FN(tiles) *p, const real *dy, const real *positive, isize tile, isize t, real *room, real *planes, isize plane)
{
    const isize row = tile / p->tiles_w % p->tiles_h * 4, col = tile % p->tiles_w * 4;
    const isize image = tile / (p->tiles_h * p->tiles_w) * p->h_out * p->w_out * p->width;
    FN(pixels) y = FN(take_pixels)(dy + image, positive ? positive + image : NULL, p->h_out, p->w_out, p->width, row, col, 4, room);
    for (isize block = 0; block < p->columns.blocks; block++) {
        const isize first = FN(block_start)(p->columns, block), wide = FN(block_start)(p->columns, block + 1) - first;
        for (isize o = 0; o < wide; o += FN(LANES), y.from += FN(LANES)) {
            const isize count = min_isize(FN(LANES), p->width - first - o);
            real *to = planes + first * p->block + t * wide + o;
            if (count == FN(LANES)) FN(gradient_vector)(y, 1, FN(mask_of)(0), to, plane);
            else FN(gradient_vector)(y, 0, FN(mask_of)(count), to, plane);
        }
    }
}

/* One part of the rows of one plane: sum[c, o] += sum over tiles of v[t, c] * d[t, o]. */
static void FN(gradient_task)(const FN(tiles) *p, isize task, const real *v, const real *d, const isize *table, isize tiles, isize accumulate, real *sums)
{
    const FN(columns) cols = p->columns;
    const isize size = FN(columns_size)(cols), parts = FN(gradient_parts)(p), k = task / parts, part = task % parts;
    const isize c = part * p->channels / parts, count = (part + 1) * p->channels / parts - c;
    FN(columns) whole = cols;
    whole.width = size;
    for (isize block = 0; block < cols.blocks; block++) {
        const isize first = FN(block_start)(cols, block);
        FN(tile_args) t = { .a = v + k * FN(plane_size)(p->block, p->pitch), .arow = table + c, .acol = table + 2 * p->channels, .k = tiles,
                            .b = d + k * FN(plane_size)(p->block, size) + first * p->block, .accumulate = accumulate,
                            .c = sums + k * p->channels * size + first, .crow = table + p->channels + c };
        FN(run_tile)(&t, whole, block, count);
    }
}

/* dweight = G' sums G for the weights of one input channel. */
static void FN(finish_weight)(const FN(tiles) *p, isize c, const real *sums, real *dweight)
{
    const isize size = FN(columns_size)(p->columns);
    for (isize o = 0; o < size; o += FN(LANES)) {
        const FN(vmask) mask = FN(mask_of)(min_isize(FN(LANES), p->width - o));
        FN(vec) half[3][6], u[6], g[3];
        for (int q = 0; q < 6; q++) {
            #pragma GCC unroll 6
            for (int r = 0; r < 6; r++) u[r] = FN(vload)(sums + ((r * 6 + q) * p->channels + c) * size + o);
            FN(gather_weight)(u, g);
            #pragma GCC unroll 3
            for (int r = 0; r < 3; r++) half[r][q] = g[r];
        }
        for (int r = 0; r < 3; r++) {
            FN(gather_weight)(half[r], g);
            #pragma GCC unroll 3
            for (int q = 0; q < 3; q++) FN(vstore_mask)(dweight + ((r * 3 + q) * p->channels + c) * p->width + o, mask, g[q]);
        }
    }
}

typedef struct {
    const FN(tiles) *p; const FN(conv2d_backward_weight_args) *a; const isize *table;
    real *rooms; real *v; real *d; real *sums; double *bias;
} FN(gradient_data);

static void FN(gradient_team)(const void *data, isize thread, isize threads)
{
    const FN(gradient_data) *g = data;
    const FN(tiles) *p = g->p;
    const isize size = FN(columns_size)(p->columns), plane = FN(plane_size)(p->block, p->pitch), dy_plane = FN(plane_size)(p->block, size);
    real *room = g->rooms + thread * FN(room_size)(p);
    (void)threads;
    for (isize first = 0; first < p->tiles; first += p->block) {
        const isize tiles = min_isize(p->block, p->tiles - first), parts = FN(gradient_parts)(p);
        const FN(reach) next_x = FN(source_reach)(p, g->a->x, first + p->block, p->block), next_dy = FN(out_reach)(p, g->a->dy, first + p->block, p->block);
        #pragma omp for schedule(static)
        for (isize t = 0; t < tiles; t++) {
            FN(transform_tile)(p, g->a->x, NULL, first + t, room, g->v + t * p->pitch, plane);
            FN(transform_gradient)(p, g->a->dy, g->a->relu_y, first + t, t, room, g->d, dy_plane);
        }
        #pragma omp for schedule(dynamic) nowait
        for (isize task = 0; task < PLANES * parts; task++) {
            FN(gradient_task)(p, task, g->v, g->d, g->table, tiles, first > 0, g->sums);
            if (task % parts) continue;
            FN(fetch)(next_x, task / parts);
            FN(fetch)(next_dy, task / parts);
        }
        #pragma omp single
        if (g->a->dbias)                                                     /* plane (1, 1) holds the sum of each tile's 16 pixels */
            for (isize block = 0; block < p->columns.blocks; block++) {
                const isize start = FN(block_start)(p->columns, block);
                FN(sum_columns_of)(p->columns, block, g->d + 7 * dy_plane + start * p->block, tiles, g->bias + start);
            }
    }
    #pragma omp for schedule(static)
    for (isize c = 0; c < p->channels; c++) FN(finish_weight)(p, c, g->sums, g->a->dweight);
}

void FN(winograd_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a)
{
    const FN(tiles) p = FN(gradient_tiles)(&a->s);
    const isize size = FN(columns_size)(p.columns);
    double *bias = a->scratch;
    real *sums = (real *)(bias + whole_lines(size)), *v = sums + whole_lines(PLANES * p.channels * size);
    real *d = v + whole_lines(PLANES * FN(plane_size)(p.block, p.pitch)), *rooms = d + whole_lines(PLANES * FN(plane_size)(p.block, size));
    isize *table = (isize *)(rooms + ctx->threads * FN(room_size)(&p));
    memset(bias, 0, (size_t)size * sizeof(double));
    for (isize c = 0; c < p.channels; c++) { table[c] = c; table[p.channels + c] = c * size; }
    for (isize t = 0; t < p.block; t++) table[2 * p.channels + t] = t * p.pitch;
    run_team(ctx, p.tiles * p.channels * size > 65536, FN(gradient_team), &(FN(gradient_data)){ &p, a, table, rooms, v, d, sums, bias });
    if (a->dbias) for (isize o = 0; o < p.width; o++) a->dbias[o] = (real)bias[o];
}
#endif
