/* Forward.  The weights are packed once a sequence, or once for all that follow, in blocks of units, all gates of a block side by side: the sums of a
   block of a step are made in a buffer of the first-level cache and become the new state at once.  With a few rows a step is bound by reading the
   weights, so the products of the inputs are made for all steps before; with more rows x and h go through one product, unless the products of x are
   given by id. */
#ifndef real
#include "index.h"
#include "internal.h"
#include "gemm.h"
#include "dense.h"
#include "recurrent.h"
#include "recurrent_parts.h"
#include "recurrent_cells.h"

#define EACH_REAL "recurrent.c"
#include "each_real.h"
#else

/* How the columns are cut, and where the parts of the scratch start, in reals. */
typedef struct {
    int apart;                /* the products of the inputs are there before the steps */
    int split;                /* the candidate's sums over x and over h are wanted separately, or one after the other */
    isize gates, first;       /* column blocks a unit; how many of them are made in the first product of a step */
    isize k;                  /* rows of the packed weights: x and h, or h */
    isize block, blocks;      /* units at a time */
    isize wide;               /* a row of sums: the first product's columns, then twice a block's */
    isize input, narrow;      /* pitches of a row of the product's input, and of the states */
    isize packed, bias, peephole, weights;   /* those of what is packed, and its size */
    isize h, c, reset, keep, in, sums, given, places, dense, end;
} FN(forward_plan);

static FN(forward_plan) FN(make_forward_plan)(const FN(recurrent_forward_args) *a)
{
    const isize u = a->units, nr = FN(GEMM_NR);
    FN(forward_plan) p = { .apart = !a->kernel || a->n < RECURRENT_SHARED_ROWS, .gates = gates_of(a->cell) };
    p.split = a->cell == RECURRENT_GRU_BEFORE || (a->cell == RECURRENT_GRU && !p.apart);
    p.first = p.gates - p.split;
    p.k = p.apart ? u : a->d_in + u;
    p.block = a->n < RECURRENT_SHARED_ROWS ? 4 * nr : nr;                         /* a row alone wants many columns at a time */
    p.blocks = ceil_div(u, p.block);
    p.wide = round_up(p.first * min_isize(u, p.block), nr) + 2 * round_up(min_isize(u, p.block), nr) + FN(LANES);
    p.narrow = FN(pitch)(round_up(u, FN(LANES)));
    p.input = FN(pitch)(p.k);
    p.bias = p.packed + (p.gates * u + 2 * nr) * p.k;
    p.peephole = p.bias + p.blocks * p.wide;
    p.weights = p.peephole + (a->peephole ? 3 * p.narrow : 0);
    p.h = a->prepared ? 0 : p.weights;
    p.c = p.h + a->n * p.narrow;
    p.reset = p.c + (a->cell == RECURRENT_LSTM ? a->n * p.narrow : 0);
    p.keep = p.reset + (a->cell == RECURRENT_GRU_BEFORE ? a->n * p.narrow : 0);
    p.in = p.keep + (a->cell == RECURRENT_GRU_BEFORE ? a->n * p.narrow : 0);
    p.sums = p.in + a->n * p.input;
    p.given = p.sums + a->n * p.wide;
    p.places = round_up(p.given + (p.apart && !a->ids ? a->n * a->t * p.gates * u : 0), FN(LANES));
    p.dense = p.places + (a->mask && a->gates ? round_up(a->n * a->t * (isize)(sizeof(isize) / sizeof(real)), FN(LANES)) : 0);
    p.end = p.dense;
    return p;
}

static FN(dense_forward_args) FN(input_products)(const FN(recurrent_forward_args) *a, const FN(forward_plan) *p)
{
    return (FN(dense_forward_args)){ .x = a->x, .weight = a->kernel, .bias = a->bias, .n = a->n * a->t, .d_in = a->d_in,
                                     .units = p->gates * a->units, .y = a->scratch ? (real *)a->scratch + p->given : NULL };
}
/* Those of row `at` of (n t), if they are there before the steps. */
static inline const real *FN(given_at)(const FN(recurrent_forward_args) *a, const FN(forward_plan) *p, isize at)
{
    return a->ids ? a->x + index_at(a->ids, a->id_size, at) * p->gates * a->units : (real *)a->scratch + p->given + at * p->gates * a->units;
}

