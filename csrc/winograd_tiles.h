/* The tiles of Winograd's passes: where their pixels are, how these are turned, and what lies ahead of them.
   A template like conv_tile.h, included by winograd.c and winograd_weight.c. */

#include "winograd_transform.h"
#include "winograd_product.h"

/* The tiles of a pass: tile (b, i, j) reads side x side pixels of source from row tile * i - top, column tile * j - left on, and makes tile x tile
   pixels of out.   With a stride, a pixel of source is stride x stride pixels of the image, and has the channels of all of them: rows of the image first, then
   what lies side by side in a row; the convolution of these pixels has stride 1, and its window `window` places a side, in which the image's own window begins
   shift_y rows and shift_x columns of the image from the corner; places around it count as 0. */
typedef struct {
    isize side; isize tile; isize window; isize planes;
    isize n; isize h; isize w; isize depth; isize stride; isize shift_y; isize shift_x;                 /* image */
    isize channels; isize top; isize left;                                       /* source */
    isize h_out; isize w_out; isize width;                                       /* out, and its channels */
    isize tiles_h; isize tiles_w; isize tiles;
    isize pitch; isize panel;                                                    /* channels in whole vectors; so many of them lie side by side */
    FN(columns) columns;
    isize block; isize blocks; isize parts;                                      /* a task: a block of tiles, for a part of the blocks of columns */
    isize most;                                                                  /* tiles of a block, whatever the threads: there is memory for them */
    isize large;                                                                 /* the weights are too large for L2: tasks are cut otherwise */
    isize sums;                                                                  /* of the gradient of the weight: partial ones */
    isize images;                                                                /* of a task, where tiles are spread; else 0 */
} FN(tiles);

static inline isize FN(whole_vectors)(isize reals) { return ceil_div(reals, FN(LANES)) * FN(LANES); }

static FN(tiles) FN(tiles_of)(isize side, isize window, isize stride, isize n, isize h, isize w, isize depth, isize top, isize left, isize h_out, isize w_out,
                              isize width)
{
    FN(tiles) p = { .side = side, .tile = side + 1 - window, .window = window, .planes = side * side, .n = n, .h = h, .w = w, .depth = depth, .stride = stride,
                    .channels = stride * stride * depth, .top = ceil_div(top, stride), .left = ceil_div(left, stride),
                    .h_out = h_out, .w_out = w_out, .width = width };
    p.shift_y = p.top * stride - top;
    p.shift_x = p.left * stride - left;
    p.tiles_h = ceil_div(h_out, p.tile);
    p.tiles_w = ceil_div(w_out, p.tile);
    p.tiles = n * p.tiles_h * p.tiles_w;
    p.pitch = FN(whole_vectors)((stride - 1) * stride * depth + FN(whole_vectors)(stride * depth));              /* as transform_tile writes them */
    p.panel = p.pitch;
    p.columns = FN(columns_of)(width);
    return p;
}

static FN(tiles) FN(tiles_forward)(const pydl_conv2d *s, isize side)
{
    return FN(tiles_of)(side, winograd_window(s), s->stride_h, s->n, s->h, s->w, s->c_in, s->pad_top, s->pad_left, s->h_out, s->w_out, s->c_out);
}

/* Where the weights of place (row, col) of the window for channel c are in the image's window (kh, kw, depth, width); -1 where there are none. */
static inline isize FN(weight_at)(const FN(tiles) *p, const pydl_conv2d *s, isize row, isize col, isize c)
{
    const isize line = p->stride * p->depth, i = row * p->stride + c / line - p->shift_y, j = col * p->stride + c % line / p->depth - p->shift_x;
    return i < 0 || j < 0 || i >= s->kh || j >= s->kw ? -1 : ((i * s->kw + j) * p->depth + c % p->depth) * p->width;
}

/* A tile: which image, and its row and column there, in tiles.  From one to the next without a division, and handed on by pointer: copied through the stack,
   its loads wait for its stores (4x32x32x16 forward 1.07x). */
typedef struct { isize image; isize row; isize col; } FN(place);

