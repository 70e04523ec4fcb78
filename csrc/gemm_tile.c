/* The register tile under every product, and the packing of what it reads. */
#ifndef real
#include "internal.h"
#include "simd.h"
#include "gemm.h"
#define EACH_REAL "gemm_tile.c"
#include "each_real.h"
#else

enum { FN(MR) = FN(GEMM_MR), FN(NR) = FN(GEMM_NR), FN(VL) = FN(LANES), FN(AHEAD) = 16 };

/* ---- Register tile ---- */

typedef struct {
    isize k, segments;
    const isize *segment;
    const real *a; isize a_row, a_col;
    const real *b; isize b_pitch, b_panel;
    const real *next; isize step;             /* what is fetched: `lines` vectors for each row of b, and `step` further on those for the next */
    isize panels, tail;                       /* panels side by side; columns of the last vector */
    const real *bias;
    isize accumulate, activation;
    real *c; isize c_row;
} FN(tile);

/* `panels` tiles of rows x vecs accumulators, and half a vector of columns after them if half; `lines` vectors are fetched for each row of B.
   Every argument but t is a constant, so each call is a kernel of its own.  One call for all panels: between two tiles the multipliers wait for little else but
   what stands in t, which the compiler has to read again after every store it cannot tell from one to t ((228, 64, 256) 1.07x, (126, 128, 512) 1.05x).
   More than six rows are addressed as five pointers and a scaled index: fourteen pointers would not fit the registers. */
ALWAYS_INLINE void FN(tile_core)(const FN(tile) *t, const int rows, const int vecs, const int masked_load, const int masked, const int half, const int lines)
{
    const int many = vecs == 2 && !masked && !half;                     /* whole panels */
    const FN(vmask) tail = FN(mask_of)(t->tail);
    isize step = t->a_col;
    OPAQUE(step);                                                       /* no second version of the loop for step 1 */
    const isize pitch = t->b_pitch, panel = t->b_panel, k = t->k, next_step = t->step, segments = t->segments, c_row = t->c_row;
    const isize accumulate = t->accumulate, activation = t->activation, *segment = t->segment;
    const real *a = t->a, *b_panel = t->b, *next_panel = t->next, *bias = t->bias;
    isize row = t->a_row;
    real *c = t->c;
    for (isize panels = many ? t->panels : 1; panels > 0; panels--) {
        FN(vec) acc[FN(GEMM_MR)][8];
        #pragma GCC unroll 14
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) acc[i][v] = FN(vzero)();
#ifdef SIMD_HALVES
        FN(half) extra[FN(GEMM_MR)];
        const FN(half_mask) extra_tail = FN(half_mask_of)(half ? t->tail : 0);
        #pragma GCC unroll 14
        for (int i = 0; half && i < rows; i++) extra[i] = FN(hset)(0);
#else
        (void)half;
#endif
        const real *b = b_panel, *next = next_panel;
        for (isize s = 0; s < segments; s++) {
            const real *p0 = a + (segment ? segment[s] : 0);
            const real *p3 = p0 + 3 * row, *p6 = p3 + 3 * row, *p9 = p6 + 3 * row, *p12 = p9 + 3 * row;
#if SIMD_REGISTERS == 16
            #pragma GCC unroll 4                                        /* (32, 128, 512) 1.05x, large ones 1.00x */
#endif
            for (isize p = 0; p < k; p++) {
                FN(vec) y[8];
                if (rows > 6) OPAQUE(row);
                #pragma GCC unroll 8
                for (int v = 0; v < vecs; v++) {
                    const real *at = b + (v / 2) * panel + (v % 2) * FN(VL);
                    y[v] = masked_load && v == vecs - 1 ? FN(vload_mask)(at, tail) : FN(vload)(at);
                }
#ifdef SIMD_HALVES
                const FN(half) z = half ? FN(hload_mask)(b + vecs * FN(VL), extra_tail) : FN(hset)(0);
#endif
                #pragma GCC unroll 14
                for (int i = 0; i < rows; i++) {
                    const real *base = i < 3 || rows <= 6 ? p0 : i < 6 ? p3 : i < 9 ? p6 : i < 12 ? p9 : p12;
                    const FN(vec) x = FN(vset)(base[(rows <= 6 ? i : i % 3) * row]);
                    #pragma GCC unroll 8
                    for (int v = 0; v < vecs; v++) acc[i][v] = FN(vfma)(x, y[v], acc[i][v]);
#ifdef SIMD_HALVES
                    if (half) extra[i] = FN(hfma)(FN(hlow)(x), z, extra[i]);
#endif
                }
                #pragma GCC unroll 2
                for (int v = 0; v < lines; v++) __builtin_prefetch(next + v * FN(VL), 0, 2);
                if (lines) next += next_step;
                b += pitch;
                p0 += step;
                if (rows > 6) {
                    p3 += step;
                    p6 += step;
                    if (rows > 9) p9 += step;
                    if (rows > 12) p12 += step;
                }
            }
        }
        if (accumulate)                                                 /* once, not for each vector: with 64 terms that is a tenth of the time */
            #pragma GCC unroll 14
            for (int i = 0; i < rows; i++)
                #pragma GCC unroll 8
                for (int v = 0; v < vecs; v++) {
                    const real *at = c + i * c_row + v * FN(VL);
                    acc[i][v] = (masked && v == vecs - 1 ? FN(vload_mask)(at, tail) : FN(vload)(at)) + acc[i][v];
                }
        if (bias)
            #pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) {
                const FN(vec) more = masked && v == vecs - 1 ? FN(vload_mask)(bias + v * FN(VL), tail) : FN(vload)(bias + v * FN(VL));
                #pragma GCC unroll 14
                for (int i = 0; i < rows; i++) acc[i][v] = acc[i][v] + more;
            }
        if (activation == GEMM_RELU)
            #pragma GCC unroll 14
            for (int i = 0; i < rows; i++)
                #pragma GCC unroll 8
                for (int v = 0; v < vecs; v++) acc[i][v] = FN(vmax)(FN(vzero)(), acc[i][v]);
        #pragma GCC unroll 14
        for (int i = 0; i < rows; i++)
            #pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) {
                real *at = c + i * c_row + v * FN(VL);
                if (masked && v == vecs - 1) FN(vstore_mask)(at, tail, acc[i][v]);
                else FN(vstore)(at, acc[i][v]);
            }
