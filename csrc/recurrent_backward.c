/* Backward.  In the loop over the steps stand only the products with the transposed weights, packed once a sequence; the gradients of the weights are one
   product each over all live steps of all rows behind it. */
#ifndef real
#include <omp.h>
#include "index.h"
#include "internal.h"
#include "gemm.h"
#include "dense.h"
#include "recurrent.h"
#include "recurrent_parts.h"
#include "recurrent_cells.h"
#define EACH_REAL "recurrent_backward.c"
#include "each_real.h"
#else

/* Where the parts of the scratch start, in reals. */
typedef struct {
    int within, behind;                           /* where dx is made: in the loop, or behind it, where the weights of the inputs would only be in the way */
    isize gates, width, narrow, wide, thin;       /* gates a unit; of a row of gates; pitches of a state, of dp, of x */
    isize packed, packed_candidate, packed_x, dh, dc, dp, product, dx, zero;
    isize x, h, reset, id;                        /* by place: the inputs; the states and r h, as they meet the weights; the ids */
    isize places, dgates;                         /* the places; the gradients of the gates in the order of x, for dx behind the loop */
    isize products, end;
} FN(backward_plan);

static FN(backward_plan) FN(make_backward_plan)(const FN(recurrent_backward_args) *a)
{
    const isize u = a->units, gates = gates_of(a->cell), width = gates * u, reset_first = a->cell == RECURRENT_GRU_BEFORE, lanes = FN(LANES);
    const isize steps = a->n * a->t, indices = round_up(steps * (isize)(sizeof(isize) / sizeof(real)), lanes);
    FN(backward_plan) p = { .gates = gates, .width = width, .narrow = FN(pitch)(u), .thin = FN(pitch)(a->d_in) };
    p.within = a->dx && !a->ids && a->n >= RECURRENT_SHARED_ROWS;
    p.behind = a->dx && !a->ids && !p.within;
    p.wide = FN(pitch)(a->cell == RECURRENT_GRU ? 4 * u : width);      /* the gradient by the candidate's p stands behind that by its q */
    p.packed_candidate = p.packed + FN(gemm_packed_size)(reset_first ? 2 * u : width, u);
    p.packed_x = p.packed_candidate + (reset_first ? FN(gemm_packed_size)(u, u) : 0);
    p.dh = p.packed_x + (p.within ? FN(gemm_packed_size)(width, a->d_in) : 0);
    p.dc = p.dh + a->n * p.narrow;
    p.dp = p.dc + (a->cell == RECURRENT_LSTM ? a->n * p.narrow : 0);
    p.product = p.dp + a->n * p.wide;
    p.dx = p.product + a->n * p.narrow + FN(GEMM_NR);
    p.zero = p.dx + (p.within ? a->n * p.thin : 0);
    p.x = p.zero + p.narrow;
    p.h = p.x + (a->dkernel ? round_up(steps * a->d_in, lanes) : 0);
    p.reset = p.h + round_up(steps * u, lanes);
    p.id = p.reset + (reset_first ? round_up(steps * u, lanes) : 0);
    p.places = p.id + (a->ids ? indices : 0);
    p.dgates = p.places + (a->mask ? indices : 0);
    p.products = p.dgates + (p.behind ? round_up(steps * width, lanes) : 0);
    p.end = p.products;
    return p;
}

static FN(dense_backward_input_args) FN(input_gradient)(const FN(recurrent_backward_args) *a, const real *dgates)
{
    return (FN(dense_backward_input_args)){ .dy = dgates, .weight = a->kernel, .n = a->n * a->t, .d_in = a->d_in,
                                            .units = gates_of(a->cell) * a->units, .dx = a->dx };
}

typedef struct { const real *b; isize b_row, b_col, k, n; real *packed; } FN(packing);

