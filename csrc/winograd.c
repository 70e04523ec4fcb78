/* y = A' [(G w G') * (B' d B)] A for every tile of results, tile x tile of them (4 or 2 a side): d are the side x side pixels that they are made
   of, side = tile + 2; * is element by element, and summed over channels.
   Source: A. Lavin, S. Gray: Fast algorithms for convolutional neural networks, 2016.

   The side x side elements are 36 or 16 planes: a block of tiles is turned into as many matrices (tiles, channels), multiplied by the matrices (c_in, c_out)
   of the weights, and turned back, all of it in L2.  Backward by the input is the same with the window turned by half a circle.
   Backward by the weight is the adjoint: dw = G' [sum over tiles of (B' d B) * (A dy A')] G. */
#ifndef real
#include "internal.h"
#include "winograd.h"
#include "conv_parts.h"

/* Bytes of transformed tiles a thread works on at a time. */
#define BLOCK_BYTES ((isize)400 << 10)
/* Weights larger than this do not stay in L2 from one block of tiles to the next: a plane of them is used for as many tiles as have so many bytes of turned
   pixels and products in it, and for PLANE_TILES at least. */
#define LARGE_WEIGHTS ((isize)2 << 20)
#define PLANE_BYTES ((isize)192 << 10)
#define PLANE_TILES ((isize)128)
/* Smaller ones stay in L2, so a single image may be cut into blocks, too. */
#define SMALL_WEIGHTS ((isize)256 << 10)
/* Images smaller than this are not fetched ahead of their use: they were made a moment ago, and are in L2. */
#define IMAGES_AT_HAND ((isize)512 << 10)
/* Tiles in a block, at most. */
#define BLOCK_TILES ((isize)64)
/* Channels whose weights are turned at a time. */
#define WEIGHT_CHANNELS ((isize)32)
/* Tasks a pass is cut into, where there are so many tiles and columns. */
#define TASKS ((isize)8)
/* Parts a plane's columns are cut into, and tiles a task turns, where a plane at a time is multiplied. */
#define PLANE_PARTS ((isize)2)
#define TURNED ((isize)8)
/* Bytes of transformed tiles the gradient of the weight adds up at a time; of its partial sums, and how many of them, at most. */
#define GRADIENT_BYTES ((isize)1 << 20)
#define GRADIENT_SUMS ((isize)16)

#define EACH_REAL "winograd.c"
#include "each_real.h"
#elif REAL_IS_FLOAT                          /* nothing of it for float64, which conv.c never turns */

#include "winograd_transform.h"
#include "winograd_product.h"

/* ---- tiles ---- */

/* The tiles of a pass: tile (b, i, j) reads side x side pixels of source from row tile * i - top, column tile * j - left on, and makes tile x tile
   pixels of out. */
typedef struct {
    isize tile; isize side; isize planes;
    isize n; isize h; isize w; isize channels; isize top; isize left;            /* source */
    isize h_out; isize w_out; isize width;                                       /* out, and its channels */
    isize tiles_h; isize tiles_w; isize tiles;
    isize pitch;                                                                 /* channels in whole vectors */
    FN(columns) columns;
    isize block; isize blocks; isize parts;                                      /* a task: a block of tiles, for a part of the blocks of columns */
    isize by_planes;                                                             /* or one plane of a block of tiles, for such a part */
    isize sums;                                                                  /* of the gradient of the weight: partial ones */
} FN(tiles);

static FN(tiles) FN(tiles_of)(isize tile, isize n, isize h, isize w, isize channels, isize top, isize left, isize h_out, isize w_out, isize width)
{
    FN(tiles) p = { .tile = tile, .side = tile + 2, .planes = (tile + 2) * (tile + 2), .n = n, .h = h, .w = w, .channels = channels,
                    .top = top, .left = left, .h_out = h_out, .w_out = w_out, .width = width };
    p.tiles_h = ceil_div(h_out, tile);
    p.tiles_w = ceil_div(w_out, tile);
    p.tiles = n * p.tiles_h * p.tiles_w;
    p.pitch = ceil_div(channels, FN(LANES)) * FN(LANES);
    p.columns = FN(columns_of)(width);
    const isize bytes = (isize)sizeof(real);
    const isize fit = max_isize(8, min_isize(BLOCK_TILES, BLOCK_BYTES / (p.planes * p.pitch * bytes)));
    p.by_planes = p.planes * channels * width * bytes > LARGE_WEIGHTS;
    isize block = p.by_planes ? max_isize(PLANE_TILES, PLANE_BYTES / ((p.pitch + FN(columns_size)(p.columns)) * bytes)) : fit;
    if (p.planes * channels * width * bytes < SMALL_WEIGHTS) block = min_isize(block, max_isize(8, ceil_div(p.tiles, 4)));       /* for the threads */
    p.block = ceil_div(p.tiles, max_isize(1, ceil_div(p.tiles, block)));
    p.blocks = ceil_div(p.tiles, max_isize(1, p.block));
    p.parts = min_isize(p.columns.blocks, p.by_planes ? PLANE_PARTS : ceil_div(TASKS, max_isize(1, p.blocks)));
    return p;
}

