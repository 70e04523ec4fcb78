/* Winograd's transforms: along one axis, then along both, on vectors of channels.   side: the pixels that a tile reads a side, and the points of its
   polynomials, 0, 1, -1, 2, -2 and infinity, or 0, 1, -1 and infinity.   tile: its results a side, side = tile + window - 1.   Constants where they are called:
   (6, 4) and (4, 2) for windows of 3x3, (6, 3) of 4x4, (6, 2) of 5x5.   Pixels are turned alike whatever the window.
   A template like conv_tile.h, included by winograd.c. */

/* ---- along one axis ---- */

#define LINE 16          /* numbers of a cache line */
enum { FN(MOST_SIDE) = 6, FN(MOST_TILE) = 4, FN(MOST_WINDOW) = 5 };

ALWAYS_INLINE void FN(turn_tile)(const int side, const FN(vec) *d, FN(vec) *v)                 /* B' d: side -> side */
{
    if (side == 4) {
        v[0] = d[0] - d[2];
        v[1] = d[1] + d[2];
        v[2] = d[2] - d[1];
        v[3] = d[3] - d[1];
        return;
    }
    const FN(vec) four = FN(vset)(4), two = FN(vset)(2), five = FN(vset)(5);
    const FN(vec) a = d[4] - four * d[2], b = d[3] - four * d[1], c = d[4] - d[2], e = two * (d[3] - d[1]);
    v[0] = FN(vfma)(four, d[0], d[4] - five * d[2]);
    v[1] = a + b;
    v[2] = a - b;
    v[3] = c + e;
    v[4] = c - e;
    v[5] = FN(vfma)(four, d[1], d[5] - five * d[3]);
}

ALWAYS_INLINE void FN(turn_back)(const int side, const int tile, const FN(vec) *m, FN(vec) *y) /* A' m: side -> tile; y[i] = sum of point^i m */
{
    const FN(vec) s = m[1] + m[2], t = m[1] - m[2];
    if (side == 4) {
        y[0] = m[0] + s;
        y[1] = t + m[3];
        return;
    }
    const FN(vec) u = m[3] + m[4], v = m[3] - m[4];
    y[0] = m[0] + s + u;
    y[1] = FN(vfma)(FN(vset)(2), v, t);
    if (tile > 2) y[2] = FN(vfma)(FN(vset)(4), u, s);
    if (tile > 3) y[3] = FN(vfma)(FN(vset)(8), v, t);
    y[tile - 1] = y[tile - 1] + m[5];
}

ALWAYS_INLINE void FN(turn_gradient)(const int side, const int tile, const FN(vec) *y, FN(vec) *m)             /* A y: tile -> side */
{
    if (side == 4) {
        m[0] = y[0];
        m[1] = y[0] + y[1];
        m[2] = y[0] - y[1];
        m[3] = y[1];
        return;
    }
    FN(vec) even = y[0], odd = y[1], even2 = y[0], odd2 = y[1];
    if (tile > 2) { even = even + y[2]; even2 = FN(vfma)(FN(vset)(4), y[2], even2); }
    if (tile > 3) { odd = odd + y[3]; odd2 = FN(vfma)(FN(vset)(4), y[3], odd2); }
    odd2 = FN(vset)(2) * odd2;
    m[0] = y[0];
    m[1] = even + odd;
    m[2] = even - odd;
    m[3] = even2 + odd2;
    m[4] = even2 - odd2;
    m[5] = y[tile - 1];
}

/* Two elements of B v, side -> side, which share terms: of pair 0 the first and the last, then the other even ones, then the other odd ones. */
ALWAYS_INLINE void FN(spread_tile)(const int side, const int pair, const FN(vec) *v, FN(vec) *first, FN(vec) *second)
{
    if (side == 4) {
        *first = v[0];
        *second = v[3];
        if (pair == 0) return;
        *first = v[1] + v[2] - v[0];
        *second = v[1] - (v[2] + v[3]);
        return;
    }
    const FN(vec) four = FN(vset)(4), five = FN(vset)(5);
    if (pair == 0) {
        *first = four * v[0];
        *second = v[5];
    } else if (pair == 1) {
        const FN(vec) a = v[1] + v[2], b = v[3] + v[4];
        *first = FN(vzero)() - FN(vfma)(five, v[0], FN(vfma)(four, a, b));
        *second = v[0] + a + b;
    } else {
        const FN(vec) a = v[1] - v[2], b = FN(vset)(2) * (v[3] - v[4]);
        *first = FN(vfma)(four, v[5] - a, FN(vzero)() - b);
        *second = a + b - five * v[5];
    }
}
ALWAYS_INLINE int FN(spread_first)(const int pair) { return pair ? 3 - pair : 0; }
ALWAYS_INLINE int FN(spread_second)(const int side, const int pair) { return side == 4 && pair ? 1 : side - 1 - pair; }