static void FN(pack_part)(const void *data, isize start, isize stop)
{
    const FN(packing) *g = data;
    FN(gemm_pack_panels)(g->b, g->b_row, g->b_col, g->k, g->n, start, stop, g->packed);
}
static void FN(pack)(const pydl_ctx *ctx, const real *b, isize b_row, isize b_col, isize k, isize n, real *packed)
{
    run_parts(ctx, k * n >= PARALLEL_MIN * 4, ceil_div(n, FN(GEMM_NR)), 1, FN(pack_part), &(FN(packing)){ b, b_row, b_col, k, n, packed });
}

/* A group of rows on its way back through the steps, at step s. */
typedef struct {
    const FN(recurrent_backward_args) *a;
    const FN(backward_plan) *p;
    const isize *places;
    isize first, count;                           /* rows of the batch */
    isize s;
    isize lives, live[RECURRENT_ROWS];            /* those that this step concerns, counted from `first` */
    isize place[RECURRENT_ROWS];                  /* of each of them */
    const real *h[RECURRENT_ROWS];                /* the state before the step */
    isize before[RECURRENT_ROWS];                 /* the place of the live step before, or -1 */
    real *dh, *dc, *dp, *product;
} FN(backward_group);

static inline isize FN(step_of)(const FN(recurrent_backward_args) *a, isize s) { return a->backwards ? a->t - 1 - s : s; }
static inline int FN(is_live)(const FN(recurrent_backward_args) *a, isize row, isize s) { return !a->mask || a->mask[row * a->t + FN(step_of)(a, s)]; }

/* The gradients of the w units of a panel, for live row j.  reset: the second half, where the reset comes before the product. */
ALWAYS_INLINE void FN(panel_back)(const FN(backward_group) *g, isize panel, isize j, const isize w, const int reset)
{
    const FN(recurrent_backward_args) *a = g->a;
    const isize u = a->units, start = panel * FN(RECURRENT_PANEL), i = g->live[j], row = g->first + i, place = g->place[j], all = a->n * a->t;
    const isize far = all * FN(RECURRENT_PANEL);
    real *p = a->gates + (panel * g->p->gates * all + place) * FN(RECURRENT_PANEL), *dp = g->dp + j * g->p->wide + start;
    real *cells = a->cells ? a->cells + (panel * all + place) * FN(RECURRENT_PANEL) : NULL, *dh = g->dh + i * g->p->narrow + start, *scratch = a->scratch;
    switch (a->cell) {
    case RECURRENT_TANH: FN(tanh_backward_row)(a->y + (row * a->t + g->s) * u + start, w, dh, p, dp); break;
    case RECURRENT_LSTM: {
        const real *c_before = g->before[j] >= 0 ? a->cells + (panel * all + g->before[j]) * FN(RECURRENT_PANEL) : a->c0 ? a->c0 + row * u + start
                             : scratch + g->p->zero;
        FN(lstm_backward_row)(p, far, cells, c_before, a->peephole ? a->peephole + start : NULL, w, dh, g->dc + i * g->p->narrow + start, dp, u);
        break;
    }
    case RECURRENT_GRU: FN(gru_backward_row)(p, far, cells, g->h[j] + start, w, dh, dp, u); break;
    case RECURRENT_GRU_SIMPLE: FN(gru_simple_backward_row)(p, far, g->h[j] + start, w, dh, dp, u); break;
    default:
        if (reset) FN(gru_before_backward_reset)(p, far, scratch + g->p->h + place * u + start, w, g->product + j * g->p->narrow + start, dp, u,
                                                 scratch + g->p->reset + place * u + start);
        else FN(gru_before_backward_candidate)(p, far, g->h[j] + start, w, dh, dp, u);
    }
}
static void FN(panels_back)(const FN(backward_group) *g, const int reset)
{
    const isize panels = ceil_div(g->a->units, FN(RECURRENT_PANEL)), last = g->a->units - (panels - 1) * FN(RECURRENT_PANEL);
    for (isize panel = 0; panel < panels; panel++)
        if (panel < panels - 1 || last == FN(RECURRENT_PANEL))
            for (isize j = 0; j < g->lives; j++) FN(panel_back)(g, panel, j, FN(RECURRENT_PANEL), reset);
        else
            for (isize j = 0; j < g->lives; j++) FN(panel_back)(g, panel, j, last, reset);
}