/* A tile: which image, and its row and column there, in tiles.  From one to the next without a division, and handed on by pointer: copied through the stack,
   its loads wait for its stores (4x32x32x16 forward 1.07x). */
typedef struct { isize image; isize row; isize col; } FN(place);

static inline FN(place) FN(place_of)(const FN(tiles) *p, isize tile)
{
    return (FN(place)){ tile / (p->tiles_h * p->tiles_w), tile / p->tiles_w % p->tiles_h, tile % p->tiles_w };
}
static inline void FN(step)(const FN(tiles) *p, FN(place) *at)
{
    if (++at->col < p->tiles_w) return;
    at->col = 0;
    if (++at->row < p->tiles_h) return;
    at->row = 0;
    at->image++;
}

/* From one plane to the next: never a multiple of a power of two, for all of them would share a few lines of L1. */
static inline isize FN(plane_size)(isize rows, isize pitch) { return rows * pitch + 64 / (isize)sizeof(real); }

/* size x size pixels of `channels` from (row, col) on: where they lie in the image, or a copy of them in `room`, 0 outside of the image and
   where `positive` (if any) is not > 0.   room: (size, size, channels). */
static inline FN(pixels) FN(take_pixels)(const real *image, const real *positive, isize h, isize w, isize channels, isize row, isize col, isize size,
                                         real *room)
{
    if (!positive && row >= 0 && col >= 0 && row + size <= h && col + size <= w)
        return (FN(pixels)){ image + (row * w + col) * channels, w * channels, channels };
    FN(copy_band)(image, positive, h, w, channels, row, size, col, size, room);
    return (FN(pixels)){ room, size * channels, channels };
}

/* What tiles touch, from line to line of the cache. */
typedef struct { const real *from; isize size; } FN(reach);

/* `count` tiles from `first` on, in images of h rows of `row` reals: `rows` of them from `above` a tile's first result on. */
static FN(reach) FN(reach_of)(const FN(tiles) *p, const real *images, isize h, isize row, isize above, isize rows, isize first, isize count)
{
    const isize each = p->tiles_h * p->tiles_w, last = min_isize(first + count, p->tiles) - 1;
    if (last < first || p->n * h * row * (isize)sizeof(real) < IMAGES_AT_HAND) return (FN(reach)){ images, 0 };
    const isize from = first / each * h + max_isize(0, first / p->tiles_w % p->tiles_h * p->tile - above);
    const isize to = last / each * h + min_isize(h, last / p->tiles_w % p->tiles_h * p->tile - above + rows);
    return (FN(reach)){ images + from * row, (to - from) * row };
}
static FN(reach) FN(source_reach)(const FN(tiles) *p, const real *source, isize first, isize count)
{
    return FN(reach_of)(p, source, p->h, p->w * p->channels, p->top, p->side, first, count);
}
static FN(reach) FN(out_reach)(const FN(tiles) *p, const real *out, isize first, isize count)
{
    return FN(reach_of)(p, out, p->h_out, p->w_out * p->width, 0, p->tile, first, count);
}

/* Part i of n, fetched into L2 while planes are multiplied.  Forward, 128x32x32x16: 1.3x, and 1.16x more evenly, by each step of a sum; 8x56x56x64: 1.1x so. */
static inline FN(reach) FN(part_of)(FN(reach) r, isize i, isize n)
{
    const isize share = whole_lines(ceil_div(r.size, n)), first = min_isize(r.size, share * i);
    return (FN(reach)){ r.from + first, min_isize(share, r.size - first) };
}

ALWAYS_INLINE void FN(transform_channels)(const int size, FN(pixels) x, isize channels, real *planes, isize plane)
{
    const isize tail = channels % FN(LANES);
    for (isize c = 0; c + FN(LANES) <= channels; c += FN(LANES), x.from += FN(LANES)) FN(transform_vector)(size, x, 1, FN(mask_of)(0), planes + c, plane);
    if (tail) FN(transform_vector)(size, x, 0, FN(mask_of)(tail), planes + channels - tail, plane);
}

/* planes[p][t, c] = element p of B' d B, for one tile.   planes: plane apart. */
static void FN(transform_tile)(const FN(tiles) *p, const real *source, const real *positive, const FN(place) *at, real *room, real *planes, isize plane)
{
    const isize image = at->image * p->h * p->w * p->channels, row = at->row * p->tile - p->top, col = at->col * p->tile - p->left;
    const FN(pixels) x = FN(take_pixels)(source + image, positive ? positive + image : NULL, p->h, p->w, p->channels, row, col, p->side, room);
    if (p->tile == 2) FN(transform_channels)(2, x, p->channels, planes, plane);
    else FN(transform_channels)(4, x, p->channels, planes, plane);
}

