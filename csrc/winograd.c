/* y = A' [(G w G') * (B' d B)] A for every tile of results, tile x tile of them: d are the side x side pixels that they are made of; * is element by element,
   and summed over channels.
   Source: A. Lavin, S. Gray: Fast algorithms for convolutional neural networks, 2016.

   The side x side elements are 36 or 16 planes: a block of tiles is turned into as many matrices (tiles, channels), multiplied by the matrices (c_in, c_out)
   of the weights, and turned back.  Backward by the input is the same with the window turned by half a circle; or, where that has many more tiles (dx is
   larger than dy), its adjoint: dx = sum over the forward tiles, which overlap there, of B [(G w G') * (A dy A')] B'.  Backward by the weight:
   winograd_weight.c. */
#ifndef real
#include "internal.h"
#include "winograd.h"
#include "conv_parts.h"

/* Tiles in a block that a thread works on at a time, at most; of a pass, so few that its weights are more to fetch than its images. */
#define BLOCK_TILES ((isize)64)
#define FEW_TILES ((isize)128)
/* Blocks a thread that are many enough to share as they come; tiles that a block should have, if threads share. */
#define EVEN_BLOCKS ((isize)4)
#define LEAST_TILES ((isize)8)
/* A block's bytes of turned pixels, from first to last in L2.   Weights larger than LARGE_WEIGHTS do not stay in L2 from one block to the next: a plane of
   them is used for as many tiles as have PLANE_BYTES of turned pixels and products in it, and for PLANE_TILES at least; so are those larger than FEW_WEIGHTS
   for few tiles.   Fewer lanes leave more time to fetch a plane again, on CPUs whose L2 is often smaller (Zen 2, 16x28x28x128: 1.13x). */
#define BLOCK_BYTES ((isize)440 << 10)
#ifdef __AVX512F__
#define LARGE_WEIGHTS ((isize)2 << 20)
#define FEW_WEIGHTS LARGE_WEIGHTS
#else
#define LARGE_WEIGHTS ((isize)4 << 20)
#define FEW_WEIGHTS ((isize)1 << 20)
#endif
#define PLANE_BYTES ((isize)192 << 10)
#define PLANE_TILES ((isize)128)
/* Strips of tiles' rows that are few, where a plane at a time is multiplied. */
#define FEW_STRIPS ((isize)3)
/* Tiles a task turns at most, where a plane at a time is multiplied. */
#define TURNED ((isize)8)
/* Channels whose weights are turned at a time, at most. */
#define WEIGHT_CHANNELS ((isize)32)

#define EACH_REAL "winograd.c"
#include "each_real.h"
#elif REAL_IS_FLOAT                          /* nothing of it for float64, which conv.c never turns */

#include "winograd_tiles.h"

/* p with its tiles cut into blocks: as large as they may be, all alike, and whole register tiles (on Zen 2 1.03x to 1.06x); fewer than some for each thread
   are as many as share evenly, and where there are not tiles enough for that, each block's columns are parted.  The bits are the same however it is cut.
   With threads == 1, one image of 28x28x64 1.2x, of 8x8x64 1.3x. */
static FN(tiles) FN(in_blocks)(const pydl_ctx *ctx, FN(tiles) p)
{
    const isize bytes = (isize)sizeof(real), weights = p.planes * p.channels * p.width * bytes, threads = ctx->threads;
    p.large = !p.images && weights > (p.tiles <= FEW_TILES ? FEW_WEIGHTS : LARGE_WEIGHTS);
    const isize most = p.large ? max_isize(PLANE_TILES, PLANE_BYTES / ((p.pitch + FN(columns_size)(p.columns)) * bytes))
                               : max_isize(TILE_ROWS, min_isize(BLOCK_TILES, BLOCK_BYTES / (p.planes * p.pitch * bytes)) / TILE_ROWS * TILE_ROWS);
    if (p.images) {
        p.images = ceil_div(p.n, EVEN_BLOCKS * threads);
        p.most = min_isize(p.tiles, most);
        p.block = min_isize(most, p.images * p.tiles_h * p.tiles_w);
        p.blocks = ceil_div(p.n, p.images);
        p.parts = 1;
        return p;
    }
    const isize least = max_isize(1, ceil_div(p.tiles, most)), even = ceil_div(least, threads) * threads;
    const int share = !p.large && threads > 1 && least < EVEN_BLOCKS * threads;
    p.block = ceil_div(p.tiles, share ? max_isize(least, min_isize(even, p.tiles / LEAST_TILES)) : least);
    if (!share) p.block = min_isize(p.tiles, ceil_div(p.block, TILE_ROWS) * TILE_ROWS);
    p.most = p.large ? p.block : min_isize(p.tiles, most);
    p.blocks = ceil_div(p.tiles, max_isize(1, p.block));
    p.parts = p.large ? p.columns.blocks : min_isize(p.columns.blocks, ceil_div(threads, max_isize(1, p.blocks)));
    return p;
}

