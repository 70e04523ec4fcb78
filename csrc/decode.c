#ifndef real
#include "logspace.h"
#include "labels.h"
#include "decode.h"

/* ---- the best of many: a heap whose root is the worst that is kept */

typedef struct { double score; isize order; } ranked;

static inline int worse(ranked a, ranked b) { return a.score < b.score || (a.score == b.score && a.order > b.order); }

static void sift_down(ranked *heap, isize count, isize i)
{
    for (isize child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && worse(heap[child + 1], heap[child])) child++;
        if (!worse(heap[child], heap[i])) return;
        ranked swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

/* Keep x if it is among the best `capacity`; returns how many are kept. */
static isize keep_ranked(ranked *heap, isize count, isize capacity, ranked x)
{
    if (count == capacity) {
        if (!worse(heap[0], x)) return count;
        heap[0] = x;
        sift_down(heap, count, 0);
        return count;
    }
    isize i = count;
    for (isize up; i > 0 && worse(x, heap[up = (i - 1) / 2]); i = up) heap[i] = heap[up];
    heap[i] = x;
    return count + 1;
}

/* The best first. */
static void sort_ranked(ranked *heap, isize count)
{
    while (count > 1) {
        ranked worst = heap[0];
        heap[0] = heap[--count];
        heap[count] = worst;
        sift_down(heap, count, 0);
    }
}

/* ---- prefixes: label sequences as a tree, each found by (its beginning, its last label) */

typedef struct { isize parent, label, slot; } node;          /* slot: its place in the beam, -1 outside */
typedef struct { double blank, label, total; isize node; } path;   /* logs of the probability of ending in a blank, in the label, and of both */

typedef struct {
    path *now, *next;
    ranked *kept;
    isize *first_child, *next_child;      /* beam places whose prefix is this one's and one label: first of a list, next in it; -1 ends */
    double *stay_blank, *stay_label;      /* of the prefixes of the beam, after the step */
    double *emission;
    node *nodes;
    isize *table;                         /* number of a node and one, 0 for none */
    unsigned char *present;               /* classes by which a prefix is extended in the beam already */
    isize n_nodes, mask;
} beam;

static isize table_size(isize nodes)
{
    isize size = 4;
    while (size < 2 * nodes) size *= 2;
    return size;
}

static isize aligned(isize bytes) { return (bytes + 63) / 64 * 64; }

/* The parts of one thread's scratch, one after the other; bytes in all. */
static isize beam_at(char *base, isize steps, isize classes, isize width, beam *b)
{
    const isize nodes = 1 + steps * width, table = table_size(nodes);
    isize at = 0;
#define PART(member, type, count) do { if (b) b->member = (type *)(void *)(base + at); at += aligned((isize)sizeof(type) * (count)); } while (0)
    PART(now, path, width);
    PART(next, path, width);
    PART(kept, ranked, width);
    PART(first_child, isize, width);
    PART(next_child, isize, width);
    PART(stay_blank, double, width);
    PART(stay_label, double, width);
    PART(emission, double, classes);
    PART(nodes, node, nodes);
    PART(table, isize, table);
    PART(present, unsigned char, classes);
#undef PART
    if (b) b->mask = table - 1;
    return at;
}

/* The prefix that extends `parent` by `label`, made if it is new. */
static isize extended(beam *b, isize parent, isize label)
{
    uint64_t key = ((uint64_t)parent * 0x9E3779B97F4A7C15u) ^ ((uint64_t)label * 0xC2B2AE3D27D4EB4Fu);
    key ^= key >> 29;
    isize at = (isize)(key & (uint64_t)b->mask);
    for (; b->table[at]; at = (at + 1) & b->mask) {
        const node *known = b->nodes + b->table[at] - 1;
        if (known->parent == parent && known->label == label) return b->table[at] - 1;
    }
    b->nodes[b->n_nodes] = (node){ parent, label, -1 };
    b->table[at] = ++b->n_nodes;
    return b->n_nodes - 1;
}

/* How likely the prefixes of the beam are after a step in which they stay what they are; extensions that are in the beam themselves end there. */
static void stay(beam *b, isize count, isize blank)
{
    for (isize i = 0; i < count; i++) {
        b->first_child[i] = -1;
        const node *v = b->nodes + b->now[i].node;
        b->stay_blank[i] = b->now[i].total + b->emission[blank];
        b->stay_label[i] = v->parent < 0 ? LOG_ZERO : b->now[i].label + b->emission[v->label];
    }
    for (isize i = 0; i < count; i++) {
        const node *v = b->nodes + b->now[i].node;
        const isize j = v->parent < 0 ? -1 : b->nodes[v->parent].slot;
        if (j < 0) continue;
        const int repeated = b->nodes[v->parent].label == v->label;     /* a label again needs a blank between */
        b->stay_label[i] = log_sum(b->stay_label[i], (repeated ? b->now[j].blank : b->now[j].total) + b->emission[v->label], LOG_ZERO);
        b->next_child[i] = b->first_child[j];
        b->first_child[j] = i;
    }
}

/* The best `width` of what stays and of all extensions, in order; returns how many. */
static isize choose(beam *b, isize count, isize blank, isize classes, isize width)
{
    isize kept = 0;
    for (isize i = 0; i < count; i++) {
        const isize order = i * (classes + 1), last = b->nodes[b->now[i].node].label;
        const double total = log_sum(b->stay_blank[i], b->stay_label[i], LOG_ZERO);
        if (total > LOG_ZERO / 2) kept = keep_ranked(b->kept, kept, width, (ranked){ total, order });
        for (isize k = b->first_child[i]; k >= 0; k = b->next_child[k]) b->present[b->nodes[b->now[k].node].label] = 1;
        for (isize c = 0; c < classes; c++) {
            const double score = (c == last ? b->now[i].blank : b->now[i].total) + b->emission[c];
            if (kept == width && !(score > b->kept[0].score)) continue;          /* an extension never wins a tie with what came before */
            if (c == blank || b->present[c] || !(score > LOG_ZERO / 2)) continue;
            kept = keep_ranked(b->kept, kept, width, (ranked){ score, order + 1 + c });
        }
        for (isize k = b->first_child[i]; k >= 0; k = b->next_child[k]) b->present[b->nodes[b->now[k].node].label] = 0;
    }
    sort_ranked(b->kept, kept);
    return kept;
}

/* The chosen ones become the beam. */
static void take_over(beam *b, isize count, isize kept, isize classes)
{
    for (isize i = 0; i < count; i++) b->nodes[b->now[i].node].slot = -1;
    for (isize i = 0; i < kept; i++) {
        const isize from = b->kept[i].order / (classes + 1), c = b->kept[i].order % (classes + 1) - 1;
        const double total = b->kept[i].score;
        b->next[i] = c < 0 ? (path){ b->stay_blank[from], b->stay_label[from], total, b->now[from].node }
                           : (path){ LOG_ZERO, total, total, extended(b, b->now[from].node, c) };
        b->nodes[b->next[i].node].slot = i;
    }
    path *swap = b->now;
    b->now = b->next;
    b->next = swap;
}

static void write_labels(const beam *b, isize prefix, isize steps, int32_t *labels)
{
    isize length = 0;
    for (isize v = prefix; b->nodes[v].parent >= 0; v = b->nodes[v].parent) length++;
    for (isize i = length; i < steps; i++) labels[i] = -1;
    for (isize v = prefix; b->nodes[v].parent >= 0; v = b->nodes[v].parent) labels[--length] = (int32_t)b->nodes[v].label;
}

#define EACH_REAL "decode.c"
#include "each_real.h"
#else

/* The first of the largest; *top is its score, NaN or infinite where the row is none to choose from. */
static isize FN(best_of_row)(const real *x, isize n, double *top)
{
    real largest = (real)-INFINITY;
    int unsound = 0;
    #pragma omp simd reduction(max : largest) reduction(| : unsound)
    for (isize j = 0; j < n; j++) {
        largest = x[j] > largest ? x[j] : largest;
        unsound |= x[j] != x[j];
    }
    *top = unsound ? (double)NAN : (double)largest;
    for (isize j = 0; j < n; j++) if (x[j] == largest) return j;
    return 0;
}

static pydl_status FN(check_rows)(const pydl_ctx *ctx, const real *logits, const void *lengths, isize code, isize n, isize steps, isize classes)
{
    pydl_status status = labels_check(ctx, lengths, code, n, steps + 1, IGNORE_NONE);
    if (status != PYDL_OK) return status;
    for (isize i = 0; i < n; i++) {
        for (isize t = 0; t < label_at(lengths, code, i); t++) {
            double top;
            FN(best_of_row)(logits + (i * steps + t) * classes, classes, &top);
            if (isfinite(top)) continue;
            *ctx->fault = (pydl_fault){ .where = i * steps + t, .value = i, .limit = t };
            return PYDL_BAD_VALUE;
        }
    }
    return PYDL_OK;
}

static void FN(greedy_part)(const void *data, isize start, isize stop)
{
    const FN(ctc_greedy_args) *a = data;
    for (isize i = start; i < stop; i++) {
        const isize length = label_at(a->lengths, a->length_code, i);
        int32_t *labels = a->labels + i * a->steps;
        isize count = 0, before = a->blank;
        double sum = 0, top;
        for (isize t = 0; t < length; t++) {
            isize best = FN(best_of_row)(a->logits + (i * a->steps + t) * a->classes, a->classes, &top);
            sum += top;
            if (best != a->blank && !(a->merge && best == before)) labels[count++] = (int32_t)best;
            before = best;
        }
        for (isize t = count; t < a->steps; t++) labels[t] = -1;
        a->score[i] = (real)-sum;
    }
}
pydl_status FN(ctc_greedy)(const pydl_ctx *ctx, const void *args)
{
    const FN(ctc_greedy_args) *a = args;
    pydl_status status = FN(check_rows)(ctx, a->logits, a->lengths, a->length_code, a->n, a->steps, a->classes);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->steps * a->classes > PARALLEL_MIN, a->n, 1, FN(greedy_part), a);
}