/* The rows first <= row < last, all steps back. */
static void FN(backward_rows)(const FN(recurrent_backward_args) *a, const FN(backward_plan) *p, isize first, isize last)
{
    const isize n = a->units, width = p->width, steps = a->t, count = last - first, nr = FN(GEMM_NR), d = a->d_in;
    const int lstm = a->cell == RECURRENT_LSTM, reset_first = a->cell == RECURRENT_GRU_BEFORE;
    real *scratch = a->scratch, *dx = scratch + p->dx + (p->within ? first * p->thin : 0);
    const real *zero = scratch + p->zero;
    const int large = p->within && width * (n + d) > STEP_WEIGHTS;
    isize begin[RECURRENT_ROWS];                                /* the first live step of a row */
    FN(backward_group) g = {
        .a = a, .p = p, .places = a->mask ? (const isize *)(const void *)(scratch + p->places) : NULL, .first = first, .count = count,
        .dh = scratch + p->dh + first * p->narrow, .dc = scratch + p->dc + lstm * first * p->narrow, .dp = scratch + p->dp + first * p->wide,
        .product = scratch + p->product + first * p->narrow
    };
    for (isize i = 0; i < count; i++) {
        const isize row = first + i;
        FN(copy)(a->dh ? a->dh + row * n : zero, n, g.dh + i * p->narrow);
        if (lstm) FN(copy)(a->dc ? a->dc + row * n : zero, n, g.dc + i * p->narrow);
        begin[i] = 0;
        while (begin[i] < steps && !FN(is_live)(a, row, begin[i])) begin[i]++;
    }
    for (g.s = steps - 1; g.s >= 0; g.s--) {
        const isize s = g.s, t = FN(step_of)(a, s);
        g.lives = 0;
        for (isize i = 0; i < count; i++) {
            const isize row = first + i, at = row * steps + t;
            if (a->dy && s >= begin[i]) {                       /* before that the output is 0, whatever the state */
                const real *dy = a->dy + (row * steps + s) * n;
                real *dh_row = g.dh + i * p->narrow;
                for (isize u = 0; u < n; u++) dh_row[u] += dy[u];
            }
            if (!FN(is_live)(a, row, s)) {
                if (p->behind) FN(clear)(scratch + p->dgates + at * width, width);
                else if (p->within) FN(clear)(a->dx + at * d, d);
                continue;
            }
            const isize place = place_of(g.places, a->n, s, row);
            isize before = s - 1;
            while (before > begin[i] && !FN(is_live)(a, row, before)) before--;
            g.live[g.lives] = i;
            g.place[g.lives] = place;
            g.before[g.lives] = s > begin[i] ? place_of(g.places, a->n, before, row) : -1;
            g.h[g.lives] = s > begin[i] ? a->y + (row * steps + s - 1) * n : a->h0 ? a->h0 + row * n : zero;
            FN(dropped)(g.h[g.lives], a->drop ? a->drop + row * n : NULL, n, scratch + p->h + place * n);
            if (a->dkernel) FN(copy)(a->x + at * d, d, scratch + p->x + place * d);
            if (a->ids) ((isize *)(void *)(scratch + p->id))[place] = index_at(a->ids, a->id_size, at);
            g.lives++;
        }
        if (!g.lives) continue;
        FN(panels_back)(&g, 0);
        if (reset_first) {
            FN(step_product)(g.dp + 2 * n, p->wide, g.lives, n, n, scratch + p->packed_candidate, n * nr, NULL, NULL, 0, g.product, p->narrow);
            FN(panels_back)(&g, 1);
        }
        if (s || a->dh0) {
            const isize k = reset_first ? 2 * n : width;
            if (a->n == 1 && !reset_first) FN(row_product)(g.dp, k, n, scratch + p->packed, k * nr, NULL, s % 2, g.product);
            else FN(step_product)(g.dp, p->wide, g.lives, k, n, scratch + p->packed, k * nr, large ? scratch + p->packed_x : NULL, NULL, reset_first,
                                  g.product, p->narrow);
            for (isize j = 0; j < g.lives; j++) {
                const isize i = g.live[j];
                const real *drop = a->drop ? a->drop + (first + i) * n : NULL, *q = g.product + j * p->narrow;
                real *dh_row = g.dh + i * p->narrow;
                if (drop)
                    for (isize u = 0; u < n; u++) dh_row[u] += drop[u] * q[u];
                else
                    for (isize u = 0; u < n; u++) dh_row[u] += q[u];
            }
        }
        const isize plain = a->cell == RECURRENT_GRU ? 2 * n : width;           /* of the GRU z and r, then the candidate's other gradient */
        if (p->within) {
            FN(step_product)(g.dp, p->wide, g.lives, plain, d, scratch + p->packed_x, width * nr, large ? scratch + p->packed : NULL, NULL, 0, dx, p->thin);
            if (plain < width)
                FN(step_product)(g.dp + 3 * n, p->wide, g.lives, n, d, scratch + p->packed_x + plain * nr, width * nr, NULL, NULL, 1, dx, p->thin);
        }
        for (isize j = 0; j < g.lives; j++) {
            const isize at = (first + g.live[j]) * steps + t;
            if (p->within) FN(copy)(dx + j * p->thin, d, a->dx + at * d);
            if (!p->behind) continue;
            FN(copy)(g.dp + j * p->wide, plain, scratch + p->dgates + at * width);
            if (plain < width) FN(copy)(g.dp + j * p->wide + 3 * n, n, scratch + p->dgates + at * width + plain);
        }
    }
    for (isize i = 0; i < count; i++) {
        if (a->dh0) FN(copy)(g.dh + i * p->narrow, n, a->dh0 + (first + i) * n);
        if (lstm && a->dc0) FN(copy)(g.dc + i * p->narrow, n, a->dc0 + (first + i) * n);
    }
}