static FN(tiles) FN(forward_tiles)(const pydl_ctx *ctx, const pydl_conv2d *s, isize side)
{
    return FN(in_blocks)(ctx, FN(tiles_forward)(s, side));
}
static FN(tiles) FN(backward_tiles)(const pydl_ctx *ctx, const pydl_conv2d *s, isize side)
{
    if (winograd_spreads(s, side + 1 - s->kh)) {
        FN(tiles) p = FN(tiles_forward)(s, side);
        p.images = 1;
        p.channels = s->c_out;
        p.width = s->c_in;
        p.pitch = p.panel = FN(whole_vectors)(p.channels);
        p.columns = FN(columns_of)(p.width);
        return FN(in_blocks)(ctx, p);
    }
    const isize top = s->kh - 1 - s->pad_top, left = s->kw - 1 - s->pad_left;
    return FN(in_blocks)(ctx, FN(tiles_of)(side, s->kh, 1, s->n, s->h_out, s->w_out, s->c_out, top, left, s->h, s->w, s->c_in));
}

/* ---- results ---- */

/* What a pass reads and writes; skip, if any, lies like out and is added to it. */
typedef struct {
    const FN(tiles) *p; const real *source; const real *positive; const real *weight; const real *start; const real *skip; const isize *acol; isize relu;
    isize stream;                                                            /* out is stored past the caches, where whole lines of it are made */
    real *own; real *out;                                                    /* own: tiles_all reals */
} FN(tiles_data);

ALWAYS_INLINE void FN(finish_channels)(const int side, const int tile, const FN(tiles_data) *d, const real *planes, isize plane, isize first, isize wide,
                                       isize rows, isize cols, isize at)
{
    const isize width = d->p->width, row_step = d->p->w_out * width, inside = rows == tile && cols == tile;
    real *to = d->out + at, line[FN(MOST_TILE) * FN(MOST_TILE) * LINE];
    for (isize o = 0; o < wide; o += FN(LANES)) {
        const isize count = min_isize(FN(LANES), width - first - o), in_line = o % LINE;
        const FN(vec) from = d->start ? FN(vload)(d->start + first + o) : FN(vzero)();
        const real *skip = d->skip ? d->skip + at + o : NULL;
        if (!inside || count < FN(LANES))
            FN(finish_vector)(side, tile, planes + o, plane, from, skip, d->relu != 0, rows, cols, row_step, width, 0, FN(mask_of)(count), to + o);
        else if (!d->stream)
            FN(finish_vector)(side, tile, planes + o, plane, from, skip, d->relu != 0, tile, tile, row_step, width, 1, FN(mask_of)(0), to + o);
        else {
            real *lines = FN(LANES) < LINE ? line + in_line : to + o;
            FN(finish_vector)(side, tile, planes + o, plane, from, skip, d->relu != 0, tile, tile, row_step, width, 2, FN(mask_of)(0), lines);
            if (FN(LANES) == LINE || in_line + FN(LANES) < LINE) continue;
            for (isize r = 0; r < tile; r++)
                for (isize q = 0; q < tile; q++)
                    for (isize l = 0; l < LINE; l += FN(LANES))
                        FN(vstream)(to + r * row_step + q * width + o - in_line + l, FN(vload)(line + (r * tile + q) * LINE + l));
        }
    }
}