ALWAYS_INLINE void FN(turn_weight)(const int side, const int window, const FN(vec) *g, FN(vec) *u)               /* G g: window -> side */
{
    if (side == 4) {
        const FN(vec) half = FN(vset)((real)0.5), even = half * (g[0] + g[2]), odd = half * g[1];
        u[0] = g[0];
        u[1] = even + odd;
        u[2] = even - odd;
        u[3] = g[2];
        return;
    }
    const FN(vec) sixth = FN(vset)((real)(1.0 / 6)), twelfth = FN(vset)((real)(1.0 / 12)), third = FN(vset)((real)(1.0 / 3));
    FN(vec) even = g[0] + g[2], odd = g[1], even2 = FN(vfma)(FN(vset)((real)(1.0 / 24)), g[0], sixth * g[2]), odd2 = twelfth * g[1];
    if (window > 3) { odd = odd + g[3]; odd2 = FN(vfma)(third, g[3], odd2); }
    if (window > 4) { even = even + g[4]; even2 = FN(vfma)(FN(vset)((real)(2.0 / 3)), g[4], even2); }
    even = sixth * even;
    odd = sixth * odd;
    u[0] = FN(vset)((real)0.25) * g[0];
    u[1] = FN(vzero)() - (even + odd);
    u[2] = odd - even;
    u[3] = even2 + odd2;
    u[4] = even2 - odd2;
    u[5] = g[window - 1];
}

ALWAYS_INLINE void FN(gather_weight)(const int side, const int window, const FN(vec) *u, FN(vec) *g)             /* G' u: side -> window */
{
    if (side == 4) {
        const FN(vec) half = FN(vset)((real)0.5), a = half * (u[1] + u[2]);
        g[0] = u[0] + a;
        g[1] = half * (u[1] - u[2]);
        g[2] = u[3] + a;
        return;
    }
    const FN(vec) sixth = FN(vset)((real)(1.0 / 6)), a = sixth * (u[1] + u[2]), b = u[3] + u[4], c = sixth * (u[2] - u[1]), d = u[3] - u[4];
    g[0] = FN(vfma)(FN(vset)((real)0.25), u[0], FN(vfma)(FN(vset)((real)(1.0 / 24)), b, FN(vzero)() - a));
    g[1] = FN(vfma)(FN(vset)((real)(1.0 / 12)), d, c);
    g[2] = FN(vfma)(sixth, b, FN(vzero)() - a);
    if (window > 3) g[3] = FN(vfma)(FN(vset)((real)(1.0 / 3)), d, c);
    if (window > 4) g[4] = FN(vfma)(FN(vset)((real)(2.0 / 3)), b, FN(vzero)() - a);
    g[window - 1] = g[window - 1] + u[5];
}

/* ---- along both ---- */

/* Where size x size pixels lie, in an image or in a copy. */
typedef struct { const real *from; isize row_step; isize col_step; } FN(pixels);

/* Six rows by two pointers and one step, hidden from the compiler: it would compute all places before the loop over channels, and spill them (8 channels of 5x5
   1.05x, where tiles are spread 1.1x). */
typedef struct { const real *near; const real *far; isize step; } FN(reader);
ALWAYS_INLINE FN(reader) FN(reader_of)(const real *from, isize step) { return (FN(reader)){ from, from + 3 * step, step }; }
ALWAYS_INLINE const real *FN(read_at)(FN(reader) r, const int row) { return (row < 3 ? r.near : r.far) + row % 3 * r.step; }
ALWAYS_INLINE void FN(read_on)(FN(reader) *r, isize step)
{
    r->near += step;
    r->far += step;
    OPAQUE(r->near);
    OPAQUE(r->far);
}

/* The same for what is written. */
typedef struct { real *near; real *far; isize step; } FN(writer);
ALWAYS_INLINE FN(writer) FN(writer_of)(real *to, isize step) { return (FN(writer)){ to, to + 3 * step, step }; }
ALWAYS_INLINE void FN(write_row)(FN(writer) *w, const int side, const FN(vec) *v, isize step)
{
    OPAQUE(w->near);
    OPAQUE(w->far);
    #pragma GCC unroll 6
    for (int q = 0; q < side; q++) FN(vstore)((q < 3 ? w->near : w->far) + q % 3 * w->step, v[q]);
    w->near += step;
    w->far += step;
}