/* The sums over all live steps, for the units of a panel: the gradients of i and f by c before, of o by c. */
static void FN(peephole_part)(const void *data, isize panel, isize stop)
{
    const FN(recurrent_backward_args) *a = data;
    const FN(backward_plan) p = FN(make_backward_plan)(a);
    const isize n = a->units, first = panel * FN(RECURRENT_PANEL), count = min_isize(FN(RECURRENT_PANEL), n - first), far = a->n * a->t * FN(RECURRENT_PANEL);
    const isize *places = a->mask ? (const isize *)(const void *)((real *)a->scratch + p.places) : NULL;
    double sum[3][FN(RECURRENT_PANEL)] = { { 0 } };
    (void)stop;
    for (isize row = 0; row < a->n; row++) {
        const real *c_before = a->c0 ? a->c0 + row * n + first : NULL;
        for (isize s = 0; s < a->t; s++) {
            if (!FN(is_live)(a, row, s)) continue;
            const isize at = place_of(places, a->n, s, row) * FN(RECURRENT_PANEL);
            const real *c = a->cells + panel * far + at, *gates = a->gates + panel * 4 * far + at;
            for (isize j = 0; j < count; j++) {
                const double before = c_before ? (double)c_before[j] : 0;
                sum[0][j] += (double)gates[j] * before;
                sum[1][j] += (double)gates[far + j] * before;
                sum[2][j] += (double)gates[3 * far + j] * (double)c[j];
            }
            c_before = c;
        }
    }
    for (isize k = 0; k < 3; k++)
        for (isize j = 0; j < count; j++) a->dpeephole[k * n + first + j] = (real)sum[k][j];
}

