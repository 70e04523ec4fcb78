/* Products of Winograd's planes of few channels.  With 16 terms to a sum, what conv_tile.h does before and after it costs as much as the sum, and so does
   looking for its factors in tables: a row's place is a constant here.  4x32x32x16 forward 1.5x, 4x16x16x32 1.15x, the gradient of the weight 1.25x and 1.05x.
   A template like conv_tile.h, included by winograd.c. */

enum { FN(FEW_SUMS) = SIMD_REGISTERS == 16 ? 6 : 8 };

/* m[i, o] = (accumulate ? m[i, o] : 0) + sum over p < k of v[i * row + p * step] * u[p, o], for `strips` strips of `rows` rows of m, m_row apart, and `vectors`
   of u.  rows, vectors and row are constants where it is called: each factor stands at a fixed place behind one pointer.  next: what is fetched at each p, if
   fetch, next_step further on each time.  One call for all strips alike: with 8 and 16 terms a call for each took 1.06x to 1.18x as long. */
ALWAYS_INLINE void FN(strip_product)(isize strips, const int rows, const int vectors, const int row, isize step, isize accumulate, const real *v, isize k,
                                     const real *u, real *m, isize m_row, const int fetch, const real *next, isize next_step)
{
    /* So few sums would wait for each other: each is made of two, of the even and of the odd terms.  Not where rows are tiles (row > 1): how many of them a
       strip has depends on the threads. */
    const int sets = row == 1 && rows * vectors <= FN(FEW_SUMS) ? 2 : 1;
    const isize back = k * step - rows * row;
    for (; strips > 0; strips--, v -= back, u -= k * vectors * FN(LANES), m += rows * m_row) {
        FN(vec) sum[2][16][2];
        #pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) {
                sum[0][i][j] = accumulate ? FN(vload)(m + i * m_row + j * FN(LANES)) : FN(vzero)();
                sum[1][i][j] = FN(vzero)();
            }
        #pragma GCC unroll 4
        for (isize p = 0; p < k; p += sets)
            #pragma GCC unroll 2
            for (int s = 0; s < sets; s++, v += step, u += vectors * FN(LANES)) {
                if (s && p + s == k) break;
                FN(vec) y[2];
                #pragma GCC unroll 2
                for (int j = 0; j < vectors; j++) y[j] = FN(vload)(u + j * FN(LANES));
                if (fetch) {
                    __builtin_prefetch(next, 0, 2);
                    next += next_step;
                }
                #pragma GCC unroll 16
                for (int i = 0; i < rows; i++) {
                    const FN(vec) x = FN(vset)(v[i * row]);
                    #pragma GCC unroll 2
                    for (int j = 0; j < vectors; j++) sum[s][i][j] = FN(vfma)(x, y[j], sum[s][i][j]);
                }
            }
        #pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) {
                if (sets == 2) sum[0][i][j] = sum[0][i][j] + sum[1][i][j];
                FN(vstore)(m + i * m_row + j * FN(LANES), sum[0][i][j]);
            }
    }
}

/* All rows, in strips as even as they come. */
ALWAYS_INLINE void FN(rows_product)(isize rows, const int vectors, const int row, isize step, isize accumulate, const real *v, isize k, const real *u, real *m,
                                    isize m_row, const int fetch, const real *next, isize ahead_size)
{
    const isize fit = SIMD_REGISTERS == 16 ? (vectors == 1 ? 12 : 6) : vectors == 1 ? 16 : 12;             /* rows of sums that registers hold */
    const isize strips = ceil_div(rows, fit), next_step = ceil_div(ahead_size, max_isize(1, strips * k));
    const int five = row == 1 && vectors == 2 && strips == 2 && rows < 9 && SIMD_REGISTERS == 16;        /* and three: faster than four and four */
    const isize most = five ? 5 : ceil_div(rows, max_isize(1, strips)), less = five ? rows - 5 : most - 1;
    const isize full = five ? 1 : rows - strips * less;                                                  /* strips of `most` rows, before those of `less` */
    for (isize done = 0, i = 0, count; done < strips; done += count) {
        const isize take = done < full ? most : less;
        count = done < full ? full : strips - full;
        const real *from = next + done * k * next_step;
        switch (take) {
#define STRIP_OF(rows) \
        case rows: FN(strip_product)(count, rows, vectors, row, step, accumulate, v + i * row, k, u, m + i * m_row, m_row, fetch, from, next_step); break;
        STRIP_OF(1) STRIP_OF(2) STRIP_OF(3) STRIP_OF(4) STRIP_OF(5) STRIP_OF(6)
        default: if (SIMD_REGISTERS == 16 && vectors > 1) break;
        switch (take) {
            STRIP_OF(7) STRIP_OF(8) STRIP_OF(9) STRIP_OF(10) STRIP_OF(11) STRIP_OF(12)
            default: if (SIMD_REGISTERS == 16 || vectors > 1) break;
            switch (take) { STRIP_OF(13) STRIP_OF(14) STRIP_OF(15) STRIP_OF(16) }
        }
#undef STRIP_OF
        }
        i += count * take;
    }
}

/* ahead_size reals from `ahead` on, which are used next, are fetched into L2 meanwhile. */
typedef void (*FN(product))(isize rows, isize step, isize accumulate, const real *v, isize k, const real *u, real *m, isize m_row, const real *ahead,
                            isize ahead_size);
#define PRODUCT(name, vectors, row) \
    static void FN(name)(isize rows, isize step, isize accumulate, const real *v, isize k, const real *u, real *m, isize m_row, const real *ahead, \
                         isize ahead_size) \
    { \
        if (ahead_size > 0) FN(rows_product)(rows, vectors, row, step, accumulate, v, k, u, m, m_row, 1, ahead, ahead_size); \
        else FN(rows_product)(rows, vectors, row, step, accumulate, v, k, u, m, m_row, 0, NULL, 0); \
    }
PRODUCT(product_8_1, 1, 8)
PRODUCT(product_8_2, 2, 8)
PRODUCT(product_16_1, 1, 16)
PRODUCT(product_16_2, 2, 16)
PRODUCT(product_32_1, 1, 32)
PRODUCT(product_32_2, 2, 32)
PRODUCT(product_64_2, 2, 64)
PRODUCT(product_1_1, 1, 1)
PRODUCT(product_1_2, 2, 1)
#undef PRODUCT

/* The product for rows of v this far apart and `wide` columns of u; NULL where conv_tile.h's serves as well. */
static FN(product) FN(product_of)(isize row, isize wide)
{
    const isize vectors = wide / FN(LANES);
    if (vectors > 2) return NULL;
    switch (row) {
        case 1: return vectors == 1 ? FN(product_1_1) : FN(product_1_2);
        case 8: return vectors == 1 ? FN(product_8_1) : FN(product_8_2);
        case 16: return vectors == 1 ? FN(product_16_1) : FN(product_16_2);
        case 32: return vectors == 1 ? FN(product_32_1) : FN(product_32_2);
        case 64: return vectors == 1 ? NULL : FN(product_64_2);
        default: return NULL;
    }
}
