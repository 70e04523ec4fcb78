#ifndef real
#include <limits.h>
#include <omp.h>
#include "internal.h"
#include "simd.h"
#include "gemm.h"
#include "gemm_row.h"
#ifdef __x86_64__
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

/* Multiply-adds from which on any product is shared among threads, and each one's share of a smaller one; that is cut by rows, for so the lines it writes
   stay in the cache of the thread that did them before: (64, 120, 84) 1.5x on two threads, by columns 1.0x. */
#define LARGE_WORK 1e6
#define SHARE_WORK 1e5
#define PAGE 4096

#define EACH_REAL "gemm.c"
#include "each_real.h"
#else

enum {
    FN(MR) = FN(GEMM_MR), FN(NR) = FN(GEMM_NR), FN(VL) = FN(LANES),
    FN(KC) = 1536,                            /* longest inner block; ... */
    FN(KC_COLUMNS) = 512,                     /* ... where A lies in columns: a line of them serves the strips beside it: (256, 64, 4096) 1.2x */
    FN(BLOCK_B) = 1 << 18,                    /* most reals in a packed block of B: half of a cache of 2 MB; all of it is 0.87x at 1024 cubed */
    FN(NC) = 1024,                            /* most columns of one */
    FN(AT_HAND) = 1 << 16,                    /* reals of packed weights that stay in L2 for all rows, while as many are fetched */
    FN(FEW_A) = 1 << 17,                      /* most reals of an A that is copied whole, where the weights are larger than that */
    FN(GAP) = FN(LANES)                       /* between copied rows, so that they fall into different sets of the cache */
};

/* ---- The product ---- */

enum { FN(ROW_PRODUCT) = 1, FN(COLUMN_PRODUCT), FN(DOT_A), FN(DOT_B), FN(TILES) };

/* How a product is cut; a function of the shape and the strides, never of the number of threads. */
typedef struct {
    int way;                 /* ROW_PRODUCT, ... TILES */
    int pack_b;              /* B goes through scratch, kc x nc at a time */
    isize copy_a;            /* so do the rows of A, so many strips at a time; 0: they are read where they are */
    isize kc, nc;            /* inner and column blocks */
} FN(plan);

static FN(plan) FN(make_plan)(const FN(gemm_args) *g)
{
    const isize m = max_isize(1, g->m), n = max_isize(1, g->n), k = max_isize(1, g->k);
    FN(plan) plan = { .way = FN(TILES) };
    if (m == 1 && g->b_col == 1 && !g->b_packed) plan.way = FN(ROW_PRODUCT);
    else if (n == 1 && g->a_row == 1 && g->c_row == 1 && !g->bias && !g->b_packed) plan.way = FN(COLUMN_PRODUCT);
    else if (g->a_col == 1 && !g->b_packed && k >= (n == 1 ? FN(VL) : 256) && n <= 4) plan.way = FN(DOT_A);
    else if (g->b_row == 1 && !g->b_packed && k >= (m == 1 ? FN(VL) : 256) && m <= 8) plan.way = FN(DOT_B);     /* (6, 512, 512): 1.2x; (5, 64, 64): 0.6x */
    if (plan.way != FN(TILES)) return plan;
    /* Packing pays from about ten strips of rows on: (64, 400, 120) without is 1.08x, (3136, 64, 256) 0.77x.  The fewer the rows of a strip
       the less, where the rows of B are 2 KB or a multiple of it apart: (128, 512, 512) without is 1.05x on AVX-512, 0.89x on AVX2. */
    plan.pack_b = !g->b_packed && (g->b_col != 1 || m > (g->b_row * (isize)sizeof(real) % 2048 == 0 ? 10 * FN(MR) : 144));
    if (sizeof(FN(vec)) == 16 && n % FN(NR) && m > FN(MR)) plan.pack_b = !g->b_packed;                   /* loads by mask are slow there */
    /* With fewer lanes a block of B lies in no L2, but in L3: there it may be twice as large for many rows, which meet fewer blocks then (Zen 2: 1024 cubed and
       (128, 784, 512) 1.03x, the gradient by the weight of (512, 1024, 1024) 1.04x, (64, 4096, 1000) would be 0.96x). */
    const isize block = sizeof(FN(vec)) < 64 && REAL_IS_FLOAT && m >= 128 ? 2 * FN(BLOCK_B) : FN(BLOCK_B);
    plan.nc = min_isize(k > block / FN(NC) ? FN(NC) / 2 : FN(NC), ceil_div(n, FN(NR)) * FN(NR));
    plan.kc = min_isize(g->a_row == 1 && g->a_col != 1 ? FN(KC_COLUMNS) : FN(KC), block / plan.nc);
    plan.kc = ceil_div(k, ceil_div(k, plan.kc));
    /* Rows a multiple of 2 KB apart share two sets of the first-level cache; so do columns, and many of them fill it or lie on more pages than its TLB has
       entries: 64 (Zen 2; by the weight (128, 784, 512) 1.14x, (64, 1000, 1000) 1.18x, (64, 784, 512) on 49 pages would be 0.97x). */
    const isize pitch = (g->a_col == 1 ? g->a_row : g->a_col) * (isize)sizeof(real);
    const int many = k > 128 || k * min_isize(pitch, PAGE) > 56 * PAGE;
    const int copy_a = n > 2 * FN(NR) && m > 1 && (pitch % 2048 == 0 || (g->a_col != 1 && (g->a_row != 1 || many)));
    plan.copy_a = !copy_a ? 0 : pitch % 2048 == 0 && g->a_col != 1 ? 8 : 1;                              /* by the weight (784, 512, 128) 1.15x */
    return plan;
}