/* What a pass reads and writes; skip, if any, lies like out and is added to it. */
typedef struct {
    const FN(tiles) *p; const real *source; const real *positive; const real *weight; const real *start; const real *skip; const isize *acol; isize relu;
    isize stream;                                                            /* whole vectors of out are stored past the caches */
    real *own; real *out;                                                    /* own: tiles_own reals for each thread */
} FN(tiles_data);

ALWAYS_INLINE void FN(finish_channels)(const int size, const FN(tiles_data) *d, const real *planes, isize plane, isize first, isize wide,
                                       isize rows, isize cols, isize at)
{
    const isize width = d->p->width, row_step = d->p->w_out * width;
    real *to = d->out + at;
    for (isize o = 0; o < wide; o += FN(LANES)) {
        const isize count = min_isize(FN(LANES), width - first - o);
        const FN(vec) from = d->start ? FN(vload)(d->start + first + o) : FN(vzero)();
        const real *skip = d->skip ? d->skip + at + o : NULL;
        if (rows == size && cols == size && count == FN(LANES) && d->stream)
            FN(finish_vector)(size, planes + o, plane, from, skip, d->relu != 0, size, size, row_step, width, 2, FN(mask_of)(0), to + o);
        else if (rows == size && cols == size && count == FN(LANES))
            FN(finish_vector)(size, planes + o, plane, from, skip, d->relu != 0, size, size, row_step, width, 1, FN(mask_of)(0), to + o);
        else FN(finish_vector)(size, planes + o, plane, from, skip, d->relu != 0, rows, cols, row_step, width, 0, FN(mask_of)(count), to + o);
    }
}

/* out = A' m A + start, for one tile and one block of columns.   m[p][t, o]: plane apart, this tile's rows. */
static void FN(finish_tile)(const FN(tiles_data) *d, const real *planes, isize plane, const FN(place) *at, isize first, isize wide)
{
    const FN(tiles) *p = d->p;
    const isize row = at->row * p->tile, col = at->col * p->tile, rows = min_isize(p->tile, p->h_out - row), cols = min_isize(p->tile, p->w_out - col);
    const isize to = ((at->image * p->h_out + row) * p->w_out + col) * p->width + first;
    if (p->tile == 2) FN(finish_channels)(2, d, planes, plane, first, wide, rows, cols, to);
    else FN(finish_channels)(4, d, planes, plane, first, wide, rows, cols, to);
}

/* ---- forward, and backward by the input ---- */

static isize FN(weight_plane)(const FN(tiles) *p) { return FN(plane_size)(FN(columns_size)(p->columns), p->channels); }
static isize FN(tiles_prepared)(const FN(tiles) *p)                          /* weights of all planes, start */
{
    return whole_lines(p->planes * FN(weight_plane)(p)) + whole_lines(FN(columns_size)(p->columns));
}
static isize FN(tiles_room)(const FN(tiles) *p) { return whole_lines(p->planes * p->pitch); }                    /* one tile's pixels */
static isize FN(tiles_own)(const FN(tiles) *p)                               /* turned tiles, products, one tile's pixels */
{
    return whole_lines(p->planes * FN(plane_size)(p->block, p->pitch)) + whole_lines(p->planes * FN(plane_size)(p->block, TILE_VECTORS * FN(LANES)))
         + FN(tiles_room)(p);
}
static isize FN(tiles_all)(const pydl_ctx *ctx, const FN(tiles) *p)          /* the same of all threads */
{
    if (!p->by_planes) return ctx->threads * FN(tiles_own)(p);
    return whole_lines(p->planes * FN(plane_size)(p->block, p->pitch)) + whole_lines(p->planes * FN(plane_size)(p->block, FN(columns_size)(p->columns)))
         + ctx->threads * FN(tiles_room)(p);
}
static isize FN(tiles_scratch)(const pydl_ctx *ctx, const FN(tiles) *p, int prepared)
{
    return ((prepared ? 0 : FN(tiles_prepared)(p)) + FN(tiles_all)(ctx, p)) * (isize)sizeof(real)
         + whole_lines(p->channels + (1 + TILE_VECTORS) * p->block) * (isize)sizeof(isize);
}

/* The weights of a pass, by place in the window, channel and column; backward by the input the window is turned, and channels and columns change places. */
typedef struct { const FN(tiles) *p; const real *weight; isize turned; real *planes; } FN(weights);

/* planes: for each plane (and each block of columns) (channels, columns of the block) = G w G'.   Some channels of one block of columns: each
   plane is written from end to end. */