/* out = A' m A + start, for one tile and one block of columns.   m[p][t, o]: plane apart, this tile's rows. */
static void FN(finish_tile)(const FN(tiles_data) *d, const real *planes, isize plane, const FN(place) *at, isize first, isize wide)
{
    const FN(tiles) *p = d->p;
    const isize row = at->row * p->tile, col = at->col * p->tile, rows = min_isize(p->tile, p->h_out - row), cols = min_isize(p->tile, p->w_out - col);
    const isize to = ((at->image * p->h_out + row) * p->w_out + col) * p->width + first;
    BY_TILE(p, FN(finish_channels), d, planes, plane, first, wide, rows, cols, to);
}

/* dx += B m B', for one tile and one block of columns. */
ALWAYS_INLINE void FN(spread_channels)(const int side, const FN(tiles_data) *d, const real *planes, isize plane, isize first, isize wide, isize row, isize col,
                                       real *to)
{
    const FN(tiles) *p = d->p;
    const isize top = max_isize(0, -row), left = max_isize(0, -col), bottom = min_isize(side, p->h - row), right = min_isize(side, p->w - col);
    const isize inside = top + left == 0 && bottom == side && right == side, width = p->width, row_step = p->w * width;
    for (isize o = 0; o < wide; o += FN(LANES)) {
        const isize count = min_isize(FN(LANES), width - first - o);
        if (inside && count == FN(LANES)) FN(spread_vector)(side, planes + o, plane, 0, side, 0, side, row_step, width, 1, FN(mask_of)(0), to + o);
        else FN(spread_vector)(side, planes + o, plane, top, bottom, left, right, row_step, width, 0, FN(mask_of)(count), to + o);
    }
}
static void FN(spread)(const FN(tiles_data) *d, const real *planes, isize plane, const FN(place) *at, isize first, isize wide)
{
    const FN(tiles) *p = d->p;
    const isize row = at->row * p->tile - p->top, col = at->col * p->tile - p->left;
    real *to = d->out + ((at->image * p->h + row) * p->w + col) * p->width + first;
    if (p->side == 4) FN(spread_channels)(4, d, planes, plane, first, wide, row, col, to);
    else FN(spread_channels)(6, d, planes, plane, first, wide, row, col, to);
}

/* planes[p][t, o] = element p of A dy A', for one tile of tile x tile pixels. */
ALWAYS_INLINE void FN(turn_dy_channels)(const int side, const int tile, FN(pixels) dy, isize channels, real *planes, isize plane)
{
    for (isize o = 0; o < channels; o += FN(LANES), dy.from += FN(LANES)) {
        if (o + FN(LANES) <= channels) FN(gradient_vector)(side, tile, dy, 1, FN(mask_of)(0), planes + o, plane);
        else FN(gradient_vector)(side, tile, dy, 0, FN(mask_of)(channels - o), planes + o, plane);
    }
}
static void FN(turn_dy)(const FN(tiles_data) *d, const FN(place) *at, real *room, real *planes, isize plane)
{
    const FN(tiles) *p = d->p;
    const FN(pixels) y = FN(take_results)(p, d->source, d->positive, p->channels, at, room);
    BY_TILE(p, FN(turn_dy_channels), y, p->channels, planes, plane);
}

/* ---- passes ---- */

static isize FN(weight_plane)(const FN(tiles) *p) { return FN(plane_size)(FN(columns_size)(p->columns), p->channels); }
static isize FN(tiles_prepared)(const FN(tiles) *p)                          /* weights of all planes, start */
{
    return whole_lines(p->planes * FN(weight_plane)(p)) + whole_lines(FN(columns_size)(p->columns));
}
static isize FN(tiles_room)(const FN(tiles) *p) { return whole_lines(p->planes * p->pitch); }                    /* one tile's pixels */
static isize FN(tiles_own)(const FN(tiles) *p)                               /* turned tiles, products, one tile's pixels */
{
    return whole_lines(p->planes * FN(plane_size)(p->most, p->pitch)) + whole_lines(p->planes * FN(plane_size)(p->most, TILE_VECTORS * FN(LANES)))
         + FN(tiles_room)(p);
}
static isize FN(tiles_all)(const pydl_ctx *ctx, const FN(tiles) *p)          /* the same of all threads */
{
    if (!p->large) return ctx->threads * FN(tiles_own)(p);
    return whole_lines(p->planes * FN(plane_size)(p->block, p->pitch)) + whole_lines(p->planes * FN(plane_size)(p->block, FN(columns_size)(p->columns)))
         + ctx->threads * FN(tiles_room)(p);
}
static isize FN(tiles_scratch)(const pydl_ctx *ctx, const FN(tiles) *p, int prepared)
{
    return ((prepared ? 0 : FN(tiles_prepared)(p)) + FN(tiles_all)(ctx, p)) * (isize)sizeof(real)
         + whole_lines(p->channels + (1 + TILE_VECTORS) * p->most) * (isize)sizeof(isize);
}