#ifdef SIMD_HALVES
        #pragma GCC unroll 14
        for (int i = 0; half && i < rows; i++) {
            const isize j = vecs * FN(VL);
            real *at = c + i * c_row + j;
            FN(half) x = extra[i];
            if (accumulate) x = FN(hload_mask)(at, extra_tail) + x;
            if (bias) x = x + FN(hload_mask)(bias + j, extra_tail);
            if (activation == GEMM_RELU) x = FN(hmax)(FN(hset)(0), x);
            FN(hstore_mask)(at, extra_tail, x);
        }
#endif
        b_panel += panel;
        if (lines) next_panel += panel;
        if (bias) bias += FN(NR);
        c += FN(NR);
    }
}

/* The kinds of tile by their columns: up to a vector, up to two, two full ones, the same fetching one or two vectors for each row of B; with
   halves also up to a half, up to one and a half.
   Where loads by mask are slow (128 bits) the zeros that fill up a packed panel are loaded instead. */
#define LOAD_BY_MASK(t) (sizeof(FN(vec)) > 16 || (t)->b_panel == FN(NR))
#define TILE_WIDTHS(rows) \
    static void FN(tile_##rows##_1)(const FN(tile) *t) \
    { if (LOAD_BY_MASK(t)) FN(tile_core)(t, rows, 1, 1, 1, 0, 0); else FN(tile_core)(t, rows, 1, 0, 1, 0, 0); } \
    static void FN(tile_##rows##_2)(const FN(tile) *t) \
    { if (LOAD_BY_MASK(t)) FN(tile_core)(t, rows, 2, 1, 1, 0, 0); else FN(tile_core)(t, rows, 2, 0, 1, 0, 0); } \
    static void FN(tile_##rows##_3)(const FN(tile) *t) { FN(tile_core)(t, rows, 2, 0, 0, 0, 0); } \
    static void FN(tile_##rows##_4)(const FN(tile) *t) { FN(tile_core)(t, rows, 2, 0, 0, 0, 1); } \
    static void FN(tile_##rows##_5)(const FN(tile) *t) { FN(tile_core)(t, rows, 2, 0, 0, 0, 2); }
#ifdef SIMD_HALVES
enum { FN(KINDS) = 7 };
#define TILE(rows) TILE_WIDTHS(rows) \
    static void FN(tile_##rows##_6)(const FN(tile) *t) { FN(tile_core)(t, rows, 0, 0, 0, 1, 0); } \
    static void FN(tile_##rows##_7)(const FN(tile) *t) { FN(tile_core)(t, rows, 1, 0, 0, 1, 0); }
#define TILE_NAMES(rows) \
    { FN(tile_##rows##_1), FN(tile_##rows##_2), FN(tile_##rows##_3), FN(tile_##rows##_4), FN(tile_##rows##_5), FN(tile_##rows##_6), \
      FN(tile_##rows##_7) },
#else
enum { FN(KINDS) = 5 };
#define TILE(rows) TILE_WIDTHS(rows)
#define TILE_NAMES(rows) { FN(tile_##rows##_1), FN(tile_##rows##_2), FN(tile_##rows##_3), FN(tile_##rows##_4), FN(tile_##rows##_5) },
#endif
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if SIMD_REGISTERS == 32
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#if defined(__AVX512F__)
TILE(13) TILE(14)
#endif
#endif
static void (*const FN(tiles)[FN(GEMM_MR)][FN(KINDS)])(const FN(tile) *) = {
    TILE_NAMES(1) TILE_NAMES(2) TILE_NAMES(3) TILE_NAMES(4) TILE_NAMES(5) TILE_NAMES(6)
#if SIMD_REGISTERS == 32
    TILE_NAMES(7) TILE_NAMES(8) TILE_NAMES(9) TILE_NAMES(10) TILE_NAMES(11) TILE_NAMES(12)
#if defined(__AVX512F__)
    TILE_NAMES(13) TILE_NAMES(14)
#endif
#endif
};
#undef TILE
#undef TILE_WIDTHS
#undef LOAD_BY_MASK
#undef TILE_NAMES

/* One or two rows have too few accumulators in a tile to keep the multipliers busy: eight at a time. */
static void FN(tile_wide_1)(const FN(tile) *t) { FN(tile_core)(t, 1, 8, 0, 0, 0, 0); }
static void FN(tile_wide_2)(const FN(tile) *t) { FN(tile_core)(t, 2, 4, 0, 0, 0, 0); }

void FN(gemm_block)(const FN(gemm_block_args) *g)
{
    FN(tile) t = {
        .k = g->k, .segments = g->segments, .segment = g->segment, .a_row = g->a_row, .a_col = g->a_col,
        .b_pitch = g->b_pitch, .b_panel = g->b_panel, .accumulate = g->accumulate, .activation = g->activation, .c_row = g->c_row
    };
    const isize strips = ceil_div(g->m, FN(MR));
    for (isize strip = 0; strip < strips; strip++) {                                    /* as even as they come: 32 rows are 11 + 11 + 10 */
        const isize i = g->m * strip / strips, rows = g->m * (strip + 1) / strips - i;
        /* Rows of B that are not packed, each on a page of its own: no prefetcher of a CPU foresees them, the first time or at all.
           (64, 512, 2048): 1.6x, (128, 784, 512): 1.1x; everywhere it costs 3 %. */
        const int far = g->b_pitch != FN(NR) && ((strip == 0 && strips > 1) || g->b_pitch * (isize)sizeof(real) >= 4096);
        /* What lies ahead is fetched by all strips, each its share of it: faster it would not come, and loads would wait behind it. */
        t.step = far ? g->b_pitch : ceil_div(FN(NR), strips);
        const int lines = far ? 2 : !g->ahead || strip * t.step >= FN(NR) ? 0 : strips == 1 ? 2 : 1;
        t.a = g->a + i * g->a_row;
        isize j = 0;
        while (j < g->n) {
            const isize left = g->n - j, in_wide = rows == 1 ? 8 * FN(VL) : 4 * FN(VL);
            t.b = g->b + j / FN(NR) * g->b_panel;
            t.c = g->c + i * g->c_row + j;
            t.bias = g->bias ? g->bias + j : NULL;
            t.panels = 1;
            if (rows <= 2 && left >= in_wide) {
                (rows == 1 ? FN(tile_wide_1) : FN(tile_wide_2))(&t);
                j += in_wide;
                continue;
            }
            const isize cols = min_isize(left, FN(NR));
            t.tail = cols > FN(VL) ? cols - FN(VL) : cols;
            int kind = cols <= FN(VL) ? 0 : cols < FN(NR) ? 1 : 2 + lines;
            if (FN(KINDS) == 7 && kind < 2 && t.tail <= FN(VL) / 2) kind += 5;
            else if (cols == FN(NR)) t.panels = left / FN(NR);
            if (far) t.next = t.b + FN(AHEAD) * g->b_pitch;
            else if (lines) t.next = g->ahead + j / FN(NR) * g->b_panel + strip * g->segments * g->k * t.step;
            FN(tiles)[rows - 1][kind](&t);
            j += cols == FN(NR) ? t.panels * FN(NR) : cols;
        }
    }
}

/* ---- Packing ---- */

/* `count` rows of k, step apart, become columns of out: a full vector of them, or fewer. */
ALWAYS_INLINE void FN(transpose_rows)(const real *src, isize step, isize k, isize count, const int full, isize width, real *out)
{
    isize row[FN(QUAD)][FN(VL) / FN(QUAD)];
    #pragma GCC unroll 16
    for (isize i = 0; i < FN(VL); i++) row[i % FN(QUAD)][i / FN(QUAD)] = full ? i / FN(QUAD) * FN(QUAD) * step : min_isize(i, count - 1) * step;
    const FN(vmask) mask = FN(mask_of)(count);
    isize p = 0;
    for (; p + FN(QUAD) <= k; p += FN(QUAD)) {
        FN(vec) r[FN(QUAD)];
        #pragma GCC unroll 4
        for (int q = 0; q < FN(QUAD); q++) r[q] = FN(vload_lanes)(src + p + (full ? q * step : 0), row[q]);
        FN(vtranspose_lanes)(r);
        #pragma GCC unroll 4
        for (int q = 0; q < FN(QUAD); q++)
            if (full) FN(vstore)(out + (p + q) * width, r[q]);
            else FN(vstore_mask)(out + (p + q) * width, mask, r[q]);
    }
    for (; p < k; p++)
        for (isize i = 0; i < count; i++) out[p * width + i] = src[i * step + p];
}

void FN(gemm_pack_strip)(const real *src, isize step_i, isize step_p, isize count, isize k, isize width, real *out)
{
    isize done = 0;                                                     /* of the `width` reals in a row of out */
    if (step_i == 1)
        for (; done < width; done += FN(VL)) {
            const isize here = min_isize(FN(VL), width - done), there = max_isize(0, min_isize(here, count - done));
            const FN(vmask) out_mask = FN(mask_of)(here), src_mask = FN(mask_of)(there);
            if (there == FN(VL))
                for (isize p = 0; p < k; p++) FN(vstore)(out + p * width + done, FN(vload)(src + p * step_p + done));
            else
                for (isize p = 0; p < k; p++) {                         /* a row narrower than a vector may reach into the next, which comes later */
                    const FN(vec) row = FN(vload_mask)(src + p * step_p + done, src_mask);
                    if (width < FN(VL) && p + 1 < k) FN(vstore)(out + p * width, row);
                    else FN(vstore_mask)(out + p * width + done, out_mask, row);
                }
        }
    else if (step_p == 1)
        for (; done < count; done += FN(VL)) {
            if (count >= FN(VL)) {
                done = min_isize(done, count - FN(VL));                                 /* the last group overlaps the one before */
                FN(transpose_rows)(src + done * step_i, step_i, k, FN(VL), 1, width, out + done);
            } else FN(transpose_rows)(src, step_i, k, count, 0, width, out);
        }
    for (isize i = done; i < count; i++)
        for (isize p = 0; p < k; p++) out[p * width + i] = src[i * step_i + p * step_p];
    for (isize i = max_isize(done, count); i < width; i++)
        for (isize p = 0; p < k; p++) out[p * width + i] = 0;
}

void FN(gemm_pack_panels)(const real *b, isize b_row, isize b_col, isize k, isize n, isize first, isize last, real *packed)
{
    const isize whole = b_col == 1 ? min_isize(last, n / FN(NR)) : first;
    if (whole > first + 1) {                                            /* each row from end to end: a prefetcher sees it coming */
        for (isize p = 0; p < k; p++)
            for (isize panel = first; panel < whole; panel++) {
                const real *from = b + p * b_row + panel * FN(NR);
                real *to = packed + (panel * k + p) * FN(NR);
                FN(vstore)(to, FN(vload)(from));
                FN(vstore)(to + FN(VL), FN(vload)(from + FN(VL)));
            }
        first = whole;
    }
    for (isize panel = first; panel < last; panel++)
        FN(gemm_pack_strip)(b + panel * FN(NR) * b_col, b_col, b_row, min_isize(FN(NR), n - panel * FN(NR)), k, FN(NR),
                            packed + panel * FN(NR) * k);
}
#endif