static void FN(transform_weights)(const void *data, isize task, isize stop)
{
    const FN(weights) *d = data;
    const FN(tiles) *p = d->p;
    const FN(columns) cols = p->columns;
    const isize plane = FN(weight_plane)(p), place = p->channels * p->width, groups = ceil_div(p->channels, WEIGHT_CHANNELS);
    const isize block = task / groups, c_first = task % groups * WEIGHT_CHANNELS, c_stop = min_isize(c_first + WEIGHT_CHANNELS, p->channels);
    const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
    const isize step = d->turned ? FN(LANES) : p->width, apart = d->turned ? WEIGHT_CHANNELS * FN(LANES) : place, next = d->turned ? 9 * apart : FN(LANES);
    real room[TILE_VECTORS * 9 * WEIGHT_CHANNELS * FN(LANES)];               /* the same with channels and columns in their places, by vectors of columns */
    const real *w = d->turned ? room : d->weight + c_first * p->width + first;
    const isize stream = p->planes * plane > 2 * RESULTS_FAR && (uintptr_t)d->planes % 64 == 0;
    (void)stop;
    for (isize k = 0; d->turned && k < 9 * wide / FN(LANES); k++) {
        const isize o = first + k / 9 * FN(LANES);
        FN(gemm_pack_strip)(d->weight + k % 9 * place + o * p->channels + c_first, p->channels, 1, min_isize(FN(LANES), p->width - o), c_stop - c_first,
                            FN(LANES), room + k * apart);
    }
    for (isize c = c_first; c < c_stop; c++, w += step)
        for (isize o = 0; o < wide; o += FN(LANES)) {
            const FN(vmask) mask = FN(mask_of)(min_isize(FN(LANES), p->width - first - o));
            real *to = d->planes + first * p->channels + c * wide + o;
            if (p->tile == 2) FN(turn_weights)(2, w + o / FN(LANES) * next, apart, d->turned, mask, stream, to, plane);
            else FN(turn_weights)(4, w + o / FN(LANES) * next, apart, d->turned, mask, stream, to, plane);
        }
    if (stream) stream_fence();
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
    real *v = own, *m = v + whole_lines(p->planes * plane), *room = m + whole_lines(p->planes * FN(plane_size)(p->block, TILE_VECTORS * FN(LANES)));
    const isize *arow = d->acol + p->channels;
    const FN(reach) next = FN(source_reach)(p, d->source, first_tile + p->block, p->block), out = FN(out_reach)(p, d->out, first_tile, p->block);
    const FN(place) start = FN(place_of)(p, first_tile);
    FN(place) at = start;
    for (isize t = 0; t < tiles; t++, FN(step)(p, &at)) FN(transform_tile)(p, d->source, d->positive, &at, room, v + t * p->pitch, plane);
    for (isize block = part * cols.blocks / p->parts; block < (part + 1) * cols.blocks / p->parts; block++) {
        const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first, out_plane = FN(plane_size)(p->block, wide);
        const isize *crow = arow + p->block * (wide / cols.lanes);
        const FN(product) product = FN(product_of)(p->pitch, wide);
        FN(columns) whole = cols;
        whole.width = size;                                                  /* m has room for idle columns */
        for (isize k = 0; k < p->planes; k++) {
            FN(reach) ahead = { d->source, 0 };                              /* by the first block of columns */
            if (block == 0 && p->parts == 1)
                ahead = d->stream ? FN(part_of)(next, k, p->planes) : FN(part_of)(k % 2 ? next : out, k / 2, p->planes / 2);
            FN(tile_args) t = { .a = v + k * plane, .arow = arow, .acol = d->acol, .k = p->channels,
                                .b = d->weight + k * FN(weight_plane)(p) + first * p->channels, .c = m + k * out_plane, .crow = crow,
                                .ahead = ahead.from, .ahead_size = ahead.size };
            if (product) product(tiles, 1, 0, t.a, t.k, t.b, t.c, wide, t.ahead, t.ahead_size);
            else FN(run_tile)(&t, whole, block, tiles);
        }
        at = start;
        for (isize t = 0; t < tiles; t++, FN(step)(p, &at)) FN(finish_tile)(d, m + t * wide, out_plane, &at, first, wide);
    }
    if (d->stream) stream_fence();
}

/* A block of tiles of which a plane at a time is multiplied, for all columns: so the weights, which are read from far caches, are read once, and all tiles'
   planes are written and read once. */
typedef struct { const FN(tiles_data) *d; isize first, tiles; real *v, *m, *rooms; } FN(planes_data);

static FN(planes_data) FN(planes_of)(const FN(tiles_data) *d, isize block)
{
    const FN(tiles) *p = d->p;
    const isize first = block * p->block;
    real *m = d->own + whole_lines(p->planes * FN(plane_size)(p->block, p->pitch));
    return (FN(planes_data)){ d, first, min_isize(p->block, p->tiles - first), d->own, m,
                              m + whole_lines(p->planes * FN(plane_size)(p->block, FN(columns_size)(p->columns))) };
}

static void FN(turn_tiles)(const void *data, isize task, isize stop)
{
    const FN(planes_data) *b = data;
    const FN(tiles) *p = b->d->p;
    real *room = b->rooms + omp_get_thread_num() * FN(tiles_room)(p);
    FN(place) at = FN(place_of)(p, b->first + task * TURNED);
    (void)stop;
    for (isize t = task * TURNED; t < min_isize(b->tiles, (task + 1) * TURNED); t++, FN(step)(p, &at))
        FN(transform_tile)(p, b->d->source, b->d->positive, &at, room, b->v + t * p->pitch, FN(plane_size)(p->block, p->pitch));
}

