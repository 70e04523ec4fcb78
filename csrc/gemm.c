#ifndef real
#include "internal.h"
#include "simd.h"
#include "gemm.h"
#define EACH_REAL "gemm.c"
#include "each_real.h"
#else

enum {
    FN(MR) = FN(GEMM_MR), FN(NR) = FN(GEMM_NR), FN(VL) = FN(LANES),
    FN(KC) = 256,                             /* inner block: a strip of A (MR x KC) stays in L1 */
    FN(NC) = 2048 / sizeof(real)              /* columns of a packed block of B (KC x NC = 512 KB): half of L2 */
};

/* ---- Register tile ---- */

typedef struct {
    isize k, segments;
    const isize *segment;
    const real *a; isize a_row, a_col;
    const real *b; isize b_pitch, b_panel;
    isize tail;                               /* columns of the last vector */
    const real *bias;
    isize accumulate, activation;
    real *c; isize c_row;
} FN(tile);

/* rows x vecs accumulators.  Every argument but t is a constant, so each call is a kernel of its own.
   The rows are addressed as five pointers and a scaled index: fourteen pointers would not fit the registers. */
ALWAYS_INLINE void FN(tile_core)(const FN(tile) *t, const int rows, const int vecs, const int masked)
{
    FN(vec) acc[FN(GEMM_MR)][8];
    const FN(vmask) tail = FN(mask_of)(t->tail);
    #pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        #pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) acc[i][v] = FN(vzero)();
    const isize step = t->a_col, pitch = t->b_pitch, panel = t->b_panel, k = t->k;
    isize row = t->a_row;
    const real *b = t->b;
    for (isize s = 0; s < t->segments; s++) {
        const real *p0 = t->a + (t->segment ? t->segment[s] : 0);
        const real *p3 = p0 + 3 * row, *p6 = p3 + 3 * row, *p9 = p6 + 3 * row, *p12 = p9 + 3 * row;
        for (isize p = 0; p < k; p++) {
            FN(vec) y[8];
            OPAQUE(row);
            #pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) {
                const real *at = b + (v / 2) * panel + (v % 2) * FN(VL);
                y[v] = masked && v == vecs - 1 ? FN(vload_mask)(at, tail) : FN(vload)(at);
            }
            #pragma GCC unroll 14
            for (int i = 0; i < rows; i++) {
                const real *base = i < 3 ? p0 : i < 6 ? p3 : i < 9 ? p6 : i < 12 ? p9 : p12;
                const FN(vec) x = FN(vset)(base[(i % 3) * row]);
                #pragma GCC unroll 8
                for (int v = 0; v < vecs; v++) acc[i][v] = FN(vfma)(x, y[v], acc[i][v]);
            }
            b += pitch;
            p0 += step;
            if (rows > 3) p3 += step;
            if (rows > 6) p6 += step;
            if (rows > 9) p9 += step;
            if (rows > 12) p12 += step;
        }
    }
    #pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        #pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) {
            const int part = masked && v == vecs - 1;
            const isize j = v * FN(VL);
            real *at = t->c + i * t->c_row + j;
            FN(vec) x = acc[i][v];
            if (t->accumulate) x = (part ? FN(vload_mask)(at, tail) : FN(vload)(at)) + x;
            if (t->bias) x = x + (part ? FN(vload_mask)(t->bias + j, tail) : FN(vload)(t->bias + j));
            if (t->activation == GEMM_RELU) x = FN(vmax)(FN(vzero)(), x);
            if (part) FN(vstore_mask)(at, tail, x);
            else FN(vstore)(at, x);
        }
}