/* The packed weights of a block: those of its first product, then those of the other. */
static isize FN(packed_at)(const FN(forward_plan) *p, isize block) { return p->packed + block * p->gates * p->block * p->k; }
static isize FN(packed_rest)(const FN(forward_plan) *p, isize width) { return round_up(p->first * width, FN(GEMM_NR)) * p->k; }

/* Columns first <= j < first + count of w (rows, pitch), count of them at the columns `to` and on of packed panels with k rows each. */
static void FN(pack_columns)(const real *w, isize pitch, isize rows, isize first, isize count, isize to, isize k, real *packed)
{
    const isize nr = FN(GEMM_NR);
    for (isize j = 0; j < count;) {
        const isize at = (to + j) % nr, here = min_isize(nr - at, count - j);
        real *panel = packed + (to + j) / nr * nr * k + at;
        for (isize i = 0; i < rows; i++) FN(copy)(w + i * pitch + first + j, here, panel + i * nr);
        j += here;
    }
}

/* Weights and biases of a block.  Columns behind the last of a panel are zeros. */
static void FN(pack_block)(const FN(recurrent_forward_args) *a, const FN(forward_plan) *p, isize block, real *weights)
{
    const isize u = a->units, width = p->gates * u, start = block * p->block, w = min_isize(p->block, u - start), nr = FN(GEMM_NR);
    real *packed = weights + FN(packed_at)(p, block), *bias = weights + p->bias + block * p->wide;
    const isize d = p->apart ? 0 : a->d_in, rest = FN(packed_rest)(p, w);
    if (w % nr) FN(clear)(packed, rest + (p->split ? round_up(w, nr) * p->k : 0));
    FN(clear)(bias, p->wide);
    for (isize g = 0; g < p->gates; g++) {
        const isize other = g >= p->first, to = other ? 0 : g * w;
        real *here = packed + (other ? rest : 0), *b = bias + (other ? round_up(p->first * w, nr) : g * w);
        FN(pack_columns)(a->kernel, width, d, g * u + start, w, to, p->k, here);
        FN(pack_columns)(a->recurrent, width, u, g * u + start, w, to, p->k, here + d * nr);
        if (!a->bias) continue;
        if (!p->apart) FN(copy)(a->bias + g * u + start, w, b);
        if (a->cell == RECURRENT_GRU) {
            const real *inner = a->bias + (a->kernel ? width : 0) + g * u + start;
            if (other) b += round_up(w, nr);
            for (isize j = 0; j < w; j++) b[j] += inner[j];
        }
    }
    for (isize k = 0; a->peephole && k < 3; k++) FN(copy)(a->peephole + k * u + start, w, weights + p->peephole + k * p->narrow + start);
}

/* to = from + more */
static void FN(sum)(const real *from, const real *more, isize n, real *to)
{
    for (isize u = 0; u < n; u++) to[u] = from[u] + more[u];
}

/* The states of a group of rows. */
typedef struct {
    const FN(recurrent_forward_args) *a;
    const FN(forward_plan) *p;
    const real *weights;
    const isize *places;
    isize first, count;                   /* rows of the batch */
    isize state;                          /* units of the state that its products read: none of one that is all zeros */
    isize live[RECURRENT_ROWS], lives;    /* those that this step concerns, counted from `first` */
    isize t, s;                           /* of x, of y */
    real *h, *c, *reset, *keep, *in, *sums;
} FN(forward_group);

/* Keep w numbers of one of the `count` gates, or of the cells, from unit `start` on, at a place. */
static inline void FN(keep)(const FN(forward_group) *g, const real *from, isize start, isize w, isize gate, isize count, isize place, real *to)
{
    const isize panel = FN(RECURRENT_PANEL), all = g->a->n * g->a->t;
    for (isize j = 0; j < w;) {
        const isize column = (start + j) % panel, here = min_isize(panel - column, w - j);
        FN(copy)(from + j, here, to + (((start + j) / panel * count + gate) * all + place) * panel + column);
        j += here;
    }
}

