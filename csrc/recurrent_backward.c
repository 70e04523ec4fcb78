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
    isize packed, packed_candidate, packed_x, dh, dc, dp, product, dx, zero, before, x, offsets, places, products, end;
} FN(backward_plan);

static FN(backward_plan) FN(make_backward_plan)(const FN(recurrent_backward_args) *a)
{
    const isize u = a->units, gates = gates_of(a->cell), width = gates * u, reset_first = a->cell == RECURRENT_GRU_BEFORE, lanes = FN(LANES);
    FN(backward_plan) p = { .gates = gates, .width = width, .narrow = FN(pitch)(u), .thin = FN(pitch)(a->d_in) };
    p.within = a->dx && !a->ids && a->n >= SHARED_ROWS;
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
    p.before = p.zero + p.narrow;
    p.x = p.before + round_up(a->n * a->t * u, lanes);
    p.offsets = p.x + (a->mask ? round_up(a->n * a->t * a->d_in, lanes) : 0);
    p.places = p.offsets + round_up((a->n + 1) * (isize)(sizeof(isize) / sizeof(real)), lanes);
    p.products = p.places + (a->ids ? round_up(a->n * a->t * (isize)(sizeof(isize) / sizeof(real)), lanes) : 0);
    p.end = p.products;
    return p;
}

