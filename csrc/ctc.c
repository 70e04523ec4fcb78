#ifndef real
#include "logspace.h"
#include "labels.h"
#include "ctc.h"

/* A sample's sequence with blanks around every label: states 0 .. count - 1, the odd ones are labels.
   jump[s] is 0 where a path may come from s - 2 (a label unlike the one before), else LOG_ZERO. */
typedef struct { isize count; isize *state; double *jump; } sequence;

/* The first k labels of a row, k the number of those that are not 0. */
static isize sequence_length(const void *labels, isize code, isize row, isize length)
{
    isize k = 0;
    for (isize i = 0; i < length; i++) k += label_at(labels, code, row * length + i) != 0;
    return k;
}

static void fill_sequence(const void *labels, isize code, isize row, isize length, sequence *q)
{
    const isize k = sequence_length(labels, code, row, length);
    q->count = 2 * k + 1;
    for (isize s = 0; s < q->count; s++) {
        q->state[s] = s % 2 ? label_at(labels, code, row * length + s / 2) : 0;
        q->jump[s] = s % 2 && s > 1 && q->state[s] != q->state[s - 2] ? 0 : LOG_ZERO;
    }
}

/* The mask of a row; NULL if all steps count. */
static const uint8_t *mask_of(const uint8_t *mask, isize row, isize steps) { return mask ? mask + row * steps : NULL; }
static int is_live(const uint8_t *mask, isize t) { return !mask || mask[t]; }

/* Every sequence fits: a step a label, and one more between equal neighbours. */
static pydl_status check_sequences(const pydl_ctx *ctx, const void *labels, isize code, const uint8_t *mask, isize n, isize length, isize steps, isize classes)
{
    pydl_status status = labels_check(ctx, labels, code, n * length, classes, IGNORE_NONE);
    if (status != PYDL_OK) return status;
    for (isize i = 0; i < n; i++) {
        isize k = sequence_length(labels, code, i, length), need = k;
        for (isize j = 1; j < k; j++) need += label_at(labels, code, i * length + j) == label_at(labels, code, i * length + j - 1);
        isize live = 0;
        for (isize t = 0; t < steps; t++) live += is_live(mask_of(mask, i, steps), t);
        if (need <= live) continue;
        *ctx->fault = (pydl_fault){ .where = i, .value = need, .limit = live };
        return PYDL_BAD_VALUE;
    }
    return PYDL_OK;
}

/* next[s] = log(sum of the ways into s) + emission[s].  now[-1] and now[-2] are LOG_ZERO. */
static void advance(const double *restrict now, const double *restrict jump, const double *restrict emission, double *restrict next, isize count)
{
    for (isize s = 0; s < count; s++) next[s] = log_sum(now[s], now[s - 1], now[s - 2] + jump[s]) + emission[s];
}

/* before[s] = log(sum of the ways out of s), with after[s] holding the state's own emission.  after and jump reach two states beyond. */
static void retreat(const double *restrict after, const double *restrict jump, double *restrict before, isize count)
{
    for (isize s = 0; s < count; s++) before[s] = log_sum(after[s], after[s + 1], after[s + 2] + jump[s + 2]);
}

/* The scratch of one sample: states and jumps, four rows of states with room for two more on both sides, alphas of all
   steps where `all`, and the log-sums of the steps. */
typedef struct { sequence q; double *row[4]; double *alpha; double *lse; } room;

static isize row_of_states(isize length) { return 2 * length + 5; }
static isize room_bytes(isize length, isize steps, int all)
{
    return (isize)sizeof(double) * (row_of_states(length) * (6 + (all ? steps : 0)) + steps);
}

static room room_at(void *scratch, isize length, isize steps, int all, isize slot)
{
    double *p = (double *)((char *)scratch + slot * room_bytes(length, steps, all));
    const isize row = row_of_states(length);
    room r;
    r.q.state = (isize *)(void *)p;                     /* 8 bytes a state, like a double */
    r.q.jump = p + row;
    for (int i = 0; i < 4; i++) r.row[i] = p + row * (2 + i) + 2;
    r.alpha = p + row * 6;
    r.lse = p + row * (6 + (all ? steps : 0));
    return r;
}

static void clear_row(double *row, isize count)
{
    for (isize s = -2; s < count + 2; s++) row[s] = LOG_ZERO;
}

#define EACH_REAL "ctc.c"
#include "each_real.h"
#else

static double FN(log_sum_of_row)(const real *x, isize n)
{
    double top = -INFINITY, sum = 0;
    for (isize j = 0; j < n; j++) top = (double)x[j] > top ? (double)x[j] : top;
    #pragma omp simd reduction(+ : sum)
    for (isize j = 0; j < n; j++) sum += exp_of((double)x[j] - top);
    return top + log_of(sum);
}

/* emission[s] = log of the probability of state s at a step. */
static void FN(emissions)(const real *x, double lse, const sequence *q, double *emission)
{
    for (isize s = 0; s < q->count; s++) {
        double e = (double)x[q->state[s]] - lse;
        emission[s] = e > LOG_ZERO ? e : e == e ? LOG_ZERO : e;        /* -infinity becomes the log 0 of here, NaN stays */
    }
}