static void FN(multiply_plane)(const void *data, isize task, isize stop)
{
    const FN(planes_data) *b = data;
    const FN(tiles) *p = b->d->p;
    const FN(columns) cols = p->columns;
    const isize k = task / p->parts, part = task % p->parts, begin = part * cols.blocks / p->parts, end = (part + 1) * cols.blocks / p->parts;
    const isize size = FN(columns_size)(cols), v_plane = FN(plane_size)(p->block, p->pitch), m_plane = FN(plane_size)(p->block, size);
    const isize half = ceil_div(b->tiles, 2 * TILE_ROWS) * TILE_ROWS;
    const isize *arow = b->d->acol + p->channels;
    const real *v = b->v + k * v_plane, *weight = b->d->weight + k * FN(weight_plane)(p);
    const FN(reach) next = { v + v_plane, k + 1 < p->planes ? b->tiles * p->pitch : 0 };
    FN(columns) whole = cols;
    whole.width = size;                                                      /* m has room for idle columns */
    (void)stop;
    for (isize block = begin; block < end; block++) {
        const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
        const FN(reach) share = FN(part_of)(next, block, cols.blocks);
        FN(tile_args) t = { .a = v, .arow = arow, .acol = b->d->acol, .k = p->channels, .b = weight + first * p->channels,
                            .c = b->m + k * m_plane + first, .crow = arow + p->block, .ahead_size = p->channels * wide,
                            .ahead = block + 1 < cols.blocks ? weight + (first + wide) * p->channels : weight + FN(weight_plane)(p) };
        FN(run_tile)(&t, whole, block, min_isize(half, b->tiles));
        if (half >= b->tiles) continue;
        t.ahead = share.from;                                                /* the other half fetches the next plane's turned tiles */
        t.ahead_size = share.size;
        t.arow += half;
        t.crow += half;
        FN(run_tile)(&t, whole, block, b->tiles - half);
    }
}

static void FN(finish_tiles)(const void *data, isize task, isize stop)
{
    const FN(planes_data) *b = data;
    const FN(tiles) *p = b->d->p;
    const isize size = FN(columns_size)(p->columns);
    FN(place) at = FN(place_of)(p, b->first + task * TURNED);
    (void)stop;
    for (isize t = task * TURNED; t < min_isize(b->tiles, (task + 1) * TURNED); t++, FN(step)(p, &at))
        FN(finish_tile)(b->d, b->m + t * size, FN(plane_size)(p->block, size), &at, 0, size);
    if (b->d->stream) stream_fence();
}

/* w.planes: the planes of the weights, and behind them the start of each column. */
static void FN(prepare_tiles)(const pydl_ctx *ctx, FN(weights) w, const real *bias)
{
    const FN(tiles) *p = w.p;
    const isize size = FN(columns_size)(p->columns);
    real *start = w.planes + whole_lines(p->planes * FN(weight_plane)(p));
    run_parts(ctx, p->channels * size > 4096, p->columns.blocks * ceil_div(p->channels, WEIGHT_CHANNELS), 1, FN(transform_weights), &w);
    for (isize o = 0; o < size; o++) start[o] = bias && o < p->width ? bias[o] : 0;
}

/* The pass.  d: what is read and written, but for the weights; own: what the threads work in. */
static void FN(run_tiles)(const pydl_ctx *ctx, const FN(tiles) *p, FN(tiles_data) d, const real *prepared, real *own)
{
    isize *acol = (isize *)(own + FN(tiles_all)(ctx, p)), *arow = acol + p->channels;
    for (isize c = 0; c < p->channels; c++) acol[c] = c;
    for (isize t = 0; t < p->block; t++) arow[t] = t * p->pitch;
    for (isize v = 1; v <= TILE_VECTORS; v++)                                /* where the rows of m are, for blocks of v vectors */
        for (isize t = 0; t < p->block; t++) arow[v * p->block + t] = t * v * p->columns.lanes;
    d.stream = p->n * p->h_out * p->w_out * p->width > RESULTS_FAR && (uintptr_t)d.out % 64 == 0 && p->width % FN(LANES) == 0;
    d.weight = prepared;
    d.start = prepared + whole_lines(p->planes * FN(weight_plane)(p));
    d.acol = acol;
    d.p = p;
    d.own = own;
    if (!p->by_planes) {
        run_parts(ctx, 1, p->blocks * p->parts, 1, FN(tiles_task), &d);
        return;
    }
    for (isize t = 0; t < p->block; t++) arow[p->block + t] = t * FN(columns_size)(p->columns);
    for (isize block = 0; block < p->blocks; block++) {
        const FN(planes_data) part = FN(planes_of)(&d, block);
        run_parts(ctx, 1, ceil_div(part.tiles, TURNED), 1, FN(turn_tiles), &part);
        run_parts(ctx, 1, p->planes * p->parts, 1, FN(multiply_plane), &part);
        run_parts(ctx, 1, ceil_div(part.tiles, TURNED), 1, FN(finish_tiles), &part);
    }
}

