/* The register tile under every convolution: a product whose left factor is gathered by two tables.

       c[crow[i] + j] = start[j] + sum over p < k of a[arow[i] + acol[p]] * b[p, j]        rows i < rows,  columns j < vectors * lanes

   Forward: i is a pixel of y, p a place in the window (tap and channel).  Backward by the input: the same with dy and the turned window.
   Backward by the weight: i is a place in the window, p a pixel.  So one tile serves all three passes, any stride, dilation
   and grouping, images whose rows end in the middle of a tile, and 1x1, without a matrix of windows in memory.

   A template: conv_tile.c includes it with V(op) naming the vector functions of simd.h and TILE(name) what is defined here. */

enum { TILE(LANES) = V_LANES };

/* `count` blocks of `rows` rows from row i on: one below the other, or the same rows and block beside block.  next: where the first of `lines` vectors lies that
   are fetched for each p, `step` further on for the next; every argument but t, i, count, step and the pointers is a constant.
   Little is done between two blocks: there multipliers wait.  So t is read where it is needed, and little is carried from block to block: GCC would keep
   that in registers, and in memory the pointers the next sum begins with (1x1, 64 channels: 24 cycles between two blocks, once 42). */
ALWAYS_INLINE void TILE(body)(const FN(tile_args) *t, isize i, isize count, int rows, int vectors, int beside, const real *next, isize step, int lines)
{
    const real *row[TILE_ROWS], *b = t->b;
    isize j = 0;                                                       /* the first column of a block */
    if (beside)
        #pragma GCC unroll 8
        for (int r = 0; r < rows; r++) row[r] = t->a + t->arow[i + r];
    for (; count > 0; count--) {
        V_TYPE sum[TILE_ROWS][TILE_VECTORS];
        if (!beside) {
            b = t->b;
            #pragma GCC unroll 8
            for (int r = 0; r < rows; r++) row[r] = t->a + t->arow[i + r];
        }
        /* What the end reads and writes stands in as many lines as there are rows, far apart: it comes meanwhile.  Beside each other, its next lines follow. */
        if (!beside && !t->stream)
            #pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                real *const to = t->c + t->crow[i + r];
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v += 64 / (int)sizeof(V_TYPE)) __builtin_prefetch(to + v * TILE(LANES), 1);
            }
        if (t->skip)
            #pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v += 64 / (int)sizeof(V_TYPE)) __builtin_prefetch(t->skip + j + t->crow[i + r] + v * TILE(LANES));

        if (t->accumulate) {
            const V_MASK mask = V_MASK_OF(t->tail);
            const isize partial = t->tail < TILE(LANES);
            #pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) {
                    const real *from = t->c + j + t->crow[i + r] + v * TILE(LANES);
                    sum[r][v] = partial && v == vectors - 1 ? V(load_mask)(from, mask) : V(load)(from);
                }
        } else {
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                const V_TYPE first = t->start ? V(load)(t->start + j + v * TILE(LANES)) : V(set)(0);
                #pragma GCC unroll 8
                for (int r = 0; r < rows; r++) sum[r][v] = first;
            }
        }

        const isize *acol = t->acol, *const end = acol + t->k;