/* One vector wide, two wide with a partial last one, two full ones. */
#define TILE(rows) \
    static void FN(tile_##rows##_1)(const FN(tile) *t) { FN(tile_core)(t, rows, 1, 1); } \
    static void FN(tile_##rows##_2)(const FN(tile) *t) { FN(tile_core)(t, rows, 2, 1); } \
    static void FN(tile_##rows##_3)(const FN(tile) *t) { FN(tile_core)(t, rows, 2, 0); }
#define TILE_NAMES(rows) { FN(tile_##rows##_1), FN(tile_##rows##_2), FN(tile_##rows##_3) },
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if SIMD_REGISTERS == 32
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#if defined(__AVX512F__)
TILE(13) TILE(14)
#endif
#endif
static void (*const FN(tiles)[FN(GEMM_MR)][3])(const FN(tile) *) = {
    TILE_NAMES(1) TILE_NAMES(2) TILE_NAMES(3) TILE_NAMES(4) TILE_NAMES(5) TILE_NAMES(6)
#if SIMD_REGISTERS == 32
    TILE_NAMES(7) TILE_NAMES(8) TILE_NAMES(9) TILE_NAMES(10) TILE_NAMES(11) TILE_NAMES(12)
#if defined(__AVX512F__)
    TILE_NAMES(13) TILE_NAMES(14)
#endif
#endif
};
#undef TILE
#undef TILE_NAMES

/* One row has too few accumulators in a tile to keep the multipliers busy: eight vectors at a time. */
static void FN(tile_wide_1)(const FN(tile) *t) { FN(tile_core)(t, 1, 8, 0); }
static void FN(tile_wide_2)(const FN(tile) *t) { FN(tile_core)(t, 2, 4, 0); }

void FN(gemm_block)(const FN(gemm_block_args) *g)
{
    FN(tile) t = {
        .k = g->k, .segments = g->segments, .segment = g->segment, .a_row = g->a_row, .a_col = g->a_col,
        .b_pitch = g->b_pitch, .b_panel = g->b_panel, .accumulate = g->accumulate, .activation = g->activation, .c_row = g->c_row
    };
    const isize strips = ceil_div(g->m, FN(MR));
    for (isize strip = 0; strip < strips; strip++) {                                    /* as even as they come: 32 rows are 11 + 11 + 10 */
        const isize i = g->m * strip / strips, rows = g->m * (strip + 1) / strips - i;
        t.a = g->a + i * g->a_row;
        isize j = 0;
        while (j < g->n) {
            const isize left = g->n - j, in_wide = rows == 1 ? 8 * FN(VL) : 4 * FN(VL);
            t.b = g->b + j / FN(NR) * g->b_panel;
            t.c = g->c + i * g->c_row + j;
            t.bias = g->bias ? g->bias + j : NULL;
            if (rows <= 2 && left >= in_wide) {
                (rows == 1 ? FN(tile_wide_1) : FN(tile_wide_2))(&t);
                j += in_wide;
                continue;
            }
            const isize cols = min_isize(left, FN(NR));
            t.tail = cols > FN(VL) ? cols - FN(VL) : cols;
            FN(tiles)[rows - 1][cols <= FN(VL) ? 0 : cols < FN(NR) ? 1 : 2](&t);
            j += cols;
        }
    }
}

/* ---- Packing ---- */

void FN(gemm_pack_strip)(const real *src, isize step_i, isize step_p, isize count, isize k, isize width, real *out)
{
    if (step_i == 1) {
        for (isize p = 0; p < k; p++) {
            for (isize i = 0; i < count; i++) out[p * width + i] = src[p * step_p + i];
            for (isize i = count; i < width; i++) out[p * width + i] = 0;
        }
        return;
    }
    for (isize i = 0; i < count; i++)
        for (isize p = 0; p < k; p++) out[p * width + i] = src[i * step_i + p * step_p];
    for (isize i = count; i < width; i++)
        for (isize p = 0; p < k; p++) out[p * width + i] = 0;
}

void FN(gemm_pack_panels)(const real *b, isize b_row, isize b_col, isize k, isize n, isize first, isize last, real *packed)
{
    for (isize panel = first; panel < last; panel++)
        FN(gemm_pack_strip)(b + panel * FN(NR) * b_col, b_col, b_row, min_isize(FN(NR), n - panel * FN(NR)), k, FN(NR),
                            packed + panel * FN(NR) * k);
}

/* ---- The product ---- */

/* How a product is cut; a function of the shape and the strides, never of the number of threads. */
typedef struct {
    int pack_b;              /* B goes through scratch, KC x NC at a time */
    isize kc, nc;            /* inner and column blocks */
    isize rows;              /* rows of C in a task */
    isize columns;           /* columns of C in a task, a multiple of NR */
    int parallel;
} FN(plan);

static FN(plan) FN(make_plan)(const FN(gemm_args) *g)
{
    FN(plan) plan = { 0 };
    plan.pack_b = !g->b_packed && (g->b_col != 1 || g->m > 3 * FN(MR));
    const isize k_blocks = max_isize(1, ceil_div(g->k, FN(KC)));
    plan.kc = max_isize(1, ceil_div(g->k, k_blocks));
    plan.nc = min_isize(FN(NC), ceil_div(g->n, FN(NR)) * FN(NR));
    plan.parallel = g->m * g->n > 0 && (double)g->m * (double)g->n * (double)g->k > 1e6;
    plan.rows = FN(MR) * max_isize(1, min_isize(8, ceil_div(g->m, 8 * FN(MR))));
    plan.columns = g->m >= 8 * FN(MR) ? plan.nc : min_isize(plan.nc, 4 * FN(NR));
    return plan;
}

isize FN(gemm_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) *g = args;
    const FN(plan) plan = FN(make_plan)(g);
    (void)ctx;
    return plan.pack_b ? plan.kc * plan.nc * (isize)sizeof(real) : 0;
}

/* Task `task` of the block of columns j0.. and inner indices p0.. */
static void FN(run_task)(const FN(gemm_args) *g, const FN(plan) *plan, isize j0, isize nc, isize p0, isize kc, isize task)
{
    const isize across = ceil_div(nc, plan->columns);
    const isize i = task / across * plan->rows, j = j0 + task % across * plan->columns;
    const int first = p0 == 0, last = p0 + kc >= g->k;
    FN(gemm_block_args) block = {
        .m = min_isize(plan->rows, g->m - i), .n = min_isize(plan->columns, j0 + nc - j), .k = kc,
        .a = g->a + i * g->a_row + p0 * g->a_col, .a_row = g->a_row, .a_col = g->a_col, .segments = 1,
        .bias = last && g->bias ? g->bias + j : NULL, .accumulate = first ? g->accumulate : 1,
        .activation = last ? g->activation : GEMM_LINEAR, .c = g->c + i * g->c_row + j, .c_row = g->c_row
    };
    if (plan->pack_b) {
        block.b = (const real *)g->scratch + (j - j0) * kc;
        block.b_pitch = FN(NR);
        block.b_panel = FN(NR) * kc;
    } else if (g->b_packed) {
        block.b = g->b + j * g->k + p0 * FN(NR);
        block.b_pitch = FN(NR);
        block.b_panel = FN(NR) * g->k;
    } else {
        block.b = g->b + p0 * g->b_row + j;
        block.b_pitch = g->b_row;
        block.b_panel = FN(NR);
    }
    FN(gemm_block)(&block);
}

pydl_status FN(gemm)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) *g = args;
    if (g->m == 0 || g->n == 0) return PYDL_OK;
    const FN(plan) plan = FN(make_plan)(g);
    const int threads = plan.parallel ? ctx->threads : 1;
    for (isize j0 = 0; j0 < g->n; j0 += plan.nc) {
        const isize nc = min_isize(plan.nc, g->n - j0);
        for (isize p0 = 0; p0 == 0 || p0 < g->k; p0 += plan.kc) {
            const isize kc = min_isize(plan.kc, g->k - p0);
            const isize tasks = ceil_div(g->m, plan.rows) * ceil_div(nc, plan.columns);
            const isize panels = plan.pack_b ? ceil_div(nc, FN(NR)) : 0;
            const real *b = g->b + p0 * g->b_row + j0 * g->b_col;
            if (threads == 1) {
                FN(gemm_pack_panels)(b, g->b_row, g->b_col, kc, nc, 0, panels, g->scratch);
                for (isize task = 0; task < tasks; task++) FN(run_task)(g, &plan, j0, nc, p0, kc, task);
                continue;
            }
            #pragma omp parallel num_threads(threads)
            {
                #pragma omp for schedule(static)
                for (isize panel = 0; panel < panels; panel++)
                    FN(gemm_pack_panels)(b, g->b_row, g->b_col, kc, nc, panel, panel + 1, g->scratch);
                #pragma omp for schedule(dynamic) nowait
                for (isize task = 0; task < tasks; task++) FN(run_task)(g, &plan, j0, nc, p0, kc, task);
            }
        }
    }
    return PYDL_OK;
}
#endif