/* Multiply-adds. */
static double FN(gemm_work)(const FN(gemm_args) *g) { return (double)g->m * (double)g->n * (double)g->k; }
/* Whether threads are to share a product of so many multiply-adds; where they do so only by strips of rows, whether there are that many. */
static int FN(gemm_shared)(const pydl_ctx *ctx, const FN(gemm_args) *g)
{
    const double work = FN(gemm_work)(g);
    return ctx->threads > 1 && (work > LARGE_WORK || (work > SHARE_WORK * ctx->threads && ceil_div(g->m, FN(MR)) >= ctx->threads));
}

/* Reals of scratch: first the packed block of B, or the vectors of DOT_A and DOT_B; then for each thread a strip of A. */
static isize FN(shared_scratch)(const FN(gemm_args) *g, const FN(plan) *plan)
{
    if (plan->way == FN(DOT_A)) return g->b_row == 1 ? 0 : g->n * g->k;
    if (plan->way == FN(DOT_B)) return g->a_col == 1 ? 0 : g->m * g->k;
    return plan->pack_b ? plan->kc * plan->nc : 0;
}
static isize FN(gapped)(isize k) { return (ceil_div(k, FN(GAP)) + 1) * FN(GAP); }
static isize FN(strip_scratch)(const FN(plan) *plan) { return plan->copy_a * FN(MR) * FN(gapped)(plan->kc); }
/* Of one thread: an A that is copied whole, so that it can meet the weights by panels. */
static isize FN(whole_scratch)(const FN(gemm_args) *g, const FN(plan) *plan)
{
    return plan->copy_a && g->a_col == 1 && g->b_packed && g->m > FN(MR) && g->k * g->n > FN(AT_HAND) && g->m * g->k <= FN(FEW_A) ? g->m * FN(gapped)(g->k) : 0;
}

isize FN(gemm_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) *g = args;
    const FN(plan) plan = FN(make_plan)(g);
    const isize strips = (FN(gemm_work)(g) > SHARE_WORK ? ctx->threads : 1) * FN(strip_scratch)(&plan);         /* fewer threads may share what more do not */
    return (FN(shared_scratch)(g, &plan) + max_isize(strips, FN(whole_scratch)(g, &plan))) * (isize)sizeof(real);
}

/* The inner indices p0 <= p < p0 + kc of the columns j0 <= j < j0 + nc, which stand packed at scratch + at. */
typedef struct { isize j0, nc, p0, kc, at; } FN(part);