static inline FN(place) FN(place_of)(const FN(tiles) *p, isize tile)
{
    return (FN(place)){ tile / (p->tiles_h * p->tiles_w), tile / p->tiles_w % p->tiles_h, tile % p->tiles_w };
}
static inline void FN(step)(const FN(tiles) *p, FN(place) *at, isize count)                 /* no further than the next row */
{
    at->col += count;
    if (at->col < p->tiles_w) return;
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

/* The pixels of dy, of so many channels, that a forward tile made. */
static inline FN(pixels) FN(take_results)(const FN(tiles) *p, const real *dy, const real *positive, isize channels, const FN(place) *at, real *room)
{
    const isize image = at->image * p->h_out * p->w_out * channels;
    return FN(take_pixels)(dy + image, positive ? positive + image : NULL, p->h_out, p->w_out, channels, at->row * p->tile, at->col * p->tile, p->tile, room);
}

/* `count` tiles from `first` on, in images of h rows of `row` reals: `rows` of them from `above` a tile's first result on, `step` rows for each result. */
static FN(stretch) FN(reach_of)(const FN(tiles) *p, const real *images, isize h, isize row, isize step, isize above, isize rows, isize first, isize count)
{
    const isize each = p->tiles_h * p->tiles_w, last = min_isize(first + count, p->tiles) - 1, apart = p->tile * step;
    const isize from = first / each * h + max_isize(0, first / p->tiles_w % p->tiles_h * apart - above);
    const isize to = last / each * h + min_isize(h, last / p->tiles_w % p->tiles_h * apart - above + rows);
    return FN(stretch_of)(images, p->n * h * row, from * row, max_isize(0, to - from) * row);
}
static FN(stretch) FN(source_reach)(const FN(tiles) *p, const real *source, isize first, isize count)
{
    return FN(reach_of)(p, source, p->h, p->w * p->depth, p->stride, p->top * p->stride, p->side * p->stride, first, count);
}
static FN(stretch) FN(out_reach)(const FN(tiles) *p, const real *out, isize first, isize count)
{
    return FN(reach_of)(p, out, p->h_out, p->w_out * p->width, 1, 0, p->tile, first, count);
}

/* Tiles side by side overlap: the columns of a run of them are turned once, then their rows.   By three of their six columns or more, for it to pay (tiles of
   2x2 of 5x5: 1.07x forward, 1.09x by the weight; of 4x4 of 3x3 0.98x).  A run's pixels stay in L1. */
enum { FN(RUN) = 8, FN(RUN_TILE) = 3, FN(RUN_COLUMNS) = (FN(RUN) - 1) * FN(RUN_TILE) + FN(MOST_SIDE), FN(RUN_BYTES) = 16 << 10 };
static inline isize FN(run_of)(const FN(tiles) *p)
{
    if (p->stride > 1 || p->tile > FN(RUN_TILE)) return 1;
    return max_isize(1, min_isize(FN(RUN), FN(RUN_BYTES) / (p->side * p->tile * max_isize(1, p->channels) * (isize)sizeof(real))));
}

/* One vector of channels of a run.   from: its first pixel, in the image or not; of its side x columns pixels those from (top, left) before (bottom, right) are
   in the image.  whole: all rows, and a whole vector of channels, are, and all count. */
ALWAYS_INLINE void FN(transform_run)(const int side, const FN(tiles) *p, const real *from, const real *positive, isize top, isize bottom, isize left,
                                     isize right, isize count, int whole, FN(vmask) mask, real *planes, isize plane, isize pitch)
{
    real half[FN(MOST_SIDE)][FN(RUN_COLUMNS) * FN(LANES)];
    const isize columns = (count - 1) * p->tile + side, row_step = p->w * p->channels;
    FN(vec) d[FN(MOST_SIDE)], v[FN(MOST_SIDE)];
    FN(reader) in = FN(reader_of)(from + left * p->channels, row_step);
    for (isize q = 0; q < columns; q++) {
        const isize inside = q >= left && q < right;
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) {
            v[r] = FN(vzero)();
            if (!inside) continue;
            if (whole) d[r] = FN(vload)(FN(read_at)(in, r));
            else if (r < top || r >= bottom) d[r] = FN(vzero)();
            else d[r] = FN(vload_positive)(FN(read_at)(in, r), positive ? positive + (FN(read_at)(in, r) - from) : NULL, mask);
        }
        if (inside) {
            FN(turn_tile)(side, d, v);
            FN(read_on)(&in, p->channels);
        }
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) FN(vstore)(half[r] + q * FN(LANES), v[r]);
    }
    for (isize t = 0; t < count; t++, planes += pitch) {
        FN(writer) to = FN(writer_of)(planes, plane);
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) {
            #pragma GCC unroll 6
            for (int q = 0; q < side; q++) d[q] = FN(vload)(half[r] + (t * p->tile + q) * FN(LANES));
            FN(turn_tile)(side, d, v);
            FN(write_row)(&to, side, v, side * plane);
        }
    }
}