/* The first product of a block for the live rows, and what becomes of it. */
static void FN(forward_block)(const FN(forward_group) *g, isize block)
{
    const FN(recurrent_forward_args) *a = g->a;
    const FN(forward_plan) *p = g->p;
    const isize u = a->units, start = block * p->block, w = min_isize(p->block, u - start), n = round_up(w, FN(LANES)), nr = FN(GEMM_NR);
    const real *packed = g->weights + FN(packed_at)(p, block), *bias = g->weights + p->bias + block * p->wide;
    const isize columns = g->lives <= 2 ? round_up(p->first * w, nr) : p->first * w, other = round_up(p->first * w, nr), d = p->apart ? 0 : a->d_in;
    const int biased = a->bias && (!p->apart || a->cell == RECURRENT_GRU);
    const isize other_way = g->s % 2, after = other_way ? block - 1 : block + 1;
    const int large = p->gates * u * p->k > STEP_WEIGHTS && !p->split && after >= 0 && after < p->blocks;
    const real *next = large ? g->weights + FN(packed_at)(p, after) : NULL;
    if (a->n == 1) FN(row_product)(g->in, d + g->state, columns, packed, p->k * nr, biased ? bias : NULL, g->s % 2, g->sums);
    else FN(step_product)(g->in, p->input, g->lives, d + g->state, columns, packed, p->k * nr, next, biased ? bias : NULL, 0, g->sums, p->wide);
    if (a->cell == RECURRENT_GRU && p->split) {
        const real *rest = packed + FN(packed_rest)(p, w);
        FN(step_product)(g->in, p->input, g->lives, d, w, rest, p->k * nr, NULL, biased ? bias + other : NULL, 0, g->sums + other, p->wide);
        FN(step_product)(g->in + d, p->input, g->lives, g->state, w, rest + d * nr, p->k * nr, NULL, biased ? bias + other + round_up(w, nr) : NULL, 0,
                         g->sums + other + round_up(w, nr), p->wide);
    }
    for (isize j = 0; j < g->lives; j++) {
        const isize i = g->live[j], row = g->first + i, at = row * a->t + g->t;
        real *q = g->sums + j * p->wide, *h = g->h + i * p->narrow + start, kept[4 * 4 * FN(GEMM_NR)];
        const real *given = q + other, *inner = q + other + round_up(w, nr);
        if (p->apart) {
            const real *x = FN(given_at)(a, p, at) + start;
            for (isize k = 0; k < p->first - (a->cell == RECURRENT_GRU); k++) FN(sum)(q + k * w, x + k * u, w, q + k * w);
            if (a->cell == RECURRENT_GRU) {
                FN(copy)(x + 2 * u, w, q + other);
                inner = q + 2 * w;
            }
        }
        isize held = p->first;
        switch (a->cell) {
        case RECURRENT_TANH: FN(tanh_forward_row)(q, n, h); break;
        case RECURRENT_LSTM:
            FN(lstm_forward_row)(q, w, a->peephole ? g->weights + p->peephole + start : NULL, p->narrow, n, g->c + i * p->narrow + start, h, kept);
            break;
        case RECURRENT_GRU: FN(gru_forward_row)(q, w, given, inner, n, h, kept), held = 3; break;
        case RECURRENT_GRU_SIMPLE: FN(gru_simple_row)(q, w, n, h, kept); break;
        default:
            FN(gru_before_gates)(q, w, g->in + j * p->input + d + start, n, kept, g->reset + j * p->narrow + start);
            FN(copy)(kept, n, g->keep + j * p->narrow + start);
        }
        if (a->cell != RECURRENT_GRU_BEFORE) FN(copy)(h, w, a->y + (row * a->t + g->s) * u + start);
        if (!a->gates || a->cell == RECURRENT_TANH) continue;
        const isize place = place_of(g->places, a->n, g->s, row);
        for (isize k = 0; k < held; k++) FN(keep)(g, kept + k * n, start, w, k, p->gates, place, a->gates);
        if (a->cell == RECURRENT_LSTM) FN(keep)(g, g->c + i * p->narrow + start, start, w, 0, 1, place, a->cells);
        if (a->cell == RECURRENT_GRU) FN(keep)(g, inner, start, w, 0, 1, place, a->cells);
    }
}