static FN(tiles) FN(forward_tiles)(const pydl_conv2d *s, isize tile)
{
    return FN(tiles_of)(tile, s->n, s->h, s->w, s->c_in, s->pad_top, s->pad_left, s->h_out, s->w_out, s->c_out);
}
static FN(tiles) FN(backward_tiles)(const pydl_conv2d *s, isize tile)
{
    return FN(tiles_of)(tile, s->n, s->h_out, s->w_out, s->c_out, 2 - s->pad_top, 2 - s->pad_left, s->h, s->w, s->c_in);
}

isize FN(winograd_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize tile)
{
    const FN(tiles) p = FN(forward_tiles)(&a->s, tile);
    return FN(tiles_scratch)(ctx, &p, a->prepared != NULL);
}

isize FN(winograd_prepared_size)(const pydl_conv2d *s, isize tile)
{
    const FN(tiles) p = FN(forward_tiles)(s, tile);
    return FN(tiles_prepared)(&p);
}

void FN(winograd_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, isize tile, const real *weight, const real *bias, real *prepared)
{
    const FN(tiles) p = FN(forward_tiles)(s, tile);
    FN(prepare_tiles)(ctx, (FN(weights)){ &p, weight, 0, prepared }, bias);
}

void FN(winograd_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize tile)
{
    const FN(tiles) p = FN(forward_tiles)(&a->s, tile);
    const FN(tiles_data) d = { .source = a->x, .skip = a->skip, .relu = a->relu, .out = a->y };
    real *prepared = a->scratch;
    if (a->prepared) {
        FN(run_tiles)(ctx, &p, d, a->prepared, a->scratch);
        return;
    }
    FN(winograd_prepare)(ctx, &a->s, tile, a->weight, a->bias, prepared);
    FN(run_tiles)(ctx, &p, d, prepared, prepared + FN(tiles_prepared)(&p));
}

isize FN(winograd_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize tile)
{
    const FN(tiles) p = FN(backward_tiles)(&a->s, tile);
    return FN(tiles_scratch)(ctx, &p, 0);
}

void FN(winograd_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize tile)
{
    const FN(tiles) p = FN(backward_tiles)(&a->s, tile);
    real *prepared = a->scratch;
    FN(prepare_tiles)(ctx, (FN(weights)){ &p, a->weight, 1, prepared }, NULL);
    FN(run_tiles)(ctx, &p, (FN(tiles_data)){ .source = a->dy, .positive = a->relu_y, .out = a->dx }, prepared, prepared + FN(tiles_prepared)(&p));
}

/* ---- backward by the weight ---- */

/* Tiles are turned `block` at a time, and the products of a block added to the planes, in the order of the tiles.  Where the planes are small the tiles are
   cut into partial sums, by the shape alone, each the work of one thread: what it turns stays in its own cache.  Two threads are 1.9 times one then,
   instead of 1.45, at 128x32x32x16. */
static isize FN(gradient_parts)(const FN(tiles) *p) { return ceil_div(p->channels, 64); }
static isize FN(gradient_size)(const FN(tiles) *p) { return whole_lines(p->planes * p->channels * FN(columns_size)(p->columns)); }
static FN(tiles) FN(gradient_tiles)(const pydl_conv2d *s, isize tile)
{
    FN(tiles) p = FN(forward_tiles)(s, tile);
    p.block = GRADIENT_BYTES / (p.planes * (p.pitch + FN(columns_size)(p.columns)) * (isize)sizeof(real));
    p.block = min_isize(p.tiles, max_isize(64, min_isize(512, p.block)));
    p.blocks = ceil_div(p.tiles, max_isize(1, p.block));
    p.sums = max_isize(1, min_isize(min_isize(GRADIENT_SUMS, p.blocks), GRADIENT_BYTES / (FN(gradient_size)(&p) * (isize)sizeof(real))));
    const isize tiles = ceil_div(p.tiles, p.sums);
    p.block = ceil_div(tiles, max_isize(1, ceil_div(tiles, max_isize(1, p.block))));
    return p;
}
static int FN(gradient_worth)(const FN(tiles) *p) { return p->tiles * p->channels * FN(columns_size)(p->columns) > 65536; }
static isize FN(room_size)(const FN(tiles) *p) { return whole_lines(p->planes * max_isize(p->pitch, FN(columns_size)(p->columns))); }
/* Reals in which a partial sum is made: turned tiles of x and of dy, and room to cut out a tile, for each of so many threads. */
static isize FN(gradient_own)(const FN(tiles) *p, isize threads)
{
    return whole_lines(p->planes * FN(plane_size)(p->block, p->pitch)) + whole_lines(p->planes * FN(plane_size)(p->block, FN(columns_size)(p->columns)))
         + threads * FN(room_size)(p);
}