/* A run of tiles of one row. */
ALWAYS_INLINE void FN(transform_channels)(const int side, const FN(tiles) *p, const real *source, const real *positive, const FN(place) *at, isize count,
                                          isize t, real *planes, isize plane)
{
    const isize row = at->row * p->tile - p->top, col = at->col * p->tile - p->left, columns = (count - 1) * p->tile + side;
    const isize top = max_isize(0, -row), bottom = min_isize(side, p->h - row), left = min_isize(columns, max_isize(0, -col));
    const isize right = max_isize(left, min_isize(columns, p->w - col)), first = ((at->image * p->h + row) * p->w + col) * p->channels;
    for (isize c = 0; c < p->channels; c += FN(LANES)) {
        const isize within = c % p->panel, pitch = min_isize(p->panel, p->pitch - (c - within)), lanes = min_isize(FN(LANES), p->channels - c);
        real *to = planes + (c - within) * p->block + t * pitch + within;
        const real *x = source + first + c, *y = positive ? positive + first + c : NULL;
        const isize whole = !y && top == 0 && bottom == side && lanes == FN(LANES);
        if (whole && count == 1 && left == 0 && right == columns)
            FN(transform_vector)(side, (FN(pixels)){ x, p->w * p->channels, p->channels }, 1, FN(mask_of)(0), to, plane);
        else if (whole)
            FN(transform_run)(side, p, x, NULL, 0, side, left, right, count, 1, FN(mask_of)(0), to, plane, pitch);
        else FN(transform_run)(side, p, x, y, top, bottom, left, right, count, 0, FN(mask_of)(lanes), to, plane, pitch);
    }
}

/* With a stride, one tile: an image's pixels in groups of stride x stride. */
ALWAYS_INLINE void FN(transform_groups)(const int side, const FN(tiles) *p, const real *source, const real *positive, const FN(place) *at, isize t, real *room,
                                        real *planes, isize plane)
{
    const isize image = at->image * p->h * p->w * p->depth, stride = p->stride, line = stride * p->depth;
    const isize row = (at->row * p->tile - p->top) * stride, col = (at->col * p->tile - p->left) * stride;
    const FN(pixels) from = FN(take_pixels)(source + image, positive ? positive + image : NULL, p->h, p->w, p->depth, row, col, p->side * stride, room);
    for (isize y = 0; y < stride; y++) {
        FN(pixels) x = { from.from + y * from.row_step, stride * from.row_step, stride * from.col_step };
        for (isize c = y * line, lanes; c < (y + 1) * line; c += lanes, x.from += lanes) {
            const isize within = c % p->panel, first = c - within;
            real *to = planes + first * p->block + t * min_isize(p->panel, p->pitch - first) + within;
            lanes = min_isize(min_isize(FN(LANES), p->panel - within), (y + 1) * line - c);
            if (lanes == FN(LANES)) FN(transform_vector)(side, x, 1, FN(mask_of)(0), to, plane);
            else FN(transform_vector)(side, x, 0, FN(mask_of)(lanes), to, plane);
        }
    }
}

/* planes[p][panel of channels][t, c] = element p of B' d B, for `count` tiles from *at on, which goes to the tile after them.   planes: plane apart. */
static void FN(transform_tiles)(const FN(tiles) *p, const real *source, const real *positive, FN(place) *at, isize t, isize count, real *room, real *planes,
                                isize plane)
{
    const isize most = FN(run_of)(p);
    for (isize end = t + count, run; t < end; t += run, FN(step)(p, at, run)) {
        run = min_isize(min_isize(most, end - t), p->tiles_w - at->col);
        if (p->stride > 1) {
            if (p->side == 4) FN(transform_groups)(4, p, source, positive, at, t, room, planes, plane);
            else FN(transform_groups)(6, p, source, positive, at, t, room, planes, plane);
        } else if (p->side == 4) FN(transform_channels)(4, p, source, positive, at, run, t, planes, plane);
        else FN(transform_channels)(6, p, source, positive, at, run, t, planes, plane);
    }
}

/* f(side, tile, ...), with both of them constants. */
#define BY_TILE(p, f, ...) \
    do { \
        if ((p)->side == 4) f(4, 2, __VA_ARGS__); \
        else switch ((p)->tile) { \
            case 2: f(6, 2, __VA_ARGS__); break; \
            case 3: f(6, 3, __VA_ARGS__); break; \
            default: f(6, 4, __VA_ARGS__); \
        } \
    } while (0)