/* Large weights that were packed before come from far: some panels at a time for all rows, while the next ones are fetched. */
static void FN(by_panels)(const FN(gemm_args) *g, FN(gemm_block_args) block)
{
    const isize n = block.n, step = g->b_packed && g->m > FN(MR) && g->k * g->n > FN(AT_HAND) ? max_isize(1, FN(AT_HAND) / (block.k * FN(NR))) * FN(NR) : n;
    const real *b = block.b, *bias = block.bias;
    real *c = block.c;
    for (isize j = 0; j < n; j += step) {
        block.n = min_isize(step, n - j);
        block.b = b + j / FN(NR) * block.b_panel;
        block.ahead = j + step < n ? block.b + step / FN(NR) * block.b_panel : NULL;
        block.bias = bias ? bias + j : NULL;
        block.c = c + j;
        FN(gemm_block)(&block);
    }
}

/* `count` strips of m rows of A from strip `first` on, each (kc, MR), `apart` from the next.  Several share lines of A, which are gone if one strip comes
   after the other, where columns are a multiple of 2 KB apart: so they take a few lines at a time. */
static void FN(copy_strips)(const FN(gemm_args) *g, const real *a, isize m, isize first, isize count, isize kc, real *strip, isize apart)
{
    const isize strips = ceil_div(m, FN(MR)), lines = count > 1 ? 16 : kc;
    for (isize p = 0; p < kc; p += lines)
        for (isize s = first; s < first + count; s++) {
            const isize row = m * s / strips, rows = m * (s + 1) / strips - row;
            FN(gemm_pack_strip)(a + row * g->a_row + p * g->a_col, g->a_row, g->a_col, rows, min_isize(lines, kc - p), FN(MR),
                                strip + (s - first) * apart + p * FN(MR));
        }
}

/* One task of a part: a block of rows by a block of columns.   strip: (strip_scratch). */
static void FN(run_task)(const FN(gemm_args) *g, const FN(plan) *plan, const FN(part) *part, isize task, isize rows, isize columns,
                         real *strip)
{
    const isize across = ceil_div(part->nc, columns), kc = part->kc;
    const isize i = task / across * rows, j = part->j0 + task % across * columns;
    const int first = part->p0 == 0, last = part->p0 + kc >= g->k;
    FN(gemm_block_args) block = {
        .m = min_isize(rows, g->m - i), .n = min_isize(columns, part->j0 + part->nc - j), .k = kc,
        .a = g->a + i * g->a_row + part->p0 * g->a_col, .a_row = g->a_row, .a_col = g->a_col, .segments = 1,
        .bias = last && g->bias ? g->bias + j : NULL, .accumulate = first ? g->accumulate : 1,
        .activation = last ? g->activation : GEMM_LINEAR, .c = g->c + i * g->c_row + j, .c_row = g->c_row
    };
    if (plan->pack_b) {
        block.b = (const real *)g->scratch + part->at + (j - part->j0) * kc;
        block.b_pitch = FN(NR);
        block.b_panel = FN(NR) * kc;
    } else if (g->b_packed) {
        block.b = g->b + j * g->k + part->p0 * FN(NR);
        block.b_pitch = FN(NR);
        block.b_panel = FN(NR) * g->k;
    } else {
        block.b = g->b + part->p0 * g->b_row + j;
        block.b_pitch = g->b_row;
        block.b_panel = FN(NR);
    }
    if (!plan->copy_a) {
        FN(by_panels)(g, block);
        return;
    }
    /* Some strips at a time: each (rows, pitch) where A lies in rows, else (kc, MR). */
    const isize m = block.m, strips = ceil_div(m, FN(MR)), pitch = FN(gapped)(plan->kc);
    const real *a = block.a;
    real *c = block.c;
    block.a_row = g->a_col == 1 ? pitch : 1;
    block.a_col = g->a_col == 1 ? 1 : FN(MR);
    for (isize s = 0; s < strips; s++) {
        const isize row = m * s / strips;
        block.m = m * (s + 1) / strips - row;
        block.c = c + row * g->c_row;
        block.a = strip + s % plan->copy_a * FN(MR) * pitch;
        if (g->a_col == 1)
            for (isize r = 0; r < block.m; r++) memcpy(strip + r * pitch, a + (row + r) * g->a_row, (size_t)kc * sizeof(real));
        else if (s % plan->copy_a == 0) FN(copy_strips)(g, a, m, s, min_isize(plan->copy_a, strips - s), kc, strip, FN(MR) * pitch);
        FN(gemm_block)(&block);
    }
}