/* The log of the sequence's probability; alpha of every step goes to r->alpha where it is kept. */
static double FN(forward_pass)(const real *logits, const uint8_t *mask, isize steps, isize classes, room *r, int keep)
{
    const isize count = r->q.count;
    double *now = r->row[0], *next = r->row[1], *emission = r->row[2];
    clear_row(now, count);
    clear_row(next, count);
    int begun = 0;
    for (isize t = 0; t < steps; t++) {
        if (!is_live(mask, t)) continue;
        const real *x = logits + t * classes;
        r->lse[t] = FN(log_sum_of_row)(x, classes);
        FN(emissions)(x, r->lse[t], &r->q, emission);
        if (!begun) {
            begun = 1;
            next[0] = emission[0];
            if (count > 1) next[1] = emission[1];
        } else {
            advance(now, r->q.jump, emission, next, count);
        }
        double *swap = now;
        now = next;
        next = swap;
        if (keep) memcpy(r->alpha + t * count, now, (size_t)count * sizeof(double));
    }
    if (!begun) return count == 1 ? 0 : LOG_ZERO;
    return log_sum(now[count - 1], now[count - 2], LOG_ZERO);
}

isize FN(ctc_loss_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(ctc_loss_forward_args) *a = args;
    return min_isize(ctx->threads, max_isize(a->n, 1)) * room_bytes(a->length, a->steps, 0);
}

/* A slot has a room of its own and takes every slots-th sample. */
typedef struct { const void *args; isize slots; } FN(ctc_task);

static void FN(loss_part)(const void *task, isize slot, isize stop)
{
    const FN(ctc_task) *k = task;
    const FN(ctc_loss_forward_args) *a = k->args;
    room r = room_at(a->scratch, a->length, a->steps, 0, slot);
    (void)stop;
    for (isize i = slot; i < a->n; i += k->slots) {
        fill_sequence(a->labels, a->label_code, i, a->length, &r.q);
        double likelihood = FN(forward_pass)(a->logits + i * a->steps * a->classes, mask_of(a->mask, i, a->steps), a->steps, a->classes, &r, 0);
        a->loss[i] = likelihood < LOG_ZERO / 2 ? (real)INFINITY : (real)-likelihood;
    }
}

pydl_status FN(ctc_loss_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(ctc_loss_forward_args) *a = args;
    const isize slots = min_isize(ctx->threads, max_isize(a->n, 1));
    pydl_status status = check_sequences(ctx, a->labels, a->label_code, a->mask, a->n, a->length, a->steps, a->classes);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->steps * (a->classes + 2 * a->length) > BLOCK, slots, 1, FN(loss_part), &(FN(ctc_task)){ a, slots });
}

/* dlogits of one sample, from its forward pass. */
static void FN(backward_pass)(const real *logits, const uint8_t *mask, isize steps, isize classes, real dloss, double likelihood, room *r, real *dlogits)
{
    const isize count = r->q.count;
    double *beta = r->row[0], *after = r->row[1], *emission = r->row[2];
    const double *jump = r->q.jump;
    clear_row(beta, count);
    beta[count - 1] = 0;
    if (count > 1) beta[count - 2] = 0;
    for (isize t = steps - 1; t >= 0; t--) {
        const real *x = logits + t * classes;
        const double *alpha = r->alpha + t * count;
        real *dx = dlogits + t * classes;
        if (!is_live(mask, t)) {
            memset(dx, 0, (size_t)classes * sizeof(real));
            continue;
        }
        for (isize j = 0; j < classes; j++) dx[j] = dloss * (real)exp_of((double)x[j] - r->lse[t]);
        for (isize s = 0; s < count; s++) dx[r->q.state[s]] -= dloss * (real)exp_of(alpha[s] + beta[s] - likelihood);
        FN(emissions)(x, r->lse[t], &r->q, emission);
        clear_row(after, count);
        for (isize s = 0; s < count; s++) after[s] = beta[s] + emission[s];
        retreat(after, jump, beta, count);
    }
}

isize FN(ctc_loss_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(ctc_loss_backward_args) *a = args;
    return min_isize(ctx->threads, max_isize(a->n, 1)) * room_bytes(a->length, a->steps, 1);
}

static void FN(gradient_part)(const void *task, isize slot, isize stop)
{
    const FN(ctc_task) *k = task;
    const FN(ctc_loss_backward_args) *a = k->args;
    const isize sample = a->steps * a->classes;
    room r = room_at(a->scratch, a->length, a->steps, 1, slot);
    (void)stop;
    for (isize i = slot; i < a->n; i += k->slots) {
        fill_sequence(a->labels, a->label_code, i, a->length, &r.q);
        r.q.jump[r.q.count] = r.q.jump[r.q.count + 1] = LOG_ZERO;
        const uint8_t *mask = mask_of(a->mask, i, a->steps);
        double likelihood = FN(forward_pass)(a->logits + i * sample, mask, a->steps, a->classes, &r, 1);
        if (likelihood < LOG_ZERO / 2) memset(a->dlogits + i * sample, 0, (size_t)sample * sizeof(real));
        else FN(backward_pass)(a->logits + i * sample, mask, a->steps, a->classes, a->dloss[i], likelihood, &r, a->dlogits + i * sample);
    }
}

pydl_status FN(ctc_loss_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(ctc_loss_backward_args) *a = args;
    const isize slots = min_isize(ctx->threads, max_isize(a->n, 1));
    pydl_status status = check_sequences(ctx, a->labels, a->label_code, a->mask, a->n, a->length, a->steps, a->classes);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->steps * (a->classes + 2 * a->length) > BLOCK, slots, 1, FN(gradient_part), &(FN(ctc_task)){ a, slots });
}
#endif
