/* The register tile under every convolution: a product whose left factor is gathered by two tables.

       c[crow[i] + j] = start[j] + sum over p < k of a[arow[i] + acol[p]] * b[p, j]        rows i < rows,  columns j < vectors * lanes

   Forward: i is a pixel of y, p a place in the window (tap and channel).  Backward by the input: the same with dy and the turned window.
   Backward by the weight: i is a place in the window, p a pixel.  So one tile serves all three passes, any stride, dilation
   and grouping, images whose rows end in the middle of a tile, and 1x1, without a matrix of windows in memory.

   A template: conv_tile.c includes it with V(op) naming the vector functions of simd.h and TILE(name) what is defined here. */

enum { TILE(LANES) = V_LANES };

/* One block of rows.  next: where the first of `lines` vectors lies that are fetched for each p, `step` further on for the next; every argument but t, step
   and the pointers is a constant. */
ALWAYS_INLINE void TILE(body)(const FN(tile_args) *t, const isize *arow, const isize *crow, int rows, int vectors, const real *next, isize step, int lines)
{
    V_TYPE sum[TILE_ROWS][TILE_VECTORS];
    const real *row[TILE_ROWS];
    #pragma GCC unroll 8
    for (int i = 0; i < rows; i++) row[i] = t->a + arow[i];
    const V_MASK mask = V_MASK_OF(t->tail);
    const int partial = t->tail < TILE(LANES);
    /* What the end reads and writes stands in as many lines as there are rows, far apart: it comes meanwhile. */
    if (!t->stream)
        #pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v += 64 / (int)sizeof(V_TYPE)) __builtin_prefetch(t->c + crow[i] + v * TILE(LANES), 1);
    if (t->skip)
        #pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v += 64 / (int)sizeof(V_TYPE)) __builtin_prefetch(t->skip + crow[i] + v * TILE(LANES));

    if (t->accumulate) {
        #pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                const real *from = t->c + crow[i] + v * TILE(LANES);
                sum[i][v] = partial && v == vectors - 1 ? V(load_mask)(from, mask) : V(load)(from);
            }
    } else {
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            const V_TYPE start = t->start ? V(load)(t->start + v * TILE(LANES)) : V(set)(0);
            #pragma GCC unroll 8
            for (int i = 0; i < rows; i++) sum[i][v] = start;
        }
    }

    const real *b = t->b;
    const isize *acol = t->acol, *end = acol + t->k;
#if SIMD_REGISTERS == 16
    #pragma GCC unroll 2                                               /* 64 to 192 terms 1.03x, the gradient of 1x1's weight 1.04x */
#endif
    for (; acol < end; acol++, b += vectors * TILE(LANES)) {
        const isize at = *acol;
        V_TYPE weight[TILE_VECTORS];
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) weight[v] = V(load)(b + v * TILE(LANES));
        #pragma GCC unroll 4
        for (int v = 0; v < lines; v++) __builtin_prefetch(next + v * TILE(LANES), 0, 2);
        if (lines) next += step;
        #pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            const V_TYPE x = V(set)(row[i][at]);
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sum[i][v] = V(fma)(x, weight[v], sum[i][v]);
        }
    }

    if (t->skip)
        #pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                const real *more = t->skip + crow[i] + v * TILE(LANES);
                sum[i][v] = sum[i][v] + (partial && v == vectors - 1 ? V(load_mask)(more, mask) : V(load)(more));
            }
    const V_TYPE least = V(set)(FN(least)(t->relu));
    if (partial || t->stream) {
        #pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                real *to = t->c + crow[i] + v * TILE(LANES);
                const V_TYPE y = V(max)(least, sum[i][v]);
                if (partial && v == vectors - 1) V(store_mask)(to, mask, y);
                else if (t->stream) V(stream)(to, y);
                else V(store)(to, y);
            }
        return;
    }
    #pragma GCC unroll 8                                               /* as most are: without a branch for each */
    for (int i = 0; i < rows; i++)
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) V(store)(t->c + crow[i] + v * TILE(LANES), V(max)(least, sum[i][v]));
}