/* ---- Providers ---- */

/* The table of who serves what: from how many multiply-adds on BLAS (OpenBLAS 0.3.31) takes a product that tiles would; 0: never.
   Ours against NumPy's, one thread, `python benchmarks/bench_gemm.py [--dtype float64]`, PYDL_CPU as named:

              float32                                    float64
     avx512   1.0 to 1.6x at every shape: never          1.0 to 1.6x: never
     avx2     1.0 to 1.4x: never                         1.0 to 1.2x: never
     base     1.6x at (24, 24, 24), 0.8x at 32,          0.5x at (32, 32, 32),
              0.4x from 64 on: 20000                     0.4x from 64 on: 20000        (x86; on ARM our NEON tiles serve) */
enum { FN(BLAS_FROM) = sizeof(FN(vec)) == 16 && HAVE_X86 ? 20000 : 0 };

typedef void (*FN(blas_call))(int order, int ta, int tb, int m, int n, int k, real alpha, const real *a, int lda,
                              const real *b, int ldb, real beta, real *c, int ldc);
typedef struct { const FN(gemm_args) *g; FN(blas_call) call; int a_rows, b_rows; isize lda, ldb, height, width, across; } FN(blas_work);

static void FN(blas_part)(const void *data, isize start, isize stop)
{
    const FN(blas_work) *w = data;
    const FN(gemm_args) *g = w->g;
    for (isize tile = start; tile < stop; tile++) {
        const isize i0 = tile / w->across * w->height, j0 = tile % w->across * w->width;
        const isize rows = min_isize(w->height, g->m - i0), columns = min_isize(w->width, g->n - j0);
        real *c = g->c + i0 * g->c_row + j0;
        w->call(101, w->a_rows ? 111 : 112, w->b_rows ? 111 : 112, (int)rows, (int)columns, (int)g->k, 1, g->a + i0 * g->a_row, (int)w->lda,
                g->b + j0 * g->b_col, (int)w->ldb, g->accumulate ? 1 : 0, c, (int)g->c_row);
        for (isize i = 0; i < rows; i++)
            for (isize j = 0; (g->bias || g->activation == GEMM_RELU) && j < columns; j++) {
                const real x = c[i * g->c_row + j] + (g->bias ? g->bias[j0 + j] : 0);
                c[i * g->c_row + j] = g->activation == GEMM_RELU && x < 0 ? 0 : x;
            }
    }
}

/* By tiles of 128 rows or columns, each with one call.  False where BLAS is missing, too slow or cannot express the strides. */
static int FN(blas_product)(const pydl_ctx *ctx, const FN(gemm_args) *g)
{
#if REAL_IS_FLOAT
    const FN(blas_call) call = ctx->blas->sgemm;
#else
    const FN(blas_call) call = ctx->blas->dgemm;
#endif
    const int a_rows = g->a_col == 1, b_rows = g->b_col == 1;           /* stored by rows */
    const isize lda = a_rows ? g->a_row : g->a_col, ldb = b_rows ? g->b_row : g->b_col;
    const double work = (double)g->m * (double)g->n * (double)g->k;
    if (!FN(BLAS_FROM) || !call || work < FN(BLAS_FROM) || g->b_packed) return 0;
    if ((!a_rows && g->a_row != 1) || (!b_rows && g->b_row != 1) || lda < (a_rows ? g->k : g->m) || ldb < (b_rows ? g->n : g->k)) return 0;
    if (max_isize(max_isize(max_isize(lda, ldb), max_isize(g->m, g->n)), max_isize(g->k, g->c_row)) > INT_MAX) return 0;
    const isize height = g->m >= g->n ? 128 : g->m, width = g->m >= g->n ? g->n : 128;
    const isize across = ceil_div(g->n, width), tiles = ceil_div(g->m, height) * across;
    run_parts(ctx, work > 1e6 && tiles > 1, tiles, 1, FN(blas_part), &(FN(blas_work)){ g, call, a_rows, b_rows, lda, ldb, height, width, across });
    return 1;
}