isize FN(winograd_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize tile)
{
    const FN(tiles) p = FN(gradient_tiles)(&a->s, tile);
    const isize size = FN(columns_size)(p.columns), sums = p.sums;
    const isize own = sums > 1 ? owners(ctx, FN(gradient_worth)(&p), sums) * FN(gradient_own)(&p, 1) : FN(gradient_own)(&p, ctx->threads);
    return (sums * FN(gradient_size)(&p) + own) * (isize)sizeof(real) + sums * whole_lines(size) * (isize)sizeof(double)
         + whole_lines(2 * p.channels + p.block) * (isize)sizeof(isize);
}

ALWAYS_INLINE void FN(gradient_channels)(const int size, const FN(tiles) *p, FN(pixels) dy, isize t, real *planes, isize plane)
{
    for (isize block = 0; block < p->columns.blocks; block++) {
        const isize first = FN(block_start)(p->columns, block), wide = FN(block_start)(p->columns, block + 1) - first;
        for (isize o = 0; o < wide; o += FN(LANES), dy.from += FN(LANES)) {
            const isize count = min_isize(FN(LANES), p->width - first - o);
            real *to = planes + first * p->block + t * wide + o;
            if (count == FN(LANES)) FN(gradient_vector)(size, dy, 1, FN(mask_of)(0), to, plane);
            else FN(gradient_vector)(size, dy, 0, FN(mask_of)(count), to, plane);
        }
    }
}

/* planes[p][block of columns][t, o] = element p of A dy A', for one tile of tile x tile pixels. */
static void FN(transform_gradient)(const FN(tiles) *p, const real *dy, const real *positive, const FN(place) *at, isize t, real *room, real *planes, isize plane)
{
    const isize image = at->image * p->h_out * p->w_out * p->width, row = at->row * p->tile, col = at->col * p->tile;
    const FN(pixels) y = FN(take_pixels)(dy + image, positive ? positive + image : NULL, p->h_out, p->w_out, p->width, row, col, p->tile, room);
    if (p->tile == 2) FN(gradient_channels)(2, p, y, t, planes, plane);
    else FN(gradient_channels)(4, p, y, t, planes, plane);
}

/* One part of the rows of one plane: sum[c, o] += sum over tiles of v[t, c] * d[t, o].   ahead: fetched meanwhile. */
static void FN(gradient_task)(const FN(tiles) *p, isize task, const real *v, const real *d, const isize *table, isize tiles, isize accumulate, real *sums,
                              FN(reach) ahead)
{
    const FN(columns) cols = p->columns;
    const isize size = FN(columns_size)(cols), parts = FN(gradient_parts)(p), k = task / parts, part = task % parts;
    const isize c = part * p->channels / parts, count = (part + 1) * p->channels / parts - c;
    FN(columns) whole = cols;
    whole.width = size;
    for (isize block = 0; block < cols.blocks; block++) {
        const isize first = FN(block_start)(cols, block);
        const FN(reach) share = FN(part_of)(ahead, block, cols.blocks);
        FN(tile_args) t = { .a = v + k * FN(plane_size)(p->block, p->pitch), .arow = table + c, .acol = table + 2 * p->channels, .k = tiles,
                            .b = d + k * FN(plane_size)(p->block, size) + first * p->block, .accumulate = accumulate,
                            .c = sums + k * p->channels * size + first, .crow = table + p->channels + c,
                            .ahead = share.from, .ahead_size = share.size };
        const FN(product) product = FN(product_of)(1, FN(block_start)(cols, block + 1) - first);
        if (product) product(count, p->pitch, accumulate, t.a + c, t.k, t.b, t.c + c * size, size, share.from, share.size);
        else FN(run_tile)(&t, whole, block, count);
    }
}

/* dweight = G' sums G for the weights of one input channel. */
static void FN(finish_weight)(const FN(tiles) *p, isize c, const real *sums, real *dweight)
{
    const isize size = FN(columns_size)(p->columns), place = p->channels * p->width;
    for (isize o = 0; o < size; o += FN(LANES)) {
        const FN(vmask) mask = FN(mask_of)(min_isize(FN(LANES), p->width - o));
        const real *from = sums + c * size + o;
        real *to = dweight + c * p->width + o;
        if (p->tile == 2) FN(gather_weights)(2, from, p->channels * size, mask, place, to);
        else FN(gather_weights)(4, from, p->channels * size, mask, place, to);
    }
}

typedef struct {
    const pydl_ctx *ctx; const FN(tiles) *p; const FN(conv2d_backward_weight_args) *a; const isize *table; isize count; real *sums; double *bias;
} FN(gradient_data);
/* A block of tiles of a partial sum. */
typedef struct { const FN(gradient_data) *g; isize start, first, tiles; real *v, *d, *sums; } FN(gradient_block);

