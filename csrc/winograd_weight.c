/* Winograd's gradient of the weight, the adjoint of winograd.c's form: dw = G' [sum over tiles of (B' d B) * (A dy A')] G. */
#ifndef real
#include "internal.h"
#include "winograd.h"
#include "conv_parts.h"

/* Bytes of transformed tiles that are added up at a time; of their partial sums, and how many of them, at most. */
#define GRADIENT_BYTES ((isize)1 << 20)
#define GRADIENT_SUMS ((isize)16)
/* Tiles a task turns, where threads share them. */
#define TURNED ((isize)8)
/* Planes of sums larger than this do not stay in L2 from one block of tiles to the next: they are summed for PANEL channels and one block of columns at
   a time, over TILES tiles.   Fewer lanes leave more time to fetch a plane again (Zen 2, 16x28x28x128: 1.35x). */
#ifdef __AVX512F__
#define LARGE_SUMS ((isize)2 << 20)
#else
#define LARGE_SUMS ((isize)4 << 20)
#endif
#define PANEL ((isize)64)
#define TILES ((isize)128)

#define EACH_REAL "winograd_weight.c"
#include "each_real.h"
#elif REAL_IS_FLOAT

#include "winograd_tiles.h"

/* Tiles are turned `block` at a time, and the products of a block added to the planes, in the order of the tiles.  Where the planes are small the tiles are
   cut into partial sums, by the shape alone, each the work of one thread: what it turns stays in its own cache.  Two threads are 1.9 times one then,
   instead of 1.45, at 128x32x32x16. */
static isize FN(gradient_parts)(const FN(tiles) *p) { return ceil_div(p->channels, 64); }
static isize FN(gradient_size)(const FN(tiles) *p) { return whole_lines(p->planes * p->channels * FN(columns_size)(p->columns)); }
static FN(tiles) FN(gradient_tiles)(const pydl_conv2d *s, isize side)
{
    FN(tiles) p = FN(tiles_forward)(s, side);
    p.large = FN(gradient_size)(&p) * (isize)sizeof(real) > LARGE_SUMS
           && (p.stride == 1 || p.stride * p.depth % FN(LANES) == 0);        /* panels are of whole vectors */
    if (p.large) {
        p.panel = min_isize(PANEL, p.pitch);
        p.block = ceil_div(p.tiles, max_isize(1, ceil_div(p.tiles, TILES)));
        p.sums = 1;
        return p;
    }
    p.block = GRADIENT_BYTES / (p.planes * (p.pitch + FN(columns_size)(p.columns)) * (isize)sizeof(real));
    p.block = min_isize(p.tiles, max_isize(64, min_isize(512, p.block)));
    p.blocks = ceil_div(p.tiles, max_isize(1, p.block));
    p.sums = max_isize(1, min_isize(min_isize(GRADIENT_SUMS, p.blocks), GRADIENT_BYTES / (FN(gradient_size)(&p) * (isize)sizeof(real))));
    const isize tiles = ceil_div(p.tiles, p.sums);
    p.block = ceil_div(tiles, max_isize(1, ceil_div(tiles, max_isize(1, p.block))));
    return p;
}
static int FN(gradient_worth)(const FN(tiles) *p) { return p->tiles * p->channels * FN(columns_size)(p->columns) > 65536; }
/* Planes of sums of a task, if large. */
static isize FN(window_size)(const FN(tiles) *p) { return whole_lines(p->planes * FN(plane_size)(p->panel, TILE_VECTORS * FN(LANES))); }
static isize FN(room_size)(const FN(tiles) *p)
{
    const isize size = whole_lines(p->planes * max_isize(p->pitch, FN(columns_size)(p->columns)));
    return p->large ? max_isize(size, FN(window_size)(p)) : size;
}
/* Reals in which a partial sum is made: turned tiles of x and of dy, and room to cut out a tile, for each of so many threads. */
static isize FN(gradient_own)(const FN(tiles) *p, isize threads)
{
    return whole_lines(p->planes * FN(plane_size)(p->block, p->pitch)) + whole_lines(p->planes * FN(plane_size)(p->block, FN(columns_size)(p->columns)))
         + threads * FN(room_size)(p);
}