isize FN(gemm_prepared_size)(const FN(gemm_args) *g)
{
    const FN(plan) plan = FN(make_plan)(g);
    if (plan.way != FN(TILES) || (FN(BLAS_FROM) && (double)g->m * (double)g->n * (double)g->k >= FN(BLAS_FROM))) return 0;
    /* Where it would be packed anyway, and for more rows than a strip: (64, 2048, 1000) 1.5x, (32, 128, 500) 1.15x, (64, 400, 120) 1.1x;
       (16, 64, 64) would be 0.9x. */
    return plan.pack_b || (g->m > FN(MR) && g->k * g->n > 1 << 13) ? FN(gemm_packed_size)(g->k, g->n) : 0;
}

/* How threads share a product: tasks of rows x columns of C, some for each thread, so that the faster takes more of them.  The bits are the
   same however it is cut.  whole: a task makes its columns from end to end, and packs its own part of B, which nobody else reads: no thread waits for
   another, and B comes from far once.  So where B is larger than A and has columns enough; else all threads pack B, then they share it. */
typedef struct { int whole; isize rows, columns; } FN(cut);

static FN(cut) FN(make_cut)(const FN(gemm_args) *g, const FN(plan) *plan, isize threads)
{
    const isize nc = min_isize(plan->nc, g->n), wanted = 8 * threads, nr = FN(NR), mr = FN(MR), strips = ceil_div(g->m, mr);
    if (FN(gemm_work)(g) <= LARGE_WORK) return (FN(cut)){ 0, ceil_div(strips, threads) * mr, ceil_div(nc, nr) * nr };
    const isize least = plan->copy_a ? max_isize(2 * nr, ceil_div(ceil_div(nc, nr), threads) * nr) : nr;       /* each task of whole columns copies A anew */
    if (g->m < nc && nc >= threads * least) return (FN(cut)){ 1, g->m, max_isize(least, ceil_div(nc, wanted * nr) * nr) };
    const isize down = ceil_div(strips, max_isize(1, min_isize(8, strips / wanted)));
    const isize across = max_isize(1, min_isize(ceil_div(wanted, down), nc / (2 * nr)));
    return (FN(cut)){ 0, ceil_div(g->m, down), ceil_div(ceil_div(nc, across), nr) * nr };
}

/* The columns j0 <= j < j0 + nc of C. */
typedef struct { const FN(gemm_args) *g; const FN(plan) *plan; FN(cut) cut; isize j0, nc; } FN(column_work);

static void FN(column_task)(const void *data, isize task, void *strip)
{
    const FN(column_work) *w = data;
    const FN(gemm_args) *g = w->g;
    const isize first = task * w->cut.columns, j = w->j0 + first, nc = min_isize(w->cut.columns, w->nc - first);
    for (isize p0 = 0; p0 == 0 || p0 < g->k; p0 += w->plan->kc) {
        const FN(part) part = { .j0 = j, .nc = nc, .p0 = p0, .kc = min_isize(w->plan->kc, g->k - p0), .at = first * w->plan->kc };
        if (w->plan->pack_b)
            FN(gemm_pack_panels)(g->b + p0 * g->b_row + j * g->b_col, g->b_row, g->b_col, part.kc, nc, 0, ceil_div(nc, FN(NR)),
                                 (real *)g->scratch + part.at);
        FN(run_task)(g, w->plan, &part, 0, g->m, nc, strip);
    }
}