/* The candidate of a block where the reset comes before the product, which all resets must be made for. */
static void FN(candidate_block)(const FN(forward_group) *g, isize block)
{
    const FN(recurrent_forward_args) *a = g->a;
    const FN(forward_plan) *p = g->p;
    const isize u = a->units, start = block * p->block, w = min_isize(p->block, u - start), n = round_up(w, FN(LANES)), nr = FN(GEMM_NR);
    const isize d = p->apart ? 0 : a->d_in, columns = g->lives <= 2 ? round_up(w, nr) : w;
    const real *packed = g->weights + FN(packed_at)(p, block) + FN(packed_rest)(p, w);
    const real *bias = a->bias && !p->apart ? g->weights + p->bias + block * p->wide + round_up(p->first * w, nr) : NULL;
    if (d) FN(step_product)(g->in, p->input, g->lives, d, columns, packed, p->k * nr, NULL, bias, 0, g->sums, p->wide);
    FN(step_product)(g->reset, p->narrow, g->lives, g->state, columns, packed + d * nr, p->k * nr, NULL, d ? NULL : bias, d > 0, g->sums, p->wide);
    for (isize j = 0; j < g->lives; j++) {
        const isize i = g->live[j], row = g->first + i, at = row * a->t + g->t;
        real *q = g->sums + j * p->wide, *h = g->h + i * p->narrow + start, kept[4 * FN(GEMM_NR)];
        if (p->apart) FN(sum)(q, FN(given_at)(a, p, at) + 2 * u + start, w, q);
        FN(gru_before_row)(q, g->keep + j * p->narrow + start, n, h, kept);
        FN(copy)(h, w, a->y + (row * a->t + g->s) * u + start);
        if (a->gates) FN(keep)(g, kept, start, w, 2, 3, place_of(g->places, a->n, g->s, row), a->gates);
    }
}

/* All steps of the rows first <= row < last. */
static void FN(forward_rows)(const FN(recurrent_forward_args) *a, const FN(forward_plan) *p, isize first, isize last)
{
    const isize u = a->units, steps = a->t, lstm = a->cell == RECURRENT_LSTM, before = a->cell == RECURRENT_GRU_BEFORE, d = p->apart ? 0 : a->d_in;
    real *scratch = a->scratch;
    uint8_t begun[RECURRENT_ROWS] = { 0 };
    FN(forward_group) g = {
        .a = a, .p = p, .weights = a->prepared ? a->prepared : scratch, .first = first, .count = last - first,
        .places = a->mask ? (const isize *)(const void *)(scratch + p->places) : NULL,
        .h = scratch + p->h + first * p->narrow, .c = scratch + p->c + lstm * first * p->narrow,
        .reset = scratch + p->reset + before * first * p->narrow, .keep = scratch + p->keep + before * first * p->narrow,
        .in = scratch + p->in + first * p->input, .sums = scratch + p->sums + first * p->wide
    };
    FN(clear)(g.h, g.count * p->narrow);
    if (lstm) FN(clear)(g.c, g.count * p->narrow);
    if (before) FN(clear)(g.reset, g.count * p->narrow);
    FN(clear)(g.sums, g.count * p->wide);
    for (isize i = 0; i < g.count; i++) {
        FN(clear)(g.in + i * p->input, p->input);
        if (a->h0) FN(copy)(a->h0 + (first + i) * u, u, g.h + i * p->narrow);
        if (a->c0 && lstm) FN(copy)(a->c0 + (first + i) * u, u, g.c + i * p->narrow);
    }
    for (g.s = 0; g.s < steps; g.s++) {
        g.t = a->backwards ? steps - 1 - g.s : g.s;
        g.state = g.s || a->h0 ? u : 0;
        g.lives = 0;
        for (isize i = 0; i < g.count; i++) {
            const isize row = first + i, at = row * steps + g.t;
            if (!a->mask || a->mask[at]) {
                real *in = g.in + g.lives * p->input;
                FN(copy)(a->x + at * a->d_in, d, in);
                FN(dropped)(g.h + i * p->narrow, a->drop ? a->drop + row * u : NULL, u, in + d);
                g.live[g.lives++] = i;
                begun[i] = 1;
                continue;
            }
            real *y = a->y + (row * steps + g.s) * u;
            if (begun[i]) FN(copy)(g.h + i * p->narrow, u, y);
            else FN(clear)(y, u);
        }
        if (!g.lives) continue;
        /* There and back: what was read last is still in the cache. */
        for (isize b = 0; b < p->blocks; b++) FN(forward_block)(&g, g.s % 2 ? p->blocks - 1 - b : b);
        for (isize b = 0; before && b < p->blocks; b++) FN(candidate_block)(&g, g.s % 2 ? p->blocks - 1 - b : b);
    }
    for (isize i = 0; i < g.count; i++) {
        FN(copy)(g.h + i * p->narrow, u, a->h + (first + i) * u);
        if (lstm) FN(copy)(g.c + i * p->narrow, u, a->c + (first + i) * u);
    }
}