/* Channels whose weights are turned at a time: so many that the places of their windows fill as much room whatever the window. */
static isize FN(weight_group)(const FN(tiles) *p) { return min_isize(WEIGHT_CHANNELS, 9 * WEIGHT_CHANNELS / (p->window * p->window)); }

/* The weights of a pass, by place in the window, channel and column; backward by the input (swapped) channels and columns change places, and the window is
   turned (turned) unless tiles are spread. */
typedef struct { const FN(tiles) *p; const pydl_conv2d *s; const real *weight; isize swapped; isize turned; real *planes; } FN(weights);

/* With a stride: the weights of channel c for `wide` columns from `first` on, and the places around the window, which are 0.   room: (window, window, wide). */
static void FN(take_weights)(const FN(weights) *d, isize c, isize first, isize wide, real *room)
{
    const FN(tiles) *p = d->p;
    for (isize k = 0; k < p->window * p->window; k++, room += wide) {
        const isize at = FN(weight_at)(p, d->s, k / p->window, k % p->window, c), count = at < 0 ? 0 : min_isize(wide, p->width - first);
        if (count > 0) FN(copy_short)(d->weight + at + first, count, room);
        FN(zero_short)(wide - count, room + count);
    }
}

/* planes: for each plane (and each block of columns) (channels, columns of the block) = G w G'.   Some channels of one block of columns: each
   plane is written from end to end. */
static void FN(transform_weights)(const void *data, isize task, isize stop)
{
    const FN(weights) *d = data;
    const FN(tiles) *p = d->p;
    const FN(columns) cols = p->columns;
    const isize plane = FN(weight_plane)(p), places = p->window * p->window, place = p->channels * p->width;
    const isize group = FN(weight_group)(p), groups = ceil_div(p->channels, group), block = task / groups;
    const isize c_first = task % groups * group, c_stop = min_isize(c_first + group, p->channels);
    const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
    const isize step = d->swapped ? FN(LANES) : p->stride > 1 ? 0 : p->width, apart = d->swapped ? group * FN(LANES) : p->stride > 1 ? wide : place;
    const isize next = d->swapped ? places * apart : FN(LANES);
    real room[TILE_VECTORS * 9 * WEIGHT_CHANNELS * FN(LANES)];               /* the same with channels and columns in their places, by vectors of columns */
    real lines[36 * TILE_VECTORS * FN(LANES)];                               /* of all planes, on their way past the caches: whole lines at a time */
    const real *w = d->swapped || p->stride > 1 ? room : d->weight + c_first * p->width + first;
    const isize stream = is_far(d->planes, p->planes * plane / 2);
    (void)stop;
    for (isize k = 0; d->swapped && k < places * wide / FN(LANES); k++) {
        const isize o = first + k / places * FN(LANES);
        FN(gemm_pack_strip)(d->weight + k % places * place + o * p->channels + c_first, p->channels, 1, min_isize(FN(LANES), p->width - o), c_stop - c_first,
                            FN(LANES), room + k * apart);
    }
    for (isize c = c_first; c < c_stop; c++, w += step) {
        if (p->stride > 1) FN(take_weights)(d, c, first, wide, room);
        for (isize o = 0; o < wide; o += FN(LANES)) {
            const FN(vmask) mask = FN(mask_of)(min_isize(FN(LANES), p->width - first - o));
            real *to = stream ? lines + o : d->planes + first * p->channels + c * wide + o;
            BY_TILE(p, FN(turn_weights), w + o / FN(LANES) * next, apart, d->turned, mask, to, stream ? wide : plane);
        }
        for (isize k = 0; stream && k < p->planes; k++)
            for (isize o = 0; o < wide; o += FN(LANES))
                FN(vstream)(d->planes + k * plane + first * p->channels + c * wide + o, FN(vload)(lines + k * wide + o));
    }
    if (stream) stream_fence();
}