/* The gradients that are sums over the steps: products of x and of the states, transposed, with the gradient of the gates, whose panels are packed as they
   are; and the sums of these.  A run of steps at a time, so that its x and states, packed, stay in the second-level cache while the panels stream by. */
typedef struct { isize m; const real *a; real *c; isize strips; } FN(left);      /* c (m, width) = a^T gates; no strips: not wanted */
typedef struct {
    const FN(recurrent_backward_args) *a;
    const FN(backward_plan) *p;
    isize rows, run;                                        /* live steps, and most of them at a time */
    FN(left) x, h, reset;
    real *packed;                                           /* a run of these three */
} FN(sums);
enum { FN(RUN) = 768, FN(RUN_REALS) = 1536 * 1024 / sizeof(real) };

static FN(sums) FN(make_sums)(const FN(recurrent_backward_args) *a, const FN(backward_plan) *p, isize rows)
{
    const isize u = a->units, d = a->d_in, reset = a->cell == RECURRENT_GRU_BEFORE ? u : 0, mr = FN(GEMM_MR);
    FN(sums) g = { .a = a, .p = p, .rows = rows, .run = max_isize(1, min_isize(FN(RUN), FN(RUN_REALS) / (d + u + reset))) };
    if (a->dkernel) g.x = (FN(left)){ .m = d, .c = a->dkernel, .strips = ceil_div(d, mr) };
    if (a->drecurrent) g.h = (FN(left)){ .m = u, .c = a->drecurrent, .strips = ceil_div(u, mr) };
    if (reset) g.reset = g.h;
    return g;
}
static isize FN(packed_lefts)(const FN(sums) *g) { return min_isize(g->rows, g->run) * (g->x.strips + g->h.strips + g->reset.strips) * FN(GEMM_MR); }

static void FN(pack_left)(const FN(sums) *g, isize first, isize run, isize strip)
{
    real *to = g->packed + strip * FN(GEMM_MR) * run;
    const FN(left) *l = &g->x;
    if (strip >= l->strips) strip -= l->strips, l = &g->h;
    if (strip >= l->strips) strip -= l->strips, l = &g->reset;
    const isize i = l->m * strip / l->strips, count = l->m * (strip + 1) / l->strips - i;
    FN(gemm_pack_strip)(l->a + first * l->m + i, 1, l->m, count, run, FN(GEMM_MR), to);
}

/* sums (width,) = (more ? sums : 0) + the columns of a panel; four chains of additions, so that none waits for the one before. */
static void FN(sum_columns)(const real *panel, isize rows, isize width, int more, real *sums)
{
    const isize pitch = FN(RECURRENT_PANEL), lanes = FN(LANES);
    for (isize j = 0; j < width; j += lanes) {
        FN(vec) a = FN(vzero)(), b = a, c = a, d = a;
        isize i = 0;
        for (; i + 4 <= rows; i += 4) {
            const real *p = panel + i * pitch + j;
            a = a + FN(vload)(p), b = b + FN(vload)(p + pitch), c = c + FN(vload)(p + 2 * pitch), d = d + FN(vload)(p + 3 * pitch);
        }
        for (; i < rows; i++) a = a + FN(vload)(panel + i * pitch + j);
        a = (a + b) + (c + d);
        const FN(vmask) here = FN(mask_of)(min_isize(lanes, width - j));
        if (more) a = a + FN(vload_mask)(sums + j, here);
        FN(vstore_mask)(sums + j, here, a);
    }
}
/* Add each row of a panel to the one of `sums` that its id says, rows `pitch` apart. */
static void FN(sum_by_id)(const real *panel, isize rows, isize width, const isize *id, isize pitch, real *sums)
{
    const isize lanes = FN(LANES), whole = width / lanes * lanes;
    const FN(vmask) rest = FN(mask_of)(width - whole);
    for (isize i = 0; i < rows; i++) {
        const real *from = panel + i * FN(RECURRENT_PANEL);
        real *to = sums + id[i] * pitch;
        for (isize j = 0; j < whole; j += lanes) FN(vstore)(to + j, FN(vload)(to + j) + FN(vload)(from + j));
        if (whole < width) FN(vstore_mask)(to + whole, rest, FN(vload_mask)(to + whole, rest) + FN(vload)(from + whole));
    }
}