typedef struct { const FN(recurrent_forward_args) *a; const FN(forward_plan) *p; isize groups; } FN(forward_work);

static void FN(forward_team)(const void *data, isize thread, isize threads)
{
    const FN(forward_work) *w = data;
    if (!w->a->prepared) {
        for (isize block = share(w->p->blocks, thread, threads); block < share(w->p->blocks, thread + 1, threads); block++)
            FN(pack_block)(w->a, w->p, block, w->a->scratch);
        team_barrier(threads);
    }
    for (isize i = share(w->groups, thread, threads); i < share(w->groups, thread + 1, threads); i++)
        FN(forward_rows)(w->a, w->p, w->a->n * i / w->groups, w->a->n * (i + 1) / w->groups);
}

pydl_status FN(recurrent_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_forward_args) *a = args;
    if (a->n == 0 || a->units == 0) return PYDL_OK;
    if (a->ids && check_indices(ctx, a->ids, a->id_size, a->n * a->t, a->vocab) != PYDL_OK) return PYDL_BAD_INDEX;
    const FN(forward_plan) plan = FN(make_forward_plan)(a), *p = &plan;
    real *scratch = a->scratch;
    const double weights = (double)p->k * (double)(p->gates * a->units);
    if (p->apart && !a->ids) {
        FN(dense_forward_args) inputs = FN(input_products)(a, p);
        inputs.scratch = scratch + p->dense;
        FN(dense_forward)(ctx, &inputs);
    }
    if (a->gates) number_places(a->mask, a->n, a->t, a->backwards, (isize *)(void *)(scratch + p->places));
    if (a->peephole && !a->prepared) FN(clear)(scratch + p->peephole, 3 * p->narrow);
    const isize groups = row_groups(ctx, a->n, (double)(a->n * a->t) * weights);
    run_team(ctx, groups > 1, FN(forward_team), &(FN(forward_work)){ a, p, groups });
    return PYDL_OK;
}
isize FN(recurrent_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_forward_args) *a = args;
    const FN(forward_plan) plan = FN(make_forward_plan)(a);
    const FN(dense_forward_args) inputs = FN(input_products)(a, &plan);
    return plan.end * (isize)sizeof(real) + (plan.apart && !a->ids ? FN(dense_forward_scratch)(ctx, &inputs) : 0);
}

/* The call that the weights are packed for, as far as they ask. */
static FN(recurrent_forward_args) FN(call_of)(const FN(recurrent_prepare_args) *a)
{
    return (FN(recurrent_forward_args)){ .kernel = a->kernel, .recurrent = a->recurrent, .bias = a->bias, .peephole = a->peephole, .n = a->n,
                                         .d_in = a->d_in, .units = a->units, .cell = a->cell };
}

static void FN(prepare_blocks)(const void *data, isize start, isize stop)
{
    const FN(recurrent_prepare_args) *a = data;
    const FN(recurrent_forward_args) call = FN(call_of)(a);
    const FN(forward_plan) plan = FN(make_forward_plan)(&call);
    for (isize block = start; block < stop; block++) FN(pack_block)(&call, &plan, block, a->prepared);
}

pydl_status FN(recurrent_prepare)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_prepare_args) *a = args;
    const FN(recurrent_forward_args) call = FN(call_of)(a);
    const FN(forward_plan) plan = FN(make_forward_plan)(&call);
    if (a->peephole) FN(clear)(a->prepared + plan.peephole, 3 * plan.narrow);
    run_parts(ctx, plan.weights > PARALLEL_MIN, plan.blocks, 1, FN(prepare_blocks), a);
    return PYDL_OK;
}
pydl_status FN(recurrent_prepared_size)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_prepared_size_args) *a = args;
    const FN(recurrent_forward_args) call = FN(call_of)(&a->of);
    (void)ctx;
    *a->size = FN(make_forward_plan)(&call).weights;
    return PYDL_OK;
}
#endif
