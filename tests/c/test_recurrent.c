/* The recurrent kernels against loops over one row at a time, in memory of exactly the right size: the sanitizer sees any reach beyond.
   Backward is checked by finite differences of the loops, in double. */
#ifndef real
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pydl.h"
#include "recurrent.h"
#include "each_real.h"

static uint32_t state = 1;
static double draw(void) { state = state * 1664525u + 1013904223u; return (double)(state >> 8) / (1 << 24) - 0.5; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

typedef struct { isize n, t, d, u, cell, backwards, g; const uint8_t *mask; int peeps; } shape;
enum { X, W, R, B, H0, C0, PEEP, DROP, ARRAYS };
static isize size_of(const shape *s, int which)
{
    const isize sizes[] = { s->n * s->t * s->d, s->d * s->g * s->u, s->u * s->g * s->u, (s->cell == RECURRENT_GRU ? 2 : 1) * s->g * s->u,
                            s->n * s->u, s->n * s->u, 3 * s->u, s->n * s->u };
    return sizes[which];
}

/* y (n, t, u), h and c (n, u) by the formulas. */
static void loops(const shape *s, double *const *a, double *y, double *h_last, double *c_last)
{
    const isize u = s->u, w = s->g * u;
    double *p = malloc((size_t)w * sizeof *p), *q = malloc((size_t)w * sizeof *q), *h = malloc((size_t)u * sizeof *h), *c = malloc((size_t)u * sizeof *c);
    for (isize i = 0; i < s->n; i++) {
        memcpy(h, a[H0] + i * u, (size_t)u * sizeof *h);
        memcpy(c, a[C0] + i * u, (size_t)u * sizeof *c);
        isize begun = 0;
        for (isize step = 0; step < s->t; step++) {
            const isize t = s->backwards ? s->t - 1 - step : step;
            const double *drop = a[DROP] + i * u;
            if (!s->mask || s->mask[i * s->t + t]) {
                begun = 1;
                for (isize j = 0; j < w; j++) {
                    p[j] = a[B][j];
                    q[j] = s->cell == RECURRENT_GRU ? a[B][w + j] : 0;
                    for (isize k = 0; k < s->d; k++) p[j] += a[X][(i * s->t + t) * s->d + k] * a[W][k * w + j];
                    for (isize k = 0; k < u; k++) q[j] += h[k] * drop[k] * a[R][k * w + j];
                }
                if (s->cell == RECURRENT_GRU_BEFORE)
                    for (isize j = 2 * u; j < w; j++) {
                        q[j] = 0;
                        for (isize k = 0; k < u; k++) q[j] += sigmoid(p[u + k] + q[u + k]) * h[k] * drop[k] * a[R][k * w + j];
                    }
                for (isize j = 0; j < u; j++) {
                    if (s->cell == RECURRENT_TANH) h[j] = tanh(p[j] + q[j]);
                    else if (s->cell == RECURRENT_LSTM) {
                        const double *e = a[PEEP] + j, see = s->peeps ? c[j] : 0;
                        c[j] = sigmoid(p[u + j] + q[u + j] + e[u] * see) * c[j] + sigmoid(p[j] + q[j] + e[0] * see) * tanh(p[2 * u + j] + q[2 * u + j]);
                        h[j] = sigmoid(p[3 * u + j] + q[3 * u + j] + (s->peeps ? e[2 * u] * c[j] : 0)) * tanh(c[j]);
                    } else if (s->cell == RECURRENT_GRU_SIMPLE) {
                        const double share = sigmoid(p[j] + q[j]);
                        h[j] = share * tanh(p[u + j] + q[u + j]) + (1 - share) * h[j];
                    } else {
                        const double z = sigmoid(p[j] + q[j]), r = s->cell == RECURRENT_GRU ? sigmoid(p[u + j] + q[u + j]) : 1;
                        h[j] = z * h[j] + (1 - z) * tanh(p[2 * u + j] + r * q[2 * u + j]);
                    }
                }
            }
            for (isize j = 0; j < u; j++) y[(i * s->t + step) * u + j] = begun ? h[j] : 0;
        }
        memcpy(h_last + i * u, h, (size_t)u * sizeof *h);
        memcpy(c_last + i * u, c, (size_t)u * sizeof *c);
    }
    free(p); free(q); free(h); free(c);
}

/* sum of v[k] * result[k] over y, h and, for the LSTM, c. */
static double loss(const shape *s, double *const *a, const double *v)
{
    const isize ny = s->n * s->t * s->u, nh = s->n * s->u;
    double *y = malloc((size_t)(ny + 2 * nh) * sizeof *y + 1), sum = 0;
    loops(s, a, y, y + ny, y + ny + nh);
    for (isize k = 0; k < ny + (s->cell == RECURRENT_LSTM ? 2 : 1) * nh; k++) sum += v[k] * y[k];
    free(y);
    return sum;
}

#define EACH_REAL "test_recurrent.c"
#include "each_real.h"

int main(void)
{
    static const isize sizes[][4] = { {1,1,1,1}, {2,3,4,5}, {1,4,2,9}, {5,2,3,8}, {7,3,1,17}, {1,2,3,40}, {67,2,2,3}, {0,3,2,4}, {3,0,2,4} };
    static const isize gates[] = { 1, 4, 3, 3, 2 };
    for (isize cell = 0; cell < 5; cell++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (isize option = 0; option < 4; option++) {
                shape s = { sizes[k][0], sizes[k][1], sizes[k][2], sizes[k][3], cell, option & 1, gates[cell], NULL, k % 2 == 1 && cell == RECURRENT_LSTM };
                uint8_t *mask = malloc((size_t)(s.n * s.t) + 1);
                for (isize i = 0; i < s.n * s.t; i++) mask[i] = draw() < 0.2;      /* 7 in 10 are live */
                if (option & 2) s.mask = mask;
                check_pydl_f32(&s);
                check_pydl_f64(&s);
                check_ids_pydl_f32(&s);
                check_ids_pydl_f64(&s);
                free(mask);
            }
    printf("recurrent: ok\n");
    return 0;
}
#else
#if REAL_IS_FLOAT
#define CHECK check_pydl_f32
#define CHECK_IDS check_ids_pydl_f32
#define TOLERANCE 2e-4
#else
#define CHECK check_pydl_f64
#define CHECK_IDS check_ids_pydl_f64
#define TOLERANCE 1e-7
#endif

static real *FN(block)(isize n) { return malloc((size_t)n * sizeof(real) + 1); }

/* What recurrent_prepare makes for calls like f. */
static real *FN(prepared)(const pydl_ctx *ctx, const FN(recurrent_forward_args) *f)
{
    isize size = 0;
    FN(recurrent_prepare_args) p = { .kernel = f->kernel, .recurrent = f->recurrent, .bias = f->bias, .peephole = f->peephole, .n = f->n, .d_in = f->d_in,
                                     .units = f->units, .cell = f->cell };
    const FN(recurrent_prepared_size_args) ask = { .of = p, .size = &size };
    assert(FN(recurrent_prepared_size)(ctx, &ask) == PYDL_OK);
    p.prepared = FN(block)(size);
    assert(FN(recurrent_prepare)(ctx, &p) == PYDL_OK);
    return p.prepared;
}

static void CHECK(const shape *s)
{
    const isize ny = s->n * s->t * s->u, nh = s->n * s->u, lstm = s->cell == RECURRENT_LSTM;
    double *a[ARRAYS], *v = malloc((size_t)(ny + 2 * nh) * sizeof *v + 1), *want = malloc((size_t)(ny + 2 * nh) * sizeof *want + 1);
    real *r[ARRAYS], *dr[ARRAYS];
    for (int k = 0; k < ARRAYS; k++) {
        const isize n = size_of(s, k);
        a[k] = malloc((size_t)n * sizeof(double) + 1);
        r[k] = FN(block)(n);
        dr[k] = FN(block)(n);
        for (isize i = 0; i < n; i++) a[k][i] = (double)(r[k][i] = (real)(k == DROP ? (draw() < 0 ? 0 : 2) : draw()));
    }
    const isize kept = s->n * s->t * FN(recurrent_width)(s->u);
    real *gates = FN(block)(kept * s->g), *cells = FN(block)(kept), *y = FN(block)(ny), *h = FN(block)(nh), *c = FN(block)(nh);
    real *dy = FN(block)(ny), *dh = FN(block)(nh), *dc = FN(block)(nh);
    for (isize i = 0; i < ny; i++) v[i] = (double)(dy[i] = (real)draw());
    for (isize i = 0; i < nh; i++) { v[ny + i] = (double)(dh[i] = (real)draw()); v[ny + nh + i] = (double)(dc[i] = (real)draw()); }
    pydl_fault fault = { 0 };
    const pydl_blas blas = { 0 };
    const pydl_ctx ctx = { .threads = 2, .blas = &blas, .fault = &fault };
    FN(recurrent_forward_args) f = {
        .x = r[X], .kernel = r[W], .recurrent = r[R], .bias = r[B], .peephole = s->peeps ? r[PEEP] : NULL, .h0 = r[H0], .c0 = lstm ? r[C0] : NULL, .drop = r[DROP],
        .mask = s->mask, .n = s->n, .t = s->t, .d_in = s->d, .units = s->u, .cell = s->cell, .backwards = s->backwards, .gates = gates,
        .cells = s->cell == RECURRENT_LSTM || s->cell == RECURRENT_GRU ? cells : NULL, .y = y, .h = h, .c = lstm ? c : NULL
    };
    f.scratch = malloc((size_t)FN(recurrent_forward_scratch)(&ctx, &f) + 1);
    assert(FN(recurrent_forward)(&ctx, &f) == PYDL_OK);
    loops(s, a, want, want + ny, want + ny + nh);
    for (isize i = 0; i < ny; i++) assert(fabs((double)y[i] - want[i]) < TOLERANCE);
    for (isize i = 0; i < nh; i++) assert(fabs((double)h[i] - want[ny + i]) < TOLERANCE && (!lstm || fabs((double)c[i] - want[ny + nh + i]) < TOLERANCE));
    /* Without gates, and of prepared weights: the same bits. */
    FN(recurrent_forward_args) bare = f;
    real *y2 = FN(block)(ny), *h2 = FN(block)(nh), *c2 = FN(block)(nh), *prepared = FN(prepared)(&ctx, &f);
    bare.gates = bare.cells = NULL;
    bare.prepared = prepared;
    bare.y = y2;
    bare.h = h2;
    bare.c = lstm ? c2 : NULL;
    bare.scratch = malloc((size_t)FN(recurrent_forward_scratch)(&ctx, &bare) + 1);
    assert(FN(recurrent_forward)(&ctx, &bare) == PYDL_OK);
    assert(!memcmp(y, y2, (size_t)ny * sizeof(real)) && !memcmp(h, h2, (size_t)nh * sizeof(real)) && (!lstm || !memcmp(c, c2, (size_t)nh * sizeof(real))));
    free(bare.scratch);
    /* No state before the first step: the results of zeros. */
    real *zeros = FN(block)(nh), *y0 = FN(block)(ny);
    for (isize i = 0; i < nh; i++) zeros[i] = 0;
    bare.prepared = NULL;
    for (int k = 0; k < 2; k++) {
        bare.h0 = k ? NULL : zeros;
        bare.y = k ? y2 : y0;
        bare.scratch = malloc((size_t)FN(recurrent_forward_scratch)(&ctx, &bare) + 1);
        assert(FN(recurrent_forward)(&ctx, &bare) == PYDL_OK);
        free(bare.scratch);
    }
    for (isize i = 0; i < ny; i++) assert(y0[i] == y2[i]);
    free(y0); free(zeros);
    free(y2); free(h2); free(c2); free(prepared);
    FN(recurrent_backward_args) b = {
        .x = r[X], .kernel = r[W], .recurrent = r[R], .peephole = f.peephole, .h0 = r[H0], .c0 = f.c0, .drop = r[DROP],
        .mask = s->mask, .y = y, .dy = dy, .dh = dh, .dc = lstm ? dc : NULL,
        .n = s->n, .t = s->t, .d_in = s->d, .units = s->u, .cell = s->cell, .backwards = s->backwards, .gates = gates, .cells = f.cells, .dx = dr[X],
        .dkernel = dr[W], .drecurrent = dr[R], .dbias = dr[B], .dpeephole = s->peeps ? dr[PEEP] : NULL,
        .dh0 = dr[H0], .dc0 = lstm ? dr[C0] : NULL
    };
    b.scratch = malloc((size_t)FN(recurrent_backward_scratch)(&ctx, &b) + 1);
    assert(FN(recurrent_backward)(&ctx, &b) == PYDL_OK);
    for (int k = 0; k < (s->peeps ? DROP : lstm ? PEEP : C0); k++)
        for (isize i = 0; i < size_of(s, k); i += size_of(s, k) / 7 + 1) {
            const double was = a[k][i], step = 1e-4;
            a[k][i] = was + step;
            const double up = loss(s, a, v);
            a[k][i] = was - step;
            const double down = loss(s, a, v);
            a[k][i] = was;
            assert(fabs((double)dr[k][i] - (up - down) / (2 * step)) < TOLERANCE * 10);
        }
    for (int k = 0; k < ARRAYS; k++) { free(a[k]); free(r[k]); free(dr[k]); }
    free(v); free(want); free(gates); free(cells); free(y); free(h); free(c); free(dy); free(dh); free(dc); free(f.scratch); free(b.scratch);
}

/* Steps that are rows of a table against the same rows given as x, with the identity for a kernel. */
enum { FN(VOCAB) = 3 };
static real *FN(random)(isize n)
{
    real *a = FN(block)(n);
    for (isize i = 0; i < n; i++) a[i] = (real)draw();
    return a;
}
static void CHECK_IDS(const shape *s)
{
    const isize u = s->u, w = s->g * u, all = s->n * s->t, lstm = s->cell == RECURRENT_LSTM, gru = s->cell == RECURRENT_GRU;
    real *table = FN(random)(FN(VOCAB) * w), *x = FN(block)(all * w), *kernel = FN(block)(w * w), *recurrent = FN(random)(u * w), *bias = FN(block)(2 * w);
    real *of_state = FN(random)(w), *h0 = FN(random)(s->n * u), *dy = FN(random)(all * u), *dh = FN(random)(s->n * u);
    int32_t *id4 = malloc((size_t)all * sizeof *id4 + 1);
    int64_t *id8 = malloc((size_t)all * sizeof *id8 + 1);
    for (isize i = 0; i < all; i++) {
        id4[i] = (int32_t)(id8[i] = draw() < 0 ? 0 : 2);
        memcpy(x + i * w, table + id8[i] * w, (size_t)w * sizeof(real));
    }
    for (isize i = 0; i < w * w; i++) kernel[i] = i % (w + 1) == 0;
    for (isize i = 0; i < w; i++) bias[i] = 0, bias[w + i] = of_state[i];
    pydl_fault fault = { 0 };
    const pydl_blas blas = { 0 };
    const pydl_ctx ctx = { .threads = 2, .blas = &blas, .fault = &fault };
    real *y[2], *dr[2], *db[2], *dh0[2], *dx[2] = { FN(block)(all * w), FN(block)(FN(VOCAB) * w) }, *dkernel = FN(block)(w * w);
    for (int k = 0; k < 2; k++) {
        const isize kept = all * FN(recurrent_width)(u);
        real *gates = FN(block)(kept * s->g), *cells = FN(block)(kept), *h = FN(block)(s->n * u), *c = FN(block)(s->n * u);
        y[k] = FN(block)(all * u), dr[k] = FN(block)(u * w), db[k] = FN(block)(2 * w), dh0[k] = FN(block)(s->n * u);
        FN(recurrent_forward_args) f = {
            .x = k ? table : x, .kernel = k ? NULL : kernel, .recurrent = recurrent, .bias = gru ? k ? of_state : bias : NULL, .h0 = h0, .mask = s->mask,
            .ids = k ? s->backwards ? (void *)id4 : (void *)id8 : NULL, .id_size = s->backwards ? 4 : 8, .vocab = FN(VOCAB), .n = s->n, .t = s->t,
            .d_in = k ? 0 : w, .units = u, .cell = s->cell, .backwards = s->backwards, .gates = gates, .cells = lstm || gru ? cells : NULL, .y = y[k],
            .h = h, .c = lstm ? c : NULL
        };
        f.scratch = malloc((size_t)FN(recurrent_forward_scratch)(&ctx, &f) + 1);
        assert(FN(recurrent_forward)(&ctx, &f) == PYDL_OK);
        FN(recurrent_backward_args) b = {
            .x = f.x, .kernel = f.kernel, .recurrent = recurrent, .h0 = h0, .mask = s->mask, .y = y[k], .dy = dy, .dh = dh, .ids = f.ids, .id_size = f.id_size,
            .vocab = f.vocab, .n = s->n, .t = s->t, .d_in = f.d_in, .units = u, .cell = s->cell, .backwards = s->backwards, .gates = gates,
            .cells = f.cells, .dx = dx[k], .dkernel = k ? NULL : dkernel, .drecurrent = dr[k], .dbias = gru ? db[k] : NULL, .dh0 = dh0[k]
        };
        b.scratch = malloc((size_t)FN(recurrent_backward_scratch)(&ctx, &b) + 1);
        assert(FN(recurrent_backward)(&ctx, &b) == PYDL_OK);
        FN(recurrent_forward_args) again = f;
        again.gates = again.cells = NULL;
        again.y = FN(block)(all * u);
        again.prepared = FN(prepared)(&ctx, &f);
        assert(FN(recurrent_forward)(&ctx, &again) == PYDL_OK && !memcmp(again.y, y[k], (size_t)(all * u) * sizeof(real)));
        free(again.y); free((void *)(uintptr_t)again.prepared);
        if (k && all) {
            f.vocab = b.vocab = 0;
            assert(FN(recurrent_forward)(&ctx, &f) == PYDL_BAD_INDEX && fault.where == 0 && fault.value == id8[0] && fault.limit == 0);
            assert(FN(recurrent_backward)(&ctx, &b) == PYDL_BAD_INDEX);
        }
        free(f.scratch); free(b.scratch); free(gates); free(cells); free(h); free(c);
    }
    for (isize i = 0; i < all * u; i++) assert(fabs((double)(y[0][i] - y[1][i])) < TOLERANCE);
    for (isize i = 0; i < u * w; i++) assert(fabs((double)(dr[0][i] - dr[1][i])) < TOLERANCE * 10);
    for (isize i = 0; gru && i < w; i++) assert(fabs((double)(db[0][w + i] - db[1][i])) < TOLERANCE * 10);
    for (isize i = 0; i < s->n * u; i++) assert(fabs((double)(dh0[0][i] - dh0[1][i])) < TOLERANCE * 10);
    for (isize row = 0; row < FN(VOCAB); row++)
        for (isize j = 0; j < w; j++) {
            double sum = 0;
            for (isize i = 0; i < all; i++) sum += id8[i] == row ? (double)dx[0][i * w + j] : 0;
            assert(fabs((double)dx[1][row * w + j] - sum) < TOLERANCE * 10);
        }
    for (int k = 0; k < 2; k++) { free(y[k]); free(dr[k]); free(db[k]); free(dh0[k]); free(dx[k]); }
    free(table); free(x); free(kernel); free(recurrent); free(bias); free(of_state); free(h0); free(dy); free(dh); free(id4); free(id8); free(dkernel);
}
#undef CHECK
#undef CHECK_IDS
#undef TOLERANCE
#endif