/* Some lanes of a vector, 0 where those of `positive` (if any) are not > 0. */
ALWAYS_INLINE FN(vec) FN(vload_positive)(const real *x, const real *positive, FN(vmask) mask)
{
    const FN(vec) all = FN(vload_mask)(x, mask), zero = FN(vzero)();
    if (!positive) return all;
    const __auto_type keep = FN(vload_mask)(positive, mask) > zero;
    return (FN(vec))((__typeof__(keep))all & keep);
}

/* planes = B' d B, for one vector of channels of side x side pixels.   planes: plane apart, also below. */
ALWAYS_INLINE void FN(transform_vector)(const int side, FN(pixels) x, int whole, FN(vmask) mask, real *planes, isize plane)
{
    FN(vec) half[FN(MOST_SIDE)][FN(MOST_SIDE)], d[FN(MOST_SIDE)], v[FN(MOST_SIDE)];
    FN(reader) from = FN(reader_of)(x.from, x.row_step);
    FN(writer) to = FN(writer_of)(planes, plane);
    #pragma GCC unroll 6
    for (int q = 0; q < side; q++, FN(read_on)(&from, x.col_step)) {
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) d[r] = whole ? FN(vload)(FN(read_at)(from, r)) : FN(vload_mask)(FN(read_at)(from, r), mask);
        FN(turn_tile)(side, d, v);
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) half[r][q] = v[r];
    }
    #pragma GCC unroll 6
    for (int r = 0; r < side; r++) {
        FN(turn_tile)(side, half[r], v);
        FN(write_row)(&to, side, v, side * plane);
    }
}

/* to = A' m A + start + skip, of which rows x cols pixels are in the image; skip may be NULL.  whole: all of them, and a whole vector of channels, are;
   2: they are stored past the caches, for which only whole lines are fast: smaller vectors are laid side by side in `to`, (tile, tile, LINE), first. */
ALWAYS_INLINE void FN(finish_vector)(const int side, const int tile, const real *planes, isize plane, FN(vec) start, const real *skip, int relu, isize rows,
                                     isize cols, isize row_step, isize col_step, int whole, FN(vmask) mask, real *to)
{
    FN(vec) half[FN(MOST_TILE)][FN(MOST_SIDE)], m[FN(MOST_SIDE)], y[FN(MOST_TILE)];
    FN(reader) from = FN(reader_of)(planes, side * plane);
    #pragma GCC unroll 6
    for (int q = 0; q < side; q++, FN(read_on)(&from, plane)) {
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) m[r] = FN(vload)(FN(read_at)(from, r));
        FN(turn_back)(side, tile, m, y);
        #pragma GCC unroll 4
        for (int r = 0; r < tile; r++) half[r][q] = y[r];
    }
    #pragma GCC unroll 4
    for (isize r = 0; r < tile; r++) {
        if (!whole && r >= rows) break;
        FN(turn_back)(side, tile, half[r], y);
        #pragma GCC unroll 4
        for (isize q = 0; q < tile; q++) {
            if (!whole && q >= cols) break;
            const isize at = r * row_step + q * col_step;
            FN(vec) sum = y[q] + start;
            if (skip) sum = sum + (whole ? FN(vload)(skip + at) : FN(vload_mask)(skip + at, mask));
            const FN(vec) out = relu ? FN(vmax)(FN(vzero)(), sum) : sum;
            if (whole == 2 && FN(LANES) < LINE) FN(vstore)(to + (r * tile + q) * LINE, out);
            else if (whole == 2) FN(vstream)(to + at, out);
            else if (whole) FN(vstore)(to + at, out);
            else FN(vstore_mask)(to + at, mask, out);
        }
    }
}

/* to += B m B', for one vector of channels of side x side pixels, of which those from (top, left) before (bottom, right) are in the image.  whole: all of
   them, and a whole vector of channels, are. */