static void FN(product_with)(const FN(left) *l, const real *packed, const real *b, isize run, isize first, isize column, isize w, isize width)
{
    for (isize s = 0; s < l->strips; s++) {
        const isize i = l->m * s / l->strips;
        const FN(gemm_block_args) block = {
            .m = l->m * (s + 1) / l->strips - i, .n = w, .k = run, .a = packed + s * FN(GEMM_MR) * run, .a_row = 1, .a_col = FN(GEMM_MR), .segments = 1,
            .b = b, .b_pitch = FN(RECURRENT_PANEL), .b_panel = FN(GEMM_NR), .accumulate = first > 0, .c = l->c + i * width + column, .c_row = width
        };
        FN(gemm_block)(&block);
    }
}

/* A run of one panel: of a gate, or, as the last kind, of the GRU's gradient by q.  That has the candidate's place in what belongs to the states. */
static void FN(sums_of)(const FN(sums) *g, isize first, isize run, isize panel, isize kind)
{
    const FN(recurrent_backward_args) *a = g->a;
    const isize gates = g->p->gates, width = g->p->width, all = a->n * a->t, strip = FN(GEMM_MR) * run, start = panel * FN(RECURRENT_PANEL);
    const int by_q = kind == gates, candidate = gates == 3 && kind == 2;
    const isize w = min_isize(FN(RECURRENT_PANEL), a->units - start), column = (by_q ? 2 : kind) * a->units + start;
    const real *b = (by_q ? a->cells + panel * all * FN(RECURRENT_PANEL) : a->gates + (panel * gates + kind) * all * FN(RECURRENT_PANEL))
                  + first * FN(RECURRENT_PANEL);
    if (a->dbias) {                                         /* the second row, which the first two gates share with the first, is copied later */
        real *bias = a->dbias + (by_q && !a->ids ? width : 0);
        if (!(a->ids && candidate)) FN(sum_columns)(b, run, w, first > 0, bias + column);
    }
    if (a->ids && a->dx && !by_q) {
        for (isize i = 0; i < a->vocab && first == 0; i++) FN(clear)(a->dx + i * width + column, w);
        FN(sum_by_id)(b, run, w, (const isize *)(const void *)((real *)a->scratch + g->p->id) + first, width, a->dx + column);
    }
    if (!by_q) FN(product_with)(&g->x, g->packed, b, run, first, column, w, width);
    if (!candidate) FN(product_with)(&g->h, g->packed + g->x.strips * strip, b, run, first, column, w, width);
    else FN(product_with)(&g->reset, g->packed + (g->x.strips + g->h.strips) * strip, b, run, first, column, w, width);
}
/* Some rows of the sums: run of them from first. */
typedef struct { const FN(sums) *g; isize first, run, kinds; } FN(rows_of_sums);

static void FN(left_part)(const void *data, isize start, isize stop)
{
    const FN(rows_of_sums) *r = data;
    for (isize strip = start; strip < stop; strip++) FN(pack_left)(r->g, r->first, r->run, strip);
}
static void FN(sums_task)(const void *data, isize i, void *own)
{
    const FN(rows_of_sums) *r = data;
    (void)own;
    FN(sums_of)(r->g, r->first, r->run, i / r->kinds, i % r->kinds);
}
static void FN(all_sums)(const pydl_ctx *ctx, int worth, const FN(sums) *g)
{
    const isize kinds = g->p->gates + (g->a->cell == RECURRENT_GRU), panels = ceil_div(g->a->units, FN(RECURRENT_PANEL));
    const isize strips = g->x.strips + g->h.strips + g->reset.strips, runs = max_isize(1, ceil_div(g->rows, g->run));
    for (isize r = 0; r < runs; r++) {
        const isize first = g->rows * r / runs;
        const FN(rows_of_sums) some = { g, first, g->rows * (r + 1) / runs - first, kinds };
        run_parts(ctx, worth, strips, 1, FN(left_part), &some);
        run_tasks(ctx, worth, panels * kinds, FN(sums_task), &some, NULL, 0);
    }
}