/* Places for run_tile.  If large: of channels in a panel, of rows of sums for blocks of 1, 2, 3 vectors, of tiles in whole panels and in the last one;
   else of channels, of rows of sums, of tiles. */
static isize FN(table_size)(const FN(tiles) *p)
{
    return whole_lines(p->large ? (1 + TILE_VECTORS) * p->panel + 2 * p->block : 2 * p->channels + p->block);
}
static void FN(make_table)(const FN(tiles) *p, isize *table)
{
    const isize size = FN(columns_size)(p->columns), last = p->pitch - (p->pitch - 1) / p->panel * p->panel;
    if (p->large) {
        for (isize c = 0; c < p->panel; c++) *table++ = c;
        for (isize v = 1; v <= TILE_VECTORS; v++)
            for (isize c = 0; c < p->panel; c++) *table++ = c * v * p->columns.lanes;
        for (isize t = 0; t < p->block; t++) *table++ = t * p->panel;
        for (isize t = 0; t < p->block; t++) *table++ = t * last;
        return;
    }
    for (isize c = 0; c < p->channels; c++) *table++ = c;
    for (isize c = 0; c < p->channels; c++) *table++ = c * size;
    for (isize t = 0; t < p->block; t++) *table++ = t * p->pitch;
}

isize FN(winograd_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize side)
{
    const FN(tiles) p = FN(gradient_tiles)(&a->s, side);
    const isize size = FN(columns_size)(p.columns), sums = p.sums;
    const isize own = sums > 1 ? owners(ctx, FN(gradient_worth)(&p), sums) * FN(gradient_own)(&p, 1) : FN(gradient_own)(&p, ctx->threads);
    return ((p.large ? 0 : sums * FN(gradient_size)(&p)) + own) * (isize)sizeof(real) + sums * whole_lines(size) * (isize)sizeof(double)
         + FN(table_size)(&p) * (isize)sizeof(isize);
}

ALWAYS_INLINE void FN(gradient_channels)(const int side, const int tile, const FN(tiles) *p, FN(pixels) dy, isize t, real *planes, isize plane)
{
    for (isize block = 0; block < p->columns.blocks; block++) {
        const isize first = FN(block_start)(p->columns, block), wide = FN(block_start)(p->columns, block + 1) - first;
        for (isize o = 0; o < wide; o += FN(LANES), dy.from += FN(LANES)) {
            const isize count = min_isize(FN(LANES), p->width - first - o);
            real *to = planes + first * p->block + t * wide + o;
            if (count == FN(LANES)) FN(gradient_vector)(side, tile, dy, 1, FN(mask_of)(0), to, plane);
            else FN(gradient_vector)(side, tile, dy, 0, FN(mask_of)(count), to, plane);
        }
    }
}

/* planes[p][block of columns][t, o] = element p of A dy A', for one tile of tile x tile pixels. */
static void FN(transform_gradient)(const FN(tiles) *p, const real *dy, const real *positive, const FN(place) *at, isize t, real *room, real *planes,
                                   isize plane)
{
    const FN(pixels) y = FN(take_results)(p, dy, positive, p->width, at, room);
    BY_TILE(p, FN(gradient_channels), p, y, t, planes, plane);
}

/* One part of the rows of one plane: sum[c, o] += sum over tiles of v[t, c] * d[t, o].   ahead: fetched meanwhile. */
static void FN(gradient_task)(const FN(tiles) *p, isize task, const real *v, const real *d, const isize *table, isize tiles, isize accumulate, real *sums,
                              FN(stretch) ahead)
{
    const FN(columns) cols = p->columns;
    const isize size = FN(columns_size)(cols), parts = FN(gradient_parts)(p), k = task / parts, part = task % parts;
    const isize c = part * p->channels / parts, count = (part + 1) * p->channels / parts - c;
    FN(columns) whole = cols;
    whole.width = size;
    for (isize block = 0; block < cols.blocks; block++) {
        const isize first = FN(block_start)(cols, block);
        const FN(stretch) share = FN(part_of)(ahead, block, cols.blocks);
        FN(tile_args) t = { .a = v + k * FN(plane_size)(p->block, p->pitch), .arow = table + c, .acol = table + 2 * p->channels, .k = tiles,
                            .b = d + k * FN(plane_size)(p->block, size) + first * p->block, .accumulate = accumulate,
                            .c = sums + k * p->channels * size + first, .crow = table + p->channels + c,
                            .ahead = share };
        const FN(product) product = FN(product_of)(1, FN(block_start)(cols, block + 1) - first);
        if (product) product(count, p->pitch, accumulate, t.a + c, t.k, t.b, t.c + c * size, size, share.from, share.size);
        else FN(run_tile)(&t, whole, block, count);
    }
}