#if SIMD_REGISTERS == 16
        #pragma GCC unroll 2                                           /* 64 to 192 terms 1.03x, the gradient of 1x1's weight 1.04x */
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
            for (int r = 0; r < rows; r++) {
                const V_TYPE x = V(set)(row[r][at]);
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) sum[r][v] = V(fma)(x, weight[v], sum[r][v]);
            }
        }

        const isize *crow = t->crow + i, partial = t->tail < TILE(LANES), stream = t->stream;
        real *const c = t->c + j;
        if (t->skip) {
            const V_MASK mask = V_MASK_OF(t->tail);
            #pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) {
                    const real *more = t->skip + j + crow[r] + v * TILE(LANES);
                    sum[r][v] = sum[r][v] + (partial && v == vectors - 1 ? V(load_mask)(more, mask) : V(load)(more));
                }
        }
        if (t->relu)
            #pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) sum[r][v] = V(max)(V(set)(0), sum[r][v]);
        if (partial || stream) {
            const V_MASK mask = V_MASK_OF(t->tail);
            #pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                real *const to = c + crow[r];
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++)
                    if (partial && v == vectors - 1) V(store_mask)(to + v * TILE(LANES), mask, sum[r][v]);
                    else if (stream) V(stream)(to + v * TILE(LANES), sum[r][v]);
                    else V(store)(to + v * TILE(LANES), sum[r][v]);
            }
        } else {
            #pragma GCC unroll 8                                       /* as most are: without a branch for each */
            for (int r = 0; r < rows; r++) {
                real *const to = c + crow[r];
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) V(store)(to + v * TILE(LANES), sum[r][v]);
            }
        }
        if (beside) j += vectors * TILE(LANES);
        else i += rows;
    }
}

ALWAYS_INLINE void TILE(blocks)(const FN(tile_args) *t, isize i, isize count, isize rows, int vectors, int beside, const real *next, isize step, int lines)
{
    switch (rows) {
        case 1: TILE(body)(t, i, count, 1, vectors, beside, next, step, lines); break;
        case 2: TILE(body)(t, i, count, 2, vectors, beside, next, step, lines); break;
        case 3: TILE(body)(t, i, count, 3, vectors, beside, next, step, lines); break;
        case 4: TILE(body)(t, i, count, 4, vectors, beside, next, step, lines); break;
#if TILE_ROWS > 4
        case 5: TILE(body)(t, i, count, 5, vectors, beside, next, step, lines); break;
        case 6: TILE(body)(t, i, count, 6, vectors, beside, next, step, lines); break;
#endif
#if TILE_ROWS > 6
        case 7: TILE(body)(t, i, count, 7, vectors, beside, next, step, lines); break;
        default: TILE(body)(t, i, count, 8, vectors, beside, next, step, lines); break;
#endif
    }
}

/* All rows, in blocks of up to TILE_ROWS, as even as they come: few rows would run at the latency of their sums.
   What lies ahead is fetched by all blocks, each its share of it from end to end: faster than that it would not come, and loads would wait behind it. */
ALWAYS_INLINE void TILE(sweep)(const FN(tile_args) *t, isize rows, int vectors, int beside)
{
    const isize blocks = ceil_div(rows, TILE_ROWS), most = ceil_div(rows, max_isize(1, blocks));
    const isize full = rows - blocks * (most - 1);                             /* blocks of `most` rows, before those of one row less */
    const isize terms = max_isize(1, (beside ? t->across : 1) * t->k), step = ceil_div(t->ahead.size, max_isize(1, blocks * terms));
    const isize fetching = step ? ceil_div(t->ahead.size, step * terms) : 0;   /* so many blocks fetch something */
    isize i = 0;
    for (isize block = 0, down; block < blocks; block += down) {
        const isize take = most - (block >= full), fetch = block < fetching;
        down = beside ? 1 : min_isize(block < full ? full : blocks, fetch ? fetching : blocks) - block;
        const isize count = beside ? t->across : down;
        const real *next = fetch ? t->ahead.from + block * terms * step : NULL;
        if (!fetch) TILE(blocks)(t, i, count, take, vectors, beside, next, 0, 0);
        else if (step > TILE(LANES)) TILE(blocks)(t, i, count, take, vectors, beside, next, step, vectors);
        else TILE(blocks)(t, i, count, take, vectors, beside, next, step, 1);
        i += down * take;
    }
}

static void TILE(sweep_1)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 1, 0); }
#if TILE_VECTORS_USED > 1
static void TILE(sweep_2)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 2, 0); }
static void TILE(sweep_2_beside)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 2, 1); }
#endif
#if TILE_VECTORS_USED > 2
static void TILE(sweep_3)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 3, 0); }
static void TILE(sweep_3_beside)(const FN(tile_args) *t, isize rows) { TILE(sweep)(t, rows, 3, 1); }
#endif