typedef struct { const FN(recurrent_backward_args) *a; const FN(backward_plan) *p; isize groups; } FN(backward_work);

static void FN(backward_groups)(const void *data, isize start, isize stop)
{
    const FN(backward_work) *w = data;
    for (isize i = start; i < stop; i++) FN(backward_rows)(w->a, w->p, w->a->n * i / w->groups, w->a->n * (i + 1) / w->groups);
}

pydl_status FN(recurrent_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_backward_args) *a = args;
    const isize n = a->units;
    if (a->ids && check_indices(ctx, a->ids, a->id_size, a->n * a->t, a->vocab) != PYDL_OK) return PYDL_BAD_INDEX;
    const FN(backward_plan) plan = FN(make_backward_plan)(a), *p = &plan;
    real *scratch = a->scratch;
    const isize rows = number_places(a->mask, a->n, a->t, a->backwards, (isize *)(void *)(scratch + p->places));
    FN(clear)(scratch + p->zero, p->narrow);
    if (a->cell == RECURRENT_GRU_BEFORE) {
        FN(pack)(ctx, a->recurrent, 1, p->width, 2 * n, n, scratch + p->packed);
        FN(pack)(ctx, a->recurrent + 2 * n, 1, p->width, n, n, scratch + p->packed_candidate);
    } else FN(pack)(ctx, a->recurrent, 1, p->width, p->width, n, scratch + p->packed);
    if (p->within) FN(pack)(ctx, a->kernel, 1, p->width, p->width, a->d_in, scratch + p->packed_x);
    const double work = (double)(a->n * a->t) * (double)(n + a->d_in) * (double)p->width;
    if (a->n > 0) {
        const isize groups = row_groups(ctx, a->n, work);
        run_parts(ctx, groups > 1, groups, 1, FN(backward_groups), &(FN(backward_work)){ a, p, groups });
    }
    if (a->dpeephole) run_parts(ctx, 1, ceil_div(n, FN(RECURRENT_PANEL)), 1, FN(peephole_part), a);
    if (p->behind) {
        FN(dense_backward_input_args) product = FN(input_gradient)(a, scratch + p->dgates);
        product.scratch = scratch + p->products;
        FN(dense_backward_input)(ctx, &product);
    }
    FN(sums) sums = FN(make_sums)(a, p, rows);
    sums.x.a = scratch + p->x;
    sums.h.a = scratch + p->h;
    sums.reset.a = scratch + p->reset;
    sums.packed = scratch + p->products;
    if (a->dkernel || a->drecurrent || a->dbias || (a->ids && a->dx)) FN(all_sums)(ctx, work > 1e6, &sums);
    if (a->dbias && a->cell == RECURRENT_GRU && !a->ids) FN(copy)(a->dbias, 2 * n, a->dbias + p->width);
    return PYDL_OK;
}
isize FN(recurrent_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_backward_args) *a = args;
    const FN(backward_plan) plan = FN(make_backward_plan)(a);
    const FN(dense_backward_input_args) input = FN(input_gradient)(a, NULL);
    const FN(sums) sums = FN(make_sums)(a, &plan, a->n * a->t);
    return plan.end * (isize)sizeof(real)
         + max_isize(FN(packed_lefts)(&sums) * (isize)sizeof(real), plan.behind ? FN(dense_backward_input_scratch)(ctx, &input) : 0);
}
#endif