/* A block of tiles, for one part of the blocks of columns. */
static void FN(tiles_block)(const FN(tiles_data) *d, isize first_tile, isize tiles, isize part)
{
    const FN(tiles) *p = d->p;
    const FN(columns) cols = p->columns;
    real *own = d->own + omp_get_thread_num() * FN(tiles_own)(p);
    const isize size = FN(columns_size)(cols), spread = p->images > 0;
    const isize plane = FN(plane_size)(p->block, p->pitch);
    real *v = own, *m = v + whole_lines(p->planes * plane), *room = m + whole_lines(p->planes * FN(plane_size)(p->block, TILE_VECTORS * FN(LANES)));
    const isize *arow = d->acol + p->channels, few = p->tiles <= FEW_TILES;
    const FN(stretch) none = { d->source, 0 }, next = spread ? none : FN(source_reach)(p, d->source, first_tile + p->block, p->block);
    const FN(stretch) out = spread ? none : FN(out_reach)(p, d->out, first_tile, p->block);
    const FN(place) start = FN(place_of)(p, first_tile);
    FN(place) at = start;
    if (!spread) FN(transform_tiles)(p, d->source, d->positive, &at, 0, tiles, room, v, plane);
    else for (isize t = 0; t < tiles; t++, FN(step)(p, &at, 1)) FN(turn_dy)(d, &at, room, v + t * p->pitch, plane);
    for (isize block = part * cols.blocks / p->parts; block < (part + 1) * cols.blocks / p->parts; block++) {
        const isize first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first, out_plane = FN(plane_size)(p->block, wide);
        const isize *crow = arow + p->block * (wide / cols.lanes);
        const FN(product) product = FN(product_of)(p->pitch, wide);
        FN(columns) whole = cols;
        whole.width = size;                                                  /* m has room for idle columns */
        const real *weight = d->weight + first * p->channels;
        for (isize k = 0; k < p->planes; k++, weight += FN(weight_plane)(p)) {
            FN(stretch) ahead = none;                                        /* of few tiles, weights; else images by the first block of columns */
            if (few) ahead = (FN(stretch)){ k + 1 < p->planes ? weight + FN(weight_plane)(p) : d->weight + (first + wide) * p->channels, p->channels * wide };
            else if (block == 0) ahead = d->stream ? FN(part_of)(next, k, p->planes) : FN(part_of)(k % 2 ? next : out, k / 2, p->planes / 2);
            FN(tile_args) t = { .a = v + k * plane, .arow = arow, .acol = d->acol, .k = p->channels, .b = weight, .c = m + k * out_plane, .crow = crow,
                                .ahead = ahead };
            if (product) product(tiles, 1, 0, t.a, t.k, t.b, t.c, wide, ahead.from, ahead.size);
            else FN(run_tile)(&t, whole, block, tiles);
        }
        at = start;
        for (isize t = 0; t < tiles; t++, FN(step)(p, &at, 1))
            if (spread) FN(spread)(d, m + t * wide, out_plane, &at, first, wide);
            else FN(finish_tile)(d, m + t * wide, out_plane, &at, first, wide);
    }
}
static void FN(tiles_task)(const void *data, isize task, isize stop)
{
    const FN(tiles_data) *d = data;
    const FN(tiles) *p = d->p;
    const isize first = task / p->parts * p->block;
    (void)stop;
    FN(tiles_block)(d, first, min_isize(p->block, p->tiles - first), task % p->parts);
    if (d->stream) stream_fence();
}