isize FN(ctc_beam_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(ctc_beam_args) *a = args;
    return ctx->threads * beam_at(NULL, a->steps, a->classes, a->width, NULL);
}

/* Log-probabilities of a step. */
static void FN(emit)(const real *x, isize classes, double *emission)
{
    double top, sum = 0;
    FN(best_of_row)(x, classes, &top);
    #pragma omp simd reduction(+ : sum)
    for (isize c = 0; c < classes; c++) sum += exp_of((double)x[c] - top);
    const double lse = top + log_of(sum);
    for (isize c = 0; c < classes; c++) emission[c] = (double)x[c] - lse > LOG_ZERO ? (double)x[c] - lse : LOG_ZERO;
}

static isize FN(beam_of_sample)(const real *logits, isize length, isize classes, isize blank, isize width, beam *b)
{
    isize count = 1;
    memset(b->table, 0, (size_t)(b->mask + 1) * sizeof(isize));
    memset(b->present, 0, (size_t)classes);
    b->nodes[0] = (node){ -1, -1, 0 };
    b->n_nodes = 1;
    b->now[0] = (path){ 0, LOG_ZERO, 0, 0 };
    for (isize t = 0; t < length; t++) {
        FN(emit)(logits + t * classes, classes, b->emission);
        stay(b, count, blank);
        const isize kept = choose(b, count, blank, classes, width);
        take_over(b, count, kept, classes);
        count = kept;
    }
    return count;
}