typedef struct { const FN(gemm_args) *g; const FN(plan) *plan; FN(cut) cut; FN(part) part; } FN(tile_work);

static void FN(pack_part)(const void *data, isize start, isize stop)
{
    const FN(tile_work) *w = data;
    const FN(gemm_args) *g = w->g;
    FN(gemm_pack_panels)(g->b + w->part.p0 * g->b_row + w->part.j0 * g->b_col, g->b_row, g->b_col, w->part.kc, w->part.nc, start, stop, g->scratch);
}
static void FN(tile_task)(const void *data, isize task, void *strip)
{
    const FN(tile_work) *w = data;
    FN(run_task)(w->g, w->plan, &w->part, task, w->cut.rows, w->cut.columns, strip);
}

static void FN(tile_product)(const pydl_ctx *ctx, const FN(gemm_args) *g, const FN(plan) *plan)
{
    const int alone = !FN(gemm_shared)(ctx, g);
    FN(gemm_args) copied = *g;
    FN(plan) plain = *plan;
    if (alone && FN(whole_scratch)(g, plan)) {
        real *to = g->scratch;
        copied.a = to;
        copied.a_row = FN(gapped)(g->k);
        plain.copy_a = 0;
        for (isize i = 0; i < g->m; i++) memcpy(to + i * copied.a_row, g->a + i * g->a_row, (size_t)g->k * sizeof(real));
        g = &copied;
        plan = &plain;
    }
    const FN(cut) cut = alone ? (FN(cut)){ 1, g->m, plan->nc } : FN(make_cut)(g, plan, ctx->threads);
    real *strips = (real *)g->scratch + FN(shared_scratch)(g, plan);
    const isize own = FN(strip_scratch)(plan) * (isize)sizeof(real);
    for (isize j0 = 0; j0 < g->n; j0 += plan->nc) {
        const isize nc = min_isize(plan->nc, g->n - j0);
        if (cut.whole) {
            run_tasks(ctx, !alone, ceil_div(nc, cut.columns), FN(column_task), &(FN(column_work)){ g, plan, cut, j0, nc }, strips, own);
            continue;
        }
        for (isize p0 = 0; p0 == 0 || p0 < g->k; p0 += plan->kc) {
            const FN(tile_work) work = { g, plan, cut, { .j0 = j0, .nc = nc, .p0 = p0, .kc = min_isize(plan->kc, g->k - p0) } };
            if (plan->pack_b) run_parts(ctx, 1, ceil_div(nc, FN(NR)), 1, FN(pack_part), &work);
            run_tasks(ctx, 1, ceil_div(g->m, cut.rows) * ceil_div(nc, cut.columns), FN(tile_task), &work, strips, own);
        }
    }
}

/* Vectors that do not lie contiguous, copied so: out[i, p] = v[i * step_i + p * step_p]. */
static const real *FN(contiguous)(const real *v, isize step_i, isize step_p, isize count, isize k, real *out)
{
    if (step_p == 1) return v;
    for (isize i = 0; i < count; i++)
        for (isize p = 0; p < k; p++) out[i * k + p] = v[i * step_i + p * step_p];
    return out;
}

pydl_status FN(gemm)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) *g = args;
    if (g->m == 0 || g->n == 0) return PYDL_OK;
    const FN(plan) plan = FN(make_plan)(g);
    switch (plan.way) {
    case FN(ROW_PRODUCT):
        FN(gemm_row_product)(ctx, g, g->a, g->a_col, g->b, g->b_row, g->n);
        break;
    case FN(COLUMN_PRODUCT):
        FN(gemm_row_product)(ctx, g, g->b, g->b_row, g->a, g->a_col, g->m);
        break;
    case FN(DOT_A): {
        const real *x = FN(contiguous)(g->b, g->b_col, g->b_row, g->n, g->k, g->scratch);
        FN(gemm_dot_products)(ctx, &(FN(gemm_dots)){ g, g->a, g->a_row, g->m, x, x == g->b ? g->b_col : g->k, g->n, g->c_row, 1, 0, 1 });
        break;
    }
    case FN(DOT_B): {
        const real *x = FN(contiguous)(g->a, g->a_row, g->a_col, g->m, g->k, g->scratch);
        FN(gemm_dot_products)(ctx, &(FN(gemm_dots)){ g, g->b, g->b_col, g->n, x, x == g->a ? g->a_row : g->k, g->m, 1, g->c_row, 1, 0 });
        break;
    }
    default:
        if (!FN(blas_product)(ctx, g)) FN(tile_product)(ctx, g, &plan);
    }
    return PYDL_OK;
}