/* With a stride: the places of the window that are the image's own go to their places in dweight. */
static void FN(put_weights)(const FN(tiles) *p, const pydl_conv2d *s, isize c, const real *places, isize first, isize count, isize accumulate, real *dweight)
{
    for (isize k = 0; k < p->window * p->window; k++, places += FN(LANES)) {
        const isize at = FN(weight_at)(p, s, k / p->window, k % p->window, c);
        for (isize o = 0; at >= 0 && o < count; o++) dweight[at + first + o] = (accumulate ? dweight[at + first + o] : 0) + places[o];
    }
}

/* dweight = G' sums G, or that is added to it, for the weights of channel c and `wide` columns from `first` on.   sums: plane apart. */
static void FN(gather)(const FN(tiles) *p, const pydl_conv2d *s, isize c, isize first, isize wide, isize accumulate, const real *sums, isize plane,
                       real *dweight)
{
    const isize place = p->channels * p->width, places = p->window * p->window;
    real room[FN(MOST_WINDOW) * FN(MOST_WINDOW) * FN(LANES)];
    for (isize o = 0; o < wide; o += FN(LANES)) {
        const isize count = min_isize(FN(LANES), p->width - first - o);
        real *to = dweight + c * p->width + first + o;
        if (p->stride > 1) {
            BY_TILE(p, FN(gather_weights), sums + o, plane, FN(mask_of)(FN(LANES)), 0, FN(LANES), room);
            FN(put_weights)(p, s, c, room, first + o, count, accumulate, dweight);
            continue;
        }
        for (isize k = 0; k < places; k++) __builtin_prefetch(to + k * place + 2 * p->width, 1, 3);  /* no prefetcher of a CPU follows so short rows */
        BY_TILE(p, FN(gather_weights), sums + o, plane, FN(mask_of)(count), accumulate, place, to);
    }
}

typedef struct {
    const pydl_ctx *ctx; const FN(tiles) *p; const FN(conv2d_backward_weight_args) *a; const isize *table; isize count; real *sums; double *bias;
} FN(gradient_data);
/* A block of tiles of a partial sum; so many of them are turned at a time. */
typedef struct { const FN(gradient_data) *g; isize start, first, tiles, turned; real *v, *d, *sums; } FN(gradient_block);

static void FN(turn_task)(const void *data, isize task, void *room)
{
    const FN(gradient_block) *b = data;
    const FN(tiles) *p = b->g->p;
    const isize plane = FN(plane_size)(p->block, p->pitch), dy_plane = FN(plane_size)(p->block, FN(columns_size)(p->columns));
    const isize from = task * b->turned, to = min_isize(b->tiles, from + b->turned);
    FN(place) at = FN(place_of)(p, b->first + from);
    const FN(place) start = at;
    FN(transform_tiles)(p, b->g->a->x, NULL, &at, from, to - from, room, b->v, plane);
    at = start;
    for (isize t = from; t < to; t++, FN(step)(p, &at, 1)) FN(transform_gradient)(p, b->g->a->dy, b->g->a->relu_y, &at, t, room, b->d, dy_plane);
}
static void FN(product_task)(const void *data, isize task, void *own)
{
    const FN(gradient_block) *b = data;
    const FN(tiles) *p = b->g->p;
    const isize next = b->first + p->block, half = p->planes * FN(gradient_parts)(p) / 2;
    const FN(stretch) ahead = task % 2 ? FN(source_reach)(p, b->g->a->x, next, p->block) : FN(out_reach)(p, b->g->a->dy, next, p->block);
    (void)own;
    FN(gradient_task)(p, task, b->v, b->d, b->g->table, b->tiles, b->first > b->start, b->sums, FN(part_of)(ahead, task / 2, half));
}

/* One block of columns of dweight, for one panel of channels: all planes of sums in L2, over the tiles of b.  8x14x14x512: 1.4x the speed of a plane at a time
   for all channels. */