static void FN(beam_task)(const void *data, isize i, void *own)
{
    const FN(ctc_beam_args) *a = data;
    const isize length = label_at(a->lengths, a->length_code, i);
    beam b;
    beam_at(own, a->steps, a->classes, a->width, &b);
    const isize count = FN(beam_of_sample)(a->logits + i * a->steps * a->classes, length, a->classes, a->blank, a->width, &b);
    for (isize p = 0; p < a->paths; p++) {
        int32_t *labels = a->labels + (p * a->n + i) * a->steps;
        write_labels(&b, p < count ? b.now[p].node : 0, a->steps, labels);
        a->score[i * a->paths + p] = p < count ? (real)b.now[p].total : (real)-INFINITY;
    }
}
pydl_status FN(ctc_beam)(const pydl_ctx *ctx, const void *args)
{
    const FN(ctc_beam_args) *a = args;
    pydl_status status = FN(check_rows)(ctx, a->logits, a->lengths, a->length_code, a->n, a->steps, a->classes);
    if (status != PYDL_OK) return status;
    run_tasks(ctx, a->n > 1, a->n, FN(beam_task), a, a->scratch, beam_at(NULL, a->steps, a->classes, a->width, NULL));
    return PYDL_OK;
}

/* ---- tokens drawn from scores */