ALWAYS_INLINE void TILE(block)(const FN(tile_args) *t, isize i, isize rows, int vectors, const real *next, isize step, int lines)
{
    switch (rows) {
        case 1: TILE(body)(t, t->arow + i, t->crow + i, 1, vectors, next, step, lines); break;
        case 2: TILE(body)(t, t->arow + i, t->crow + i, 2, vectors, next, step, lines); break;
        case 3: TILE(body)(t, t->arow + i, t->crow + i, 3, vectors, next, step, lines); break;
        case 4: TILE(body)(t, t->arow + i, t->crow + i, 4, vectors, next, step, lines); break;
#if TILE_ROWS > 4
        case 5: TILE(body)(t, t->arow + i, t->crow + i, 5, vectors, next, step, lines); break;
        case 6: TILE(body)(t, t->arow + i, t->crow + i, 6, vectors, next, step, lines); break;
#endif
#if TILE_ROWS > 6
        case 7: TILE(body)(t, t->arow + i, t->crow + i, 7, vectors, next, step, lines); break;
        default: TILE(body)(t, t->arow + i, t->crow + i, 8, vectors, next, step, lines); break;
#endif
    }
}

/* All rows, in blocks of up to TILE_ROWS, as even as they come: few rows would run at the latency of their sums.
   What lies ahead is fetched by all blocks, each its share of it from end to end: faster than that it would not come, and loads would wait behind it. */
ALWAYS_INLINE void TILE(sweep)(const FN(tile_args) *t, isize rows, int vectors)
{
    const isize blocks = ceil_div(rows, TILE_ROWS), most = ceil_div(rows, max_isize(1, blocks)), step = ceil_div(t->ahead.size, max_isize(1, blocks * t->k));
    const isize full = rows - blocks * (most - 1);                             /* blocks of `most` rows, before those of one row less */
    isize i = 0;
    for (isize block = 0; block < blocks; block++) {
        const isize take = most - (block >= full), at = block * t->k * step;
        if (at >= t->ahead.size) TILE(block)(t, i, take, vectors, NULL, 0, 0);
        else if (step > TILE(LANES)) TILE(block)(t, i, take, vectors, t->ahead.from + at, step, vectors);
        else TILE(block)(t, i, take, vectors, t->ahead.from + at, step, 1);
        i += take;
    }
}

static void TILE(sweep_1)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 1); }
#if TILE_VECTORS_USED > 1
static void TILE(sweep_2)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 2); }
#endif
#if TILE_VECTORS_USED > 2
static void TILE(sweep_3)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 3); }
#endif

/* to: (count, vectors * lanes) = rows of `from`, `step` apart; the last vector has `tail` columns, then 0; 0 where `positive` is not > 0. */
static void TILE(pack_rows)(const real *from, const real *positive, isize step, isize count, isize vectors, isize tail, real *to)
{
    const V_MASK mask = V_MASK_OF(tail);
    const V_TYPE zero = V(set)(0);
    for (isize i = 0; i < count; i++)
        for (isize v = 0; v < vectors; v++) {
            const isize at = i * step + v * TILE(LANES);
            V_TYPE x = v == vectors - 1 ? V(load_mask)(from + at, mask) : V(load)(from + at);
            if (positive) {
                const __auto_type keep = (v == vectors - 1 ? V(load_mask)(positive + at, mask) : V(load)(positive + at)) > zero;
                x = (V_TYPE)((__typeof__(keep))x & keep);
            }
            V(store)(to + (i * vectors + v) * TILE(LANES), x);
        }
}

/* sum[o] += rows[i, o], added up in registers over CONV_CHUNK rows at a time.   rows: (count, vectors * lanes). */
static void TILE(sum_rows)(const real *rows, isize count, isize vectors, double *sum)
{
    for (isize v = 0; v < vectors; v++)
        for (isize first = 0; first < count; first += CONV_CHUNK) {
            const isize stop = min_isize(first + CONV_CHUNK, count);
            V_TYPE part[4] = { V(set)(0), V(set)(0), V(set)(0), V(set)(0) };
            isize i = first;
            for (; i + 4 <= stop; i += 4)
                #pragma GCC unroll 4
                for (isize j = 0; j < 4; j++) part[j] += V(load)(rows + ((i + j) * vectors + v) * TILE(LANES));
            for (; i < stop; i++) part[0] += V(load)(rows + (i * vectors + v) * TILE(LANES));
            real lanes[TILE(LANES)];
            V(store)(lanes, (part[0] + part[1]) + (part[2] + part[3]));
            for (isize o = 0; o < TILE(LANES); o++) sum[v * TILE(LANES) + o] += (double)lanes[o];
        }
}