/* to: (count, vectors * lanes) = rows of `from`, `step` apart; the last vector has `tail` columns, then 0; 0 where `positive` is not > 0.
   vectors, partial, masked: constants. */
ALWAYS_INLINE void TILE(pack_core)(const real *from, const real *positive, isize step, isize count, int vectors, isize tail, int partial, int masked, real *to)
{
    const V_MASK mask = V_MASK_OF(tail);
    #pragma GCC unroll 4
    for (isize i = 0; i < count; i++, from += step, to += vectors * TILE(LANES)) {
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            const isize at = v * TILE(LANES);
            V_TYPE x = partial && v == vectors - 1 ? V(load_mask)(from + at, mask) : V(load)(from + at);
            if (masked) {
                const __auto_type keep = (partial && v == vectors - 1 ? V(load_mask)(positive + at, mask) : V(load)(positive + at)) > V(set)(0);
                x = (V_TYPE)((__typeof__(keep))x & keep);
            }
            V(store)(to + at, x);
        }
        if (masked) positive += step;
    }
}
ALWAYS_INLINE void TILE(pack_vectors)(const real *from, const real *positive, isize step, isize count, int vectors, isize tail, real *to)
{
    const int partial = tail < TILE(LANES);
    if (partial && positive) TILE(pack_core)(from, positive, step, count, vectors, tail, 1, 1, to);
    else if (partial) TILE(pack_core)(from, NULL, step, count, vectors, tail, 1, 0, to);
    else if (positive) TILE(pack_core)(from, positive, step, count, vectors, tail, 0, 1, to);
    else TILE(pack_core)(from, NULL, step, count, vectors, tail, 0, 0, to);
}
static void TILE(pack_rows)(const real *from, const real *positive, isize step, isize count, isize vectors, isize tail, real *to)
{
    if (vectors == 1) TILE(pack_vectors)(from, positive, step, count, 1, tail, to);
#if TILE_VECTORS_USED > 1
    else if (vectors == 2) TILE(pack_vectors)(from, positive, step, count, 2, tail, to);
#endif
#if TILE_VECTORS_USED > 2
    else TILE(pack_vectors)(from, positive, step, count, 3, tail, to);
#endif
}

/* sum[o] += rows[i, o], added up in registers over CONV_CHUNK rows at a time.   rows: (count, vectors * lanes).  vectors: a constant. */
ALWAYS_INLINE void TILE(sum_vectors)(const real *rows, isize count, int vectors, double *sum)
{
    const isize width = vectors * TILE(LANES);
    for (isize first = 0; first < count; first += CONV_CHUNK) {
        const isize stop = min_isize(first + CONV_CHUNK, count);
        V_TYPE part[TILE_VECTORS][4];
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            #pragma GCC unroll 4
            for (int j = 0; j < 4; j++) part[v][j] = V(set)(0);
        isize i = first;
        for (; i + 4 <= stop; i += 4)
            #pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                #pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) part[v][j] += V(load)(rows + (i + j) * width + v * TILE(LANES));
        for (; i < stop; i++)
            #pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) part[v][0] += V(load)(rows + i * width + v * TILE(LANES));
        real lanes[TILE_VECTORS * TILE(LANES)];
        #pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) V(store)(lanes + v * TILE(LANES), (part[v][0] + part[v][1]) + (part[v][2] + part[v][3]));
        for (isize o = 0; o < width; o++) sum[o] += (double)lanes[o];
    }
}
static void TILE(sum_rows)(const real *rows, isize count, isize vectors, double *sum)
{
    if (vectors == 1) TILE(sum_vectors)(rows, count, 1, sum);
#if TILE_VECTORS_USED > 1
    else if (vectors == 2) TILE(sum_vectors)(rows, count, 2, sum);
#endif
#if TILE_VECTORS_USED > 2
    else TILE(sum_vectors)(rows, count, 3, sum);
#endif
}