static FN(dense_backward_input_args) FN(input_gradient)(const FN(recurrent_backward_args) *a)
{
    return (FN(dense_backward_input_args)){ .dy = a->gates, .weight = a->kernel, .n = a->n * a->t, .d_in = a->d_in,
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

/* The rows first <= row < last, all steps back.  offsets[row]: live steps of the rows before. */
static void FN(backward_rows)(const FN(recurrent_backward_args) *a, const FN(backward_plan) *p, const isize *offsets, isize first, isize last)
{
    const isize n = a->units, width = p->width, steps = a->t, count = last - first, nr = FN(GEMM_NR);
    const int lstm = a->cell == RECURRENT_LSTM, reset_first = a->cell == RECURRENT_GRU_BEFORE;
    real *scratch = a->scratch, *dh = scratch + p->dh + first * p->narrow, *dc = scratch + p->dc + lstm * first * p->narrow;
    real *dp = scratch + p->dp + first * p->wide, *product = scratch + p->product + first * p->narrow;
    real *dx = scratch + p->dx + (p->within ? first * p->thin : 0);
    const real *zero = scratch + p->zero;
    const int large = p->within && width * (n + a->d_in) > STEP_WEIGHTS;
    isize live[RECURRENT_ROWS], begin[RECURRENT_ROWS], done[RECURRENT_ROWS];      /* begin: the first live step of a row */
    for (isize i = 0; i < count; i++) {
        const isize row = first + i;
        FN(copy)(a->dh ? a->dh + row * n : zero, n, dh + i * p->narrow);
        if (lstm) FN(copy)(a->dc ? a->dc + row * n : zero, n, dc + i * p->narrow);
        begin[i] = done[i] = 0;
        while (a->mask && begin[i] < steps && !a->mask[row * steps + (a->backwards ? steps - 1 - begin[i] : begin[i])]) begin[i]++;
    }
    for (isize s = steps - 1; s >= 0; s--) {
        const isize t = a->backwards ? steps - 1 - s : s, t_before = a->backwards ? t + 1 : t - 1;
        isize lives = 0;
        for (isize i = 0; i < count; i++) {
            const isize row = first + i, at = row * steps + t;
            real *dh_row = dh + i * p->narrow;
            if (a->dy && s >= begin[i]) {                       /* before that the output is 0, whatever the state */
                const real *dy = a->dy + (row * steps + s) * n;
                for (isize u = 0; u < n; u++) dh_row[u] += dy[u];
            }
            if (a->mask && !a->mask[at]) {
                if (p->behind) FN(clear)(a->gates + at * width, width);
                else if (p->within) FN(clear)(a->dx + at * a->d_in, a->d_in);
                continue;
            }
            const real *h = s > begin[i] ? a->y + (row * steps + s - 1) * n : a->h0 ? a->h0 + row * n : zero;
            real *gates = a->gates + at * width, *cells = a->cells ? a->cells + at * n : NULL, *dp_row = dp + lives * p->wide;
            const isize place = a->backwards ? offsets[row] + done[i] : offsets[row + 1] - 1 - done[i];
            FN(dropped)(h, a->drop ? a->drop + row * n : NULL, n, scratch + p->before + place * n);
            done[i]++;
            live[lives++] = i;
            switch (a->cell) {
            case RECURRENT_TANH: FN(tanh_backward_row)(a->y + (row * steps + s) * n, n, dh_row, gates, dp_row); break;
            case RECURRENT_LSTM: {
                const real *c_before = s ? a->cells + (row * steps + t_before) * n : a->c0 ? a->c0 + row * n : zero;
                FN(lstm_backward_row)(gates, cells, c_before, a->peephole, n, dh_row, dc + i * p->narrow, dp_row);
                break;
            }
            case RECURRENT_GRU: FN(gru_backward_row)(gates, cells, h, n, dh_row, dp_row); break;
            case RECURRENT_GRU_SIMPLE: FN(gru_simple_backward_row)(gates, h, n, dh_row, dp_row); break;
            default: FN(gru_before_backward_candidate)(gates, h, n, dh_row, dp_row);
            }
        }
        if (!lives) continue;
        if (reset_first) {
            FN(step_product)(dp + 2 * n, p->wide, lives, n, n, scratch + p->packed_candidate, n * nr, NULL, NULL, 0, product, p->narrow);
            for (isize j = 0; j < lives; j++) {
                const isize row = first + live[j], place = a->backwards ? offsets[row] + done[live[j]] - 1 : offsets[row + 1] - done[live[j]];
                FN(gru_before_backward_reset)(a->gates + (row * steps + t) * width, scratch + p->before + place * n, n, product + j * p->narrow,
                                              dp + j * p->wide);
            }
        }
        if (s || a->dh0) {
            const isize k = reset_first ? 2 * n : width;
            if (a->n == 1 && !reset_first) FN(row_product)(dp, k, n, scratch + p->packed, k * nr, NULL, s % 2, product);
            else FN(step_product)(dp, p->wide, lives, k, n, scratch + p->packed, k * nr, large ? scratch + p->packed_x : NULL, NULL, reset_first, product, p->narrow);
            for (isize j = 0; j < lives; j++) {
                const isize i = live[j];
                const real *drop = a->drop ? a->drop + (first + i) * n : NULL, *q = product + j * p->narrow;
                real *dh_row = dh + i * p->narrow;
                if (drop)
                    for (isize u = 0; u < n; u++) dh_row[u] += drop[u] * q[u];
                else
                    for (isize u = 0; u < n; u++) dh_row[u] += q[u];
            }
        }
        if (!p->within) continue;
        if (a->cell == RECURRENT_GRU) {                         /* z and r, then the candidate's other gradient */
            FN(step_product)(dp, p->wide, lives, 2 * n, a->d_in, scratch + p->packed_x, width * nr, large ? scratch + p->packed : NULL, NULL, 0, dx, p->thin);
            FN(step_product)(dp + 3 * n, p->wide, lives, n, a->d_in, scratch + p->packed_x + 2 * n * nr, width * nr, NULL, NULL, 1, dx, p->thin);
        } else FN(step_product)(dp, p->wide, lives, width, a->d_in, scratch + p->packed_x, width * nr, large ? scratch + p->packed : NULL, NULL, 0, dx, p->thin);
        for (isize j = 0; j < lives; j++) FN(copy)(dx + j * p->thin, a->d_in, a->dx + ((first + live[j]) * steps + t) * a->d_in);
    }
    for (isize i = 0; i < count; i++) {
        if (a->dh0) FN(copy)(dh + i * p->narrow, n, a->dh0 + (first + i) * n);
        if (lstm && a->dc0) FN(copy)(dc + i * p->narrow, n, a->dc0 + (first + i) * n);
    }
}

/* The sums over all live steps, for the units first <= u < stop: the gradients of i and f by c before, of o by c. */
enum { FN(PEEPHOLE_UNITS) = 64 };
static void FN(peephole_part)(const void *data, isize first, isize stop)
{
    const FN(recurrent_backward_args) *a = data;
    const isize count = stop - first;
    double sum[3][FN(PEEPHOLE_UNITS)] = { { 0 } };
    const isize n = a->units, steps = a->t;
    for (isize row = 0; row < a->n; row++)
        for (isize t = 0; t < steps; t++) {
            const isize at = row * steps + t, edge = a->backwards ? steps - 1 : 0;
            if (a->mask && !a->mask[at]) continue;
            const real *c = a->cells + at * n + first, *gates = a->gates + at * 4 * n + first;
            const real *c_before = t != edge ? a->cells + (a->backwards ? at + 1 : at - 1) * n + first : a->c0 ? a->c0 + row * n + first : NULL;
            for (isize j = 0; j < count; j++) {
                const double before = c_before ? (double)c_before[j] : 0;
                sum[0][j] += (double)gates[j] * before;
                sum[1][j] += (double)gates[n + j] * before;
                sum[2][j] += (double)gates[3 * n + j] * (double)c[j];
            }
        }
    for (isize k = 0; k < 3; k++)
        for (isize j = 0; j < count; j++) a->dpeephole[k * n + first + j] = (real)sum[k][j];
}

/* The live rows of an array (n t, width) one behind the other, in `to`, which may be the array itself. */
static void FN(close_ranks)(const uint8_t *mask, isize rows, isize width, const real *from, real *to)
{
    for (isize row = 0; row < rows; row++)
        if (mask[row]) {
            if (to != from + row * width) FN(copy)(from + row * width, width, to);
            to += width;
        }
}

/* For both lefts c (m, n) = a^T b over `rows` rows of a (rows, m) and b (rows, n), m 0 or more; and the sums of b's columns, over all rows or over those of
   one place, if wanted.  Runs of rows go through packed copies: all of a transposed, a panel of b at a time, which stays in the nearest caches while a
   streams by.  The scratch is bounded whatever part of the steps is live. */
typedef struct { isize m; const real *a; real *c; } FN(left);
typedef struct {
    isize rows, n, run;                                     /* run: most rows at a time */
    FN(left) left[2];
    const real *b; isize b_row;
    isize c_row;
    real *packed, *panels;                                  /* a run of both a; a panel of b for each thread */
    real *columns;                                          /* (n,) or NULL */
    real *by_place; const isize *place; isize places;       /* (places, n), c_row apart, or NULL; place (rows,) */
} FN(sums);
enum { FN(RUN) = 768, FN(RUN_REALS) = 1536 * 1024 / sizeof(real) };      /* most rows of a run; what of a stays in the second-level cache */
static isize FN(strips_of)(isize m) { return ceil_div(m, FN(GEMM_MR)); }
static isize FN(run_of)(isize rows, isize m) { return max_isize(1, min_isize(rows, min_isize(FN(RUN), FN(RUN_REALS) / max_isize(m, 1)))); }

static void FN(pack_sums)(const FN(sums) *g, isize first, isize run, isize strip)
{
    const isize strips = FN(strips_of)(g->left[0].m), second = strip >= strips;
    const FN(left) *l = g->left + second;
    const isize s = second ? strip - strips : strip, of = FN(strips_of)(l->m), i = l->m * s / of, count = l->m * (s + 1) / of - i;
    FN(gemm_pack_strip)(l->a + first * l->m + i, 1, l->m, count, run, FN(GEMM_MR), g->packed + strip * FN(GEMM_MR) * run);
}
/* sums (width,) = (more ? sums : 0) + the columns of a packed panel; four chains of additions, so that none waits for the one before. */
static void FN(sum_columns)(const real *panel, isize rows, isize width, int more, real *sums)
{
    const isize nr = FN(GEMM_NR), lanes = FN(LANES);
    for (isize j = 0; j < width; j += lanes) {
        FN(vec) a = FN(vzero)(), b = a, c = a, d = a;
        isize i = 0;
        for (; i + 4 <= rows; i += 4) {
            const real *p = panel + i * nr + j;
            a = a + FN(vload)(p), b = b + FN(vload)(p + nr), c = c + FN(vload)(p + 2 * nr), d = d + FN(vload)(p + 3 * nr);
        }
        for (; i < rows; i++) a = a + FN(vload)(panel + i * nr + j);
        a = (a + b) + (c + d);
        const FN(vmask) here = FN(mask_of)(min_isize(lanes, width - j));
        if (more) a = a + FN(vload_mask)(sums + j, here);
        FN(vstore_mask)(sums + j, here, a);
    }
}
/* Add each row of a packed panel to the one of `sums` that its place says, rows `pitch` apart. */
static void FN(sum_by_place)(const real *panel, isize rows, isize width, const isize *place, isize pitch, real *sums)
{
    const isize nr = FN(GEMM_NR), lanes = FN(LANES), whole = width / lanes * lanes;
    const FN(vmask) rest = FN(mask_of)(width - whole);
    for (isize i = 0; i < rows; i++) {
        const real *from = panel + i * nr;
        real *to = sums + place[i] * pitch;
        for (isize j = 0; j < whole; j += lanes) FN(vstore)(to + j, FN(vload)(to + j) + FN(vload)(from + j));
        if (whole < width) FN(vstore_mask)(to + whole, rest, FN(vload_mask)(to + whole, rest) + FN(vload)(from + whole));
    }
}
static void FN(sums_panel)(const FN(sums) *g, isize first, isize run, isize panel, real *copy)
{
    const isize nr = FN(GEMM_NR), j = panel * nr, width = min_isize(nr, g->n - j);
    const real *packed = g->packed;
    FN(gemm_pack_strip)(g->b + first * g->b_row + j, 1, g->b_row, width, run, nr, copy);
    if (g->columns) FN(sum_columns)(copy, run, width, first > 0, g->columns + j);
    if (g->by_place) {
        for (isize i = 0; i < g->places && first == 0; i++) FN(clear)(g->by_place + i * g->c_row + j, width);
        FN(sum_by_place)(copy, run, width, g->place + first, g->c_row, g->by_place + j);
    }
    for (const FN(left) *l = g->left; l < g->left + 2; l++) {
        const isize strips = FN(strips_of)(l->m);
        for (isize s = 0; s < strips; s++, packed += FN(GEMM_MR) * run) {
            const isize i = l->m * s / strips;
            const FN(gemm_block_args) block = {
                .m = l->m * (s + 1) / strips - i, .n = width, .k = run, .a = packed, .a_row = 1, .a_col = FN(GEMM_MR), .segments = 1,
                .b = copy, .b_pitch = nr, .b_panel = nr * run, .accumulate = first > 0, .c = l->c + i * g->c_row + j, .c_row = g->c_row
            };
            FN(gemm_block)(&block);
        }
    }
}
static void FN(sums_team)(const void *data, isize thread, isize threads)
{
    const FN(sums) *g = data;
    const isize strips = FN(strips_of)(g->left[0].m) + FN(strips_of)(g->left[1].m), panels = ceil_div(g->n, FN(GEMM_NR));
    const isize runs = max_isize(1, ceil_div(g->rows, g->run));
    real *copy = g->panels + thread * FN(RUN) * FN(GEMM_NR);
    (void)threads;
    for (isize r = 0; r < runs; r++) {
        const isize first = g->rows * r / runs, run = g->rows * (r + 1) / runs - first;
        #pragma omp for schedule(static)
        for (isize s = 0; s < strips; s++) FN(pack_sums)(g, first, run, s);
        #pragma omp for schedule(dynamic)
        for (isize j = 0; j < panels; j++) FN(sums_panel)(g, first, run, j, copy);
    }
}

/* Reals for the packed copies of x and the states. */
static isize FN(packed_lefts)(const FN(recurrent_backward_args) *a)
{
    const isize strips = FN(strips_of)(a->d_in) + FN(strips_of)(a->units);
    return round_up(FN(run_of)(a->n * a->t, a->d_in + a->units) * strips * FN(GEMM_MR), FN(LANES));
}

/* All gradients that are sums over the steps: a product of the gates' gradients with x and one with the states, from one packed copy of the former. */
static void FN(weight_gradients)(const pydl_ctx *ctx, const FN(recurrent_backward_args) *a, const FN(backward_plan) *p, isize rows)
{
    const isize n = a->units, d = a->d_in, width = p->width;
    real *scratch = a->scratch, *by_id = a->ids ? a->dx : NULL;
    if (!a->dkernel && !a->dbias && !a->drecurrent && !by_id) return;
    isize *places = (isize *)(void *)(scratch + p->places);
    for (isize i = 0, k = 0; by_id && i < a->n * a->t; i++)
        if (!a->mask || a->mask[i]) places[k++] = index_at(a->ids, a->id_size, i);
    if (a->mask) {
        FN(close_ranks)(a->mask, a->n * a->t, width, a->gates, a->gates);
        if (a->dkernel) FN(close_ranks)(a->mask, a->n * a->t, d, a->x, scratch + p->x);
        if (p->gates == 3) FN(close_ranks)(a->mask, a->n * a->t, n, a->cells, a->cells);
    }
    const FN(left) inputs = { a->dkernel ? d : 0, a->mask ? scratch + p->x : a->x, a->dkernel };
    const FN(left) states = { a->drecurrent ? n : 0, scratch + p->before, a->drecurrent }, none = { 0 };
    /* The gradient of the gates, of which the candidate's may be another by x than by the state: those before it, then it. */
    const isize apart = p->gates == 3 ? 2 * n : width, split = a->cell == RECURRENT_GRU;
    FN(sums) g = {
        .rows = rows, .n = apart, .run = FN(run_of)(a->n * a->t, d + n), .left = { inputs, states }, .b = a->gates, .b_row = width, .c_row = width,
        .packed = scratch + p->products, .panels = scratch + p->products + FN(packed_lefts)(a), .columns = a->dbias, .by_place = by_id, .place = places,
        .places = a->vocab
    };
    const double work = (double)rows * (double)(d + n) * (double)n;
    run_team(ctx, work * (double)(apart / n) > 1e6, FN(sums_team), &g);
    if (p->gates != 3) return;
    g.n = n;
    g.b += apart;
    g.left[0].c = a->dkernel ? a->dkernel + apart : NULL;
    g.left[1] = split ? none : (FN(left)){ states.m, a->cells, a->drecurrent ? a->drecurrent + apart : NULL };
    g.columns = a->dbias && !(split && a->ids) ? a->dbias + apart : NULL;
    g.by_place = by_id ? by_id + apart : NULL;
    if (g.left[0].m || g.left[1].m || g.columns || g.by_place) run_team(ctx, work > 1e6, FN(sums_team), &g);
    if (!split) return;
    real *second = a->dbias && !a->ids ? a->dbias + width : a->dbias;       /* what belongs to the states */
    if (second && second != a->dbias) FN(copy)(a->dbias, apart, second);
    g.b = a->cells;
    g.b_row = n;
    g.left[0] = none;
    g.left[1] = (FN(left)){ states.m, states.a, a->drecurrent ? a->drecurrent + apart : NULL };
    g.columns = second ? second + apart : NULL;
    g.by_place = NULL;
    if (g.left[1].m || g.columns) run_team(ctx, work > 1e6, FN(sums_team), &g);
}

typedef struct { const FN(recurrent_backward_args) *a; const FN(backward_plan) *p; const isize *offsets; isize groups; } FN(backward_work);

static void FN(backward_groups)(const void *data, isize start, isize stop)
{
    const FN(backward_work) *w = data;
    for (isize i = start; i < stop; i++) FN(backward_rows)(w->a, w->p, w->offsets, w->a->n * i / w->groups, w->a->n * (i + 1) / w->groups);
}

pydl_status FN(recurrent_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_backward_args) *a = args;
    const isize n = a->units;
    const FN(backward_plan) plan = FN(make_backward_plan)(a), *p = &plan;
    real *scratch = a->scratch;
    isize *offsets = (isize *)(void *)(scratch + p->offsets);
    if (a->ids && check_indices(ctx, a->ids, a->id_size, a->n * a->t, a->vocab) != PYDL_OK) return PYDL_BAD_INDEX;
    offsets[0] = 0;
    for (isize row = 0; row < a->n; row++) {
        isize live = a->t;
        if (a->mask) {
            live = 0;
            for (isize t = 0; t < a->t; t++) live += a->mask[row * a->t + t] != 0;
        }
        offsets[row + 1] = offsets[row] + live;
    }
    FN(clear)(scratch + p->zero, p->narrow);
    if (a->cell == RECURRENT_GRU_BEFORE) {
        FN(pack)(ctx, a->recurrent, 1, p->width, 2 * n, n, scratch + p->packed);
        FN(pack)(ctx, a->recurrent + 2 * n, 1, p->width, n, n, scratch + p->packed_candidate);
    } else FN(pack)(ctx, a->recurrent, 1, p->width, p->width, n, scratch + p->packed);
    if (p->within) FN(pack)(ctx, a->kernel, 1, p->width, p->width, a->d_in, scratch + p->packed_x);
    if (a->n > 0) {
        const isize groups = row_groups(ctx, a->n, (double)(a->n * a->t) * (double)(n + a->d_in) * (double)p->width);
        run_parts(ctx, groups > 1, groups, 1, FN(backward_groups), &(FN(backward_work)){ a, p, offsets, groups });
    }
    if (a->dpeephole) run_parts(ctx, 1, n, FN(PEEPHOLE_UNITS), FN(peephole_part), a);
    if (p->behind) {
        FN(dense_backward_input_args) product = FN(input_gradient)(a);
        product.scratch = scratch + p->products;
        FN(dense_backward_input)(ctx, &product);
    }
    FN(weight_gradients)(ctx, a, p, offsets[a->n]);
    return PYDL_OK;
}
isize FN(recurrent_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_backward_args) *a = args;
    const FN(backward_plan) plan = FN(make_backward_plan)(a);
    const FN(dense_backward_input_args) input = FN(input_gradient)(a);
    const isize sums = (FN(packed_lefts)(a) + ctx->threads * FN(RUN) * FN(GEMM_NR)) * (isize)sizeof(real);
    return plan.end * (isize)sizeof(real) + max_isize(sums, plan.behind ? FN(dense_backward_input_scratch)(ctx, &input) : 0);
}
#endif