/* Some images whose tiles are spread, in order: a pixel's sum is the same however many images a task has, and wherever its blocks begin. */
static void FN(images_task)(const void *data, isize task, isize stop)
{
    const FN(tiles_data) *d = data;
    const FN(tiles) *p = d->p;
    const isize each = p->tiles_h * p->tiles_w, image = p->h * p->w * p->width;
    const isize first = task * p->images, last = min_isize(p->n, first + p->images);
    (void)stop;
    memset(d->out + first * image, 0, (size_t)((last - first) * image) * sizeof(real));
    for (isize t = first * each; t < last * each; t += p->block) FN(tiles_block)(d, t, min_isize(p->block, last * each - t), 0);
}

/* A block of tiles of which a plane at a time is multiplied, for all columns: so the weights, which are read from far caches, are read once, and all tiles'
   planes are written and read once. */
typedef struct { const FN(tiles_data) *d; isize first, tiles, turns; real *v, *m, *rooms; } FN(planes_data);        /* turns: tasks that turn them */

static FN(planes_data) FN(planes_of)(const FN(tiles_data) *d, isize block, isize threads)
{
    const FN(tiles) *p = d->p;
    const isize first = block * p->block, tiles = min_isize(p->block, p->tiles - first);
    real *m = d->own + whole_lines(p->planes * FN(plane_size)(p->block, p->pitch));
    return (FN(planes_data)){ d, first, tiles, threads * ceil_div(tiles, threads * TURNED), d->own, m,
                              m + whole_lines(p->planes * FN(plane_size)(p->block, FN(columns_size)(p->columns))) };
}

static void FN(turn_tiles)(const void *data, isize task, isize stop)
{
    const FN(planes_data) *b = data;
    const FN(tiles) *p = b->d->p;
    real *room = b->rooms + omp_get_thread_num() * FN(tiles_room)(p);
    const isize from = b->tiles * task / b->turns, to = b->tiles * (task + 1) / b->turns;
    FN(place) at = FN(place_of)(p, b->first + from);
    (void)stop;
    FN(transform_tiles)(p, b->d->source, b->d->positive, &at, from, to - from, room, b->v, FN(plane_size)(p->block, p->pitch));
}

/* One plane, one block of columns. */
static void FN(multiply_plane)(const void *data, isize task, isize stop)
{
    const FN(planes_data) *b = data;
    const FN(tiles) *p = b->d->p;
    const FN(columns) cols = p->columns;
    const isize k = task / cols.blocks, block = task % cols.blocks, first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
    const isize size = FN(columns_size)(cols), v_plane = FN(plane_size)(p->block, p->pitch), m_plane = FN(plane_size)(p->block, size);
    /* The weights come with the first half of the strips, with all of so few: faster than memory gives them they would hold the products up (14x14x256 1.05x,
       7x7x512 1.06x, two images of those 1.33x). */
    const isize strips = ceil_div(b->tiles, TILE_ROWS), half = strips <= FEW_STRIPS ? b->tiles : ceil_div(b->tiles * ceil_div(strips, 2), strips);
    const isize *arow = b->d->acol + p->channels;
    const real *v = b->v + k * v_plane, *weight = b->d->weight + k * FN(weight_plane)(p);
    FN(columns) whole = cols;
    whole.width = size;                                                      /* m has room for idle columns */
    (void)stop;
    FN(tile_args) t = { .a = v, .arow = arow, .acol = b->d->acol, .k = p->channels, .b = weight + first * p->channels,
                        .c = b->m + k * m_plane + first, .crow = arow + p->block };
    t.ahead = (FN(stretch)){ block + 1 < cols.blocks ? weight + (first + wide) * p->channels : weight + FN(weight_plane)(p), p->channels * wide };
    FN(run_tile)(&t, whole, block, half);
    t.ahead = FN(part_of)((FN(stretch)){ v + v_plane, k + 1 < p->planes ? b->tiles * p->pitch : 0 }, block, cols.blocks);      /* of the next plane's tiles */
    t.arow += half;
    t.crow += half;
    FN(run_tile)(&t, whole, block, b->tiles - half);
}