static isize FN(sample_bytes)(isize classes) { return aligned(classes * (isize)sizeof(ranked)); }

isize FN(sample_logits_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(sample_logits_args) *a = args;
    return ctx->threads * FN(sample_bytes)(a->classes);
}

/* The candidates that top_k and top_p leave, best first; all of them, unranked, where nothing is left out.  Scores become weights,
   exp of the distance to the best. */
static isize FN(candidates)(const FN(sample_logits_args) *a, const real *x, double top, ranked *kept)
{
    const isize most = min_isize(a->top_k, a->classes);
    const int all = most == a->classes && a->top_p >= 1;
    isize count = 0;
    for (isize j = 0; j < a->classes; j++) {
        ranked one = { (double)x[j], j };
        if (all) kept[count++] = one;
        else if (count < most || one.score > kept[0].score) count = keep_ranked(kept, count, most, one);
    }
    if (!all) sort_ranked(kept, count);
    double sum = 0, share = 0;
    for (isize j = 0; j < count; j++) {
        kept[j].score = exp_of((kept[j].score - top) / a->temperature);
        sum += kept[j].score;
    }
    if (a->top_p >= 1) return count;
    for (isize j = 0; j < count; j++) {
        share += kept[j].score;
        if (share >= a->top_p * sum) return j + 1;
    }
    return count;
}

static void FN(sample_task)(const void *data, isize i, void *own)
{
    const FN(sample_logits_args) *a = data;
    const real *x = a->logits + i * a->classes;
    ranked *kept = own;
    double best;
    isize chosen = FN(best_of_row)(x, a->classes, &best);
    if (a->temperature > 0) {
        const isize count = FN(candidates)(a, x, best, kept);
        double sum = 0, passed = 0;
        for (isize j = 0; j < count; j++) sum += kept[j].score;
        for (isize j = 0; j < count; j++) {
            passed += kept[j].score;
            if (kept[j].score > 0) chosen = kept[j].order;                      /* the last that can be, should rounding leave uniform * sum unpassed */
            if (passed > a->uniform[i] * sum) break;
        }
    }
    a->ids[i] = chosen;
}
pydl_status FN(sample_logits)(const pydl_ctx *ctx, const void *args)
{
    const FN(sample_logits_args) *a = args;
    double top;
    for (isize i = 0; i < a->n; i++) {
        FN(best_of_row)(a->logits + i * a->classes, a->classes, &top);
        if (isfinite(top)) continue;
        *ctx->fault = (pydl_fault){ .where = i, .value = i, .limit = a->n };
        return PYDL_BAD_VALUE;
    }
    run_tasks(ctx, a->n * a->classes > BLOCK, a->n, FN(sample_task), a, a->scratch, FN(sample_bytes)(a->classes));
    return PYDL_OK;
}
#endif