static void FN(window_task)(const void *data, isize task, void *own)
{
    const FN(gradient_block) *b = data;
    const FN(tiles) *p = b->g->p;
    const FN(columns) cols = p->columns;
    const isize block = task % cols.blocks, first = FN(block_start)(cols, block), wide = FN(block_start)(cols, block + 1) - first;
    const isize c = task / cols.blocks * p->panel, rows = min_isize(p->panel, p->pitch - c), most = rows * 3 / 4 / TILE_ROWS * TILE_ROWS;
    const isize v_plane = FN(plane_size)(p->block, p->pitch), d_plane = FN(plane_size)(p->block, FN(columns_size)(cols)), plane = FN(plane_size)(rows, wide);
    const isize *arow = b->g->table, *crow = arow + wide / cols.lanes * p->panel, *acol = arow + (1 + TILE_VECTORS) * p->panel;
    const real *v = b->v + c * p->block, *d = b->d + first * p->block;
    real *sums = own;
    FN(columns) whole = cols;
    whole.width = FN(columns_size)(cols);                                    /* sums have room for idle columns */
    for (isize k = 0; k < p->planes; k++, v += v_plane, d += d_plane) {
        const isize fetched = k + 1 < p->planes ? b->tiles : 0;              /* of the next plane */
        FN(tile_args) t = { .a = v, .arow = arow, .acol = acol + (rows < p->panel ? p->block : 0), .k = b->tiles, .b = d, .c = sums + k * plane, .crow = crow,
                            .ahead = { v + v_plane, fetched * rows } };
        FN(run_tile)(&t, whole, block, most);
        t.a += most;
        t.crow += most;
        t.ahead = (FN(stretch)){ d + d_plane, fetched * wide };
        FN(run_tile)(&t, whole, block, rows - most);
    }
    for (isize i = 0; i < min_isize(rows, p->channels - c); i++)
        FN(gather)(p, &b->g->a->s, c + i, first, wide, b->first > b->start, sums + i * wide, plane, b->g->a->dweight);
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
        const isize turned = ctx->threads > 1 ? TURNED : tiles;
        const FN(gradient_block) b = { g, start, first, tiles, turned, own, d, g->sums + sum * FN(gradient_size)(p) };
        run_tasks(ctx, FN(gradient_worth)(p), ceil_div(tiles, turned), FN(turn_task), &b, rooms, FN(room_size)(p) * (isize)sizeof(real));
        const isize windows = ceil_div(p->pitch, p->panel) * p->columns.blocks;
        if (p->large) run_tasks(ctx, 1, windows, FN(window_task), &b, rooms, FN(room_size)(p) * (isize)sizeof(real));
        else run_tasks(ctx, FN(gradient_worth)(p), p->planes * FN(gradient_parts)(p), FN(product_task), &b, NULL, 0);
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
        FN(gather)(p, &g->a->s, c, 0, size, 0, g->sums + c * size, p->channels * size, g->a->dweight);
    }
}

void FN(winograd_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize side)
{
    const FN(tiles) p = FN(gradient_tiles)(&a->s, side);
    const isize size = FN(columns_size)(p.columns), count = p.sums, lines = whole_lines(size);
    double *bias = a->scratch;
    isize *table = (isize *)(bias + count * lines);
    real *sums = (real *)(table + FN(table_size)(&p)), *own = sums + (p.large ? 0 : count * FN(gradient_size)(&p));
    memset(bias, 0, (size_t)(count * lines) * sizeof(double));
    FN(make_table)(&p, table);
    const FN(gradient_data) g = { ctx, &p, a, table, count, sums, bias };
    if (count > 1) run_tasks(ctx, FN(gradient_worth)(&p), count, FN(sum_task), &g, own, FN(gradient_own)(&p, 1) * (isize)sizeof(real));
    else FN(sum_tiles)(ctx, &g, 0, own);
    if (!p.large) run_parts(ctx, FN(gradient_worth)(&p), p.channels, 1, FN(finish_part), &g);
    for (isize o = 0; a->dbias && o < p.width; o++) {
        double total = 0;
        for (isize t = 0; t < count; t++) total += bias[t * lines + o];
        a->dbias[o] = (real)total;
    }
}
#endif