/* ---- Batches ---- */

static FN(gemm_args) FN(one_product)(const FN(matmul_args) *g)
{
    return (FN(gemm_args)){ .scratch = g->scratch, .m = g->m, .n = g->n, .k = g->k, .a = g->a, .a_row = g->a_row, .a_col = g->a_col,
                            .b = g->b, .b_row = g->b_row, .b_col = g->b_col, .c = g->c, .c_row = g->n };
}

/* Moves the matrices to entry `index` of the axes that are repeated in C (repeated = 1) or of the others (0). */
static void FN(move_to)(const FN(matmul_args) *g, isize index, int repeated, FN(gemm_args) *one)
{
    for (isize d = g->batch_ndim - 1; d >= 0; d--) {
        if ((g->c_step[d] == 0 && g->shape[d] > 1) != repeated) continue;
        const isize i = index % g->shape[d];
        index /= g->shape[d];
        one->a += i * g->a_step[d];
        one->b += i * g->b_step[d];
        one->c += i * g->c_step[d];
    }
}

/* Into one C: all the products that share it. */
static void FN(products)(const pydl_ctx *ctx, const FN(matmul_args) *g, isize index, isize repeats, void *scratch)
{
    for (isize r = 0; r < repeats; r++) {
        FN(gemm_args) one = FN(one_product)(g);
        FN(move_to)(g, index, 0, &one);
        FN(move_to)(g, r, 1, &one);
        one.scratch = scratch;
        one.accumulate = r > 0;
        FN(gemm)(ctx, &one);
    }
}

typedef struct { const pydl_ctx *one_thread; const FN(matmul_args) *g; isize repeats; } FN(matmul_work);

static void FN(matmul_task)(const void *data, isize index, void *own)
{
    const FN(matmul_work) *w = data;
    FN(products)(w->one_thread, w->g, index, w->repeats, own);
}

pydl_status FN(matmul)(const pydl_ctx *ctx, const void *args)
{
    const FN(matmul_args) *g = args;
    isize count = 1, repeats = 1;
    for (isize d = 0; d < g->batch_ndim; d++)
        if (g->c_step[d] == 0 && g->shape[d] > 1) repeats *= g->shape[d];
        else count *= g->shape[d];
    if (count == 0 || g->m == 0 || g->n == 0) return PYDL_OK;
    pydl_ctx one_thread = *ctx;
    one_thread.threads = 1;
    const FN(gemm_args) one = FN(one_product)(g);
    const isize bytes = ceil_div(FN(gemm_scratch)(&one_thread, &one), 64) * 64;
    if (count < 4 || ctx->threads == 1) {
        for (isize i = 0; i < count; i++) FN(products)(ctx, g, i, repeats, g->scratch);
        return PYDL_OK;
    }
    const int worth = (double)count * (double)repeats * (double)g->m * (double)g->n * (double)g->k > 1e6;
    run_tasks(ctx, worth, count, FN(matmul_task), &(FN(matmul_work)){ &one_thread, g, repeats }, g->scratch, bytes);
    return PYDL_OK;
}

isize FN(matmul_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(matmul_args) *g = args;
    const FN(gemm_args) one = FN(one_product)(g);
    pydl_ctx one_thread = *ctx;
    one_thread.threads = 1;
    return max_isize(FN(gemm_scratch)(ctx, &one), ctx->threads * ceil_div(FN(gemm_scratch)(&one_thread, &one), 64) * 64);
}
#endif