static void FN(turn_task)(const void *data, isize task, void *room)
{
    const FN(gradient_block) *b = data;
    const FN(tiles) *p = b->g->p;
    const isize plane = FN(plane_size)(p->block, p->pitch), dy_plane = FN(plane_size)(p->block, FN(columns_size)(p->columns));
    FN(place) at = FN(place_of)(p, b->first + task * TURNED);
    for (isize t = task * TURNED; t < min_isize(b->tiles, (task + 1) * TURNED); t++, FN(step)(p, &at)) {
        FN(transform_tile)(p, b->g->a->x, NULL, &at, room, b->v + t * p->pitch, plane);
        FN(transform_gradient)(p, b->g->a->dy, b->g->a->relu_y, &at, t, room, b->d, dy_plane);
    }
}
static void FN(product_task)(const void *data, isize task, void *own)
{
    const FN(gradient_block) *b = data;
    const FN(tiles) *p = b->g->p;
    const isize next = b->first + p->block, half = p->planes * FN(gradient_parts)(p) / 2;
    const FN(reach) ahead = task % 2 ? FN(source_reach)(p, b->g->a->x, next, p->block) : FN(out_reach)(p, b->g->a->dy, next, p->block);
    (void)own;
    FN(gradient_task)(p, task, b->v, b->d, b->g->table, b->tiles, b->first > b->start, b->sums, FN(part_of)(ahead, task / 2, half));
}

/* One partial sum, by the threads of ctx. */
static void FN(sum_tiles)(const pydl_ctx *ctx, const FN(gradient_data) *g, isize sum, real *own)
{
    const FN(tiles) *p = g->p;
    const isize start = sum * p->tiles / g->count, stop = (sum + 1) * p->tiles / g->count, size = FN(columns_size)(p->columns);
    const isize dy_plane = FN(plane_size)(p->block, size);
    real *d = own + whole_lines(p->planes * FN(plane_size)(p->block, p->pitch)), *rooms = d + whole_lines(p->planes * dy_plane);
    for (isize first = start; first < stop; first += p->block) {
        const isize tiles = min_isize(p->block, stop - first);
        const FN(gradient_block) b = { g, start, first, tiles, own, d, g->sums + sum * FN(gradient_size)(p) };
        run_tasks(ctx, FN(gradient_worth)(p), ceil_div(tiles, TURNED), FN(turn_task), &b, rooms, FN(room_size)(p) * (isize)sizeof(real));
        run_tasks(ctx, FN(gradient_worth)(p), p->planes * FN(gradient_parts)(p), FN(product_task), &b, NULL, 0);
        for (isize block = 0; g->a->dbias && block < p->columns.blocks; block++) {       /* plane (1, 1) holds the sum of each tile's pixels */
            const isize column = FN(block_start)(p->columns, block);
            FN(sum_columns_of)(p->columns, block, d + (p->side + 1) * dy_plane + column * p->block, tiles, g->bias + sum * whole_lines(size) + column);
        }
    }
}
static void FN(sum_task)(const void *data, isize sum, void *own)
{
    const FN(gradient_data) *g = data;
    pydl_ctx alone = *g->ctx;
    alone.threads = 1;
    FN(sum_tiles)(&alone, g, sum, own);
}

/* dweight for the channels start <= c < stop. */
static void FN(finish_part)(const void *data, isize start, isize stop)
{
    const FN(gradient_data) *g = data;
    const FN(tiles) *p = g->p;
    const isize size = FN(columns_size)(p->columns);
    for (isize c = start; c < stop; c++) {
        for (isize t = 1; t < g->count; t++)
            for (isize k = 0; k < p->planes; k++) {
                real *to = g->sums + (k * p->channels + c) * size;
                const real *from = to + t * FN(gradient_size)(p);
                for (isize o = 0; o < size; o++) to[o] += from[o];
            }
        FN(finish_weight)(p, c, g->sums, g->a->dweight);
    }
}

void FN(winograd_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize tile)
{
    const FN(tiles) p = FN(gradient_tiles)(&a->s, tile);
    const isize size = FN(columns_size)(p.columns), count = p.sums, lines = whole_lines(size);
    double *bias = a->scratch;
    isize *table = (isize *)(bias + count * lines);
    real *sums = (real *)(table + whole_lines(2 * p.channels + p.block)), *own = sums + count * FN(gradient_size)(&p);
    memset(bias, 0, (size_t)(count * lines) * sizeof(double));
    for (isize c = 0; c < p.channels; c++) { table[c] = c; table[p.channels + c] = c * size; }
    for (isize t = 0; t < p.block; t++) table[2 * p.channels + t] = t * p.pitch;
    const FN(gradient_data) g = { ctx, &p, a, table, count, sums, bias };
    if (count > 1) run_tasks(ctx, FN(gradient_worth)(&p), count, FN(sum_task), &g, own, FN(gradient_own)(&p, 1) * (isize)sizeof(real));
    else FN(sum_tiles)(ctx, &g, 0, own);
    run_parts(ctx, FN(gradient_worth)(&p), p.channels, 1, FN(finish_part), &g);
    for (isize o = 0; a->dbias && o < p.width; o++) {
        double total = 0;
        for (isize t = 0; t < count; t++) total += bias[t * lines + o];
        a->dbias[o] = (real)total;
    }
}
#endif