ALWAYS_INLINE void FN(spread_vector)(const int side, const real *planes, isize plane, isize top, isize bottom, isize left, isize right, isize row_step,
                                     isize col_step, int whole, FN(vmask) mask, real *to)
{
    #pragma GCC unroll 3
    for (int pair = 0; pair < side / 2; pair++) {
        FN(vec) half[2][FN(MOST_SIDE)], m[FN(MOST_SIDE)], y[FN(MOST_SIDE)];
        FN(reader) from = FN(reader_of)(planes, side * plane);
        #pragma GCC unroll 6
        for (int q = 0; q < side; q++, FN(read_on)(&from, plane)) {
            #pragma GCC unroll 6
            for (int r = 0; r < side; r++) m[r] = FN(vload)(FN(read_at)(from, r));
            FN(spread_tile)(side, pair, m, &half[0][q], &half[1][q]);
        }
        #pragma GCC unroll 2
        for (int k = 0; k < 2; k++) {
            const int r = k ? FN(spread_second)(side, pair) : FN(spread_first)(pair);
            if (!whole && (r < top || r >= bottom)) continue;
            #pragma GCC unroll 3
            for (int p = 0; p < side / 2; p++) FN(spread_tile)(side, p, half[k], &y[FN(spread_first)(p)], &y[FN(spread_second)(side, p)]);
            real *at = to + r * row_step;
            #pragma GCC unroll 6
            for (int q = 0; q < side; q++, at += col_step) {
                OPAQUE(at);
                if (whole) FN(vstore)(at, FN(vload)(at) + y[q]);
                else if (q >= left && q < right) FN(vstore_mask)(at, mask, FN(vload_mask)(at, mask) + y[q]);
            }
        }
    }
}

/* planes = A dy A', for one vector of channels of tile x tile pixels. */
ALWAYS_INLINE void FN(gradient_vector)(const int side, const int tile, FN(pixels) dy, int whole, FN(vmask) mask, real *planes, isize plane)
{
    FN(vec) half[FN(MOST_SIDE)][FN(MOST_TILE)], y[FN(MOST_TILE)], m[FN(MOST_SIDE)];
    FN(reader) from = FN(reader_of)(dy.from, dy.row_step);
    FN(writer) to = FN(writer_of)(planes, plane);
    #pragma GCC unroll 4
    for (int q = 0; q < tile; q++, FN(read_on)(&from, dy.col_step)) {
        #pragma GCC unroll 4
        for (int r = 0; r < tile; r++) y[r] = whole ? FN(vload)(FN(read_at)(from, r)) : FN(vload_mask)(FN(read_at)(from, r), mask);
        FN(turn_gradient)(side, tile, y, m);
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) half[r][q] = m[r];
    }
    #pragma GCC unroll 6
    for (int r = 0; r < side; r++) {
        FN(turn_gradient)(side, tile, half[r], m);
        FN(write_row)(&to, side, m, side * plane);
    }
}

/* planes = G w G', for one vector of columns.   w: (window, window), place apart; turned by half a circle if turned. */
ALWAYS_INLINE void FN(turn_weights)(const int side, const int tile, const real *w, isize place, isize turned, FN(vmask) mask, real *planes, isize plane)
{
    const int window = side + 1 - tile;
    FN(vec) half[FN(MOST_SIDE)][FN(MOST_WINDOW)], g[FN(MOST_WINDOW)], u[FN(MOST_SIDE)];
    for (int q = 0; q < window; q++) {
        #pragma GCC unroll 5
        for (int r = 0; r < window; r++) g[r] = FN(vload_mask)(w + (turned ? window * window - 1 - r * window - q : r * window + q) * place, mask);
        FN(turn_weight)(side, window, g, u);
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) half[r][q] = u[r];
    }
    for (int r = 0; r < side; r++) {
        FN(turn_weight)(side, window, half[r], u);
        #pragma GCC unroll 6
        for (int q = 0; q < side; q++) FN(vstore)(planes + (r * side + q) * plane, u[q]);
    }
}

/* dw = G' sums G, or that is added to it, for one vector of columns.   dw: (window, window), place apart. */
ALWAYS_INLINE void FN(gather_weights)(const int side, const int tile, const real *sums, isize plane, FN(vmask) mask, isize accumulate, isize place, real *dw)
{
    const int window = side + 1 - tile;
    FN(vec) half[FN(MOST_WINDOW)][FN(MOST_SIDE)], u[FN(MOST_SIDE)], g[FN(MOST_WINDOW)];
    for (int q = 0; q < side; q++) {
        #pragma GCC unroll 6
        for (int r = 0; r < side; r++) u[r] = FN(vload)(sums + (r * side + q) * plane);
        FN(gather_weight)(side, window, u, g);
        #pragma GCC unroll 5
        for (int r = 0; r < window; r++) half[r][q] = g[r];
    }
    for (int r = 0; r < window; r++) {
        FN(gather_weight)(side, window, half[r], g);
        #pragma GCC unroll 5
        for (int q = 0; q < window; q++) {
            real *to = dw + (r * window + q) * place;
            if (accumulate) g[q] = g[q] + FN(vload_mask)(to, mask);
            FN(vstore_mask)(to, mask, g[q]);
        }
    }
}