static void FN(finish_tiles)(const void *data, isize task, isize stop)
{
    const FN(planes_data) *b = data;
    const FN(tiles) *p = b->d->p;
    const isize size = FN(columns_size)(p->columns);
    const isize from = b->tiles * task / b->turns, to = b->tiles * (task + 1) / b->turns;
    FN(place) at = FN(place_of)(p, b->first + from);
    (void)stop;
    for (isize t = from; t < to; t++, FN(step)(p, &at, 1))
        FN(finish_tile)(b->d, b->m + t * size, FN(plane_size)(p->block, size), &at, 0, size);
    if (b->d->stream) stream_fence();
}

/* w.planes: the planes of the weights, and behind them the start of each column. */
static void FN(prepare_tiles)(const pydl_ctx *ctx, FN(weights) w, const real *bias)
{
    const FN(tiles) *p = w.p;
    const isize size = FN(columns_size)(p->columns);
    real *start = w.planes + whole_lines(p->planes * FN(weight_plane)(p));
    run_parts(ctx, p->channels * size > 4096, p->columns.blocks * ceil_div(p->channels, FN(weight_group)(p)), 1, FN(transform_weights), &w);
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
    d.stream = !p->images && is_far(d.out, p->n * p->h_out * p->w_out * p->width) && p->width % LINE == 0 && TILE_VECTORS * FN(LANES) >= LINE;
    d.weight = prepared;
    d.start = prepared + whole_lines(p->planes * FN(weight_plane)(p));
    d.acol = acol;
    d.p = p;
    d.own = own;
    if (!p->large) {
        run_parts(ctx, 1, p->blocks * p->parts, 1, p->images ? FN(images_task) : FN(tiles_task), &d);
        return;
    }
    for (isize t = 0; t < p->block; t++) arow[p->block + t] = t * FN(columns_size)(p->columns);          /* m has all columns: one table for all blocks */
    for (isize block = 0; block < p->blocks; block++) {
        const FN(planes_data) part = FN(planes_of)(&d, block, ctx->threads);
        run_parts(ctx, 1, part.turns, 1, FN(turn_tiles), &part);
        run_parts(ctx, 1, p->planes * p->parts, 1, FN(multiply_plane), &part);
        run_parts(ctx, 1, part.turns, 1, FN(finish_tiles), &part);
    }
}

isize FN(winograd_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize side)
{
    const FN(tiles) p = FN(forward_tiles)(ctx, &a->s, side);
    return FN(tiles_scratch)(ctx, &p, a->prepared != NULL);
}

isize FN(winograd_prepared_size)(const pydl_conv2d *s, isize side)
{
    const FN(tiles) p = FN(tiles_forward)(s, side);
    return FN(tiles_prepared)(&p);
}

void FN(winograd_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, isize side, const real *weight, const real *bias, real *prepared)
{
    const FN(tiles) p = FN(tiles_forward)(s, side);
    FN(prepare_tiles)(ctx, (FN(weights)){ &p, s, weight, 0, 0, prepared }, bias);
}

void FN(winograd_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize side)
{
    const FN(tiles) p = FN(forward_tiles)(ctx, &a->s, side);
    const FN(tiles_data) d = { .source = a->x, .skip = a->skip, .relu = a->relu, .out = a->y };
    real *prepared = a->scratch;
    if (a->prepared) {
        FN(run_tiles)(ctx, &p, d, a->prepared, a->scratch);
        return;
    }
    FN(winograd_prepare)(ctx, &a->s, side, a->weight, a->bias, prepared);
    FN(run_tiles)(ctx, &p, d, prepared, prepared + FN(tiles_prepared)(&p));
}

isize FN(winograd_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize side)
{
    const FN(tiles) p = FN(backward_tiles)(ctx, &a->s, side);
    return FN(tiles_scratch)(ctx, &p, 0);
}

void FN(winograd_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize side)
{
    const FN(tiles) p = FN(backward_tiles)(ctx, &a->s, side);
    real *prepared = a->scratch;
    FN(prepare_tiles)(ctx, (FN(weights)){ &p, &a->s, a->weight, 1, !p.images, prepared }, NULL);
    FN(run_tiles)(ctx, &p, (FN(tiles_data)){ .source = a->dy, .positive = a->relu_y, .out = a->dx }, prepared, prepared + FN(tiles_prepared)(&p));
}
#endif
