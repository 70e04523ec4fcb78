/* Connectionist temporal classification: slopes against differences, sums that must be zero, every length at its limit, threads. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "labels.h"
#include "ctc.h"

static pydl_fault fault;
static const pydl_blas no_blas = { 0 };

#define EACH_REAL "test_ctc.c"
#include "each_real.h"

int main(void)
{
    all_f32();
    all_f64();
    printf(failures ? "%d failures\n" : "ctc: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#define STEP 1e-2
#define TOLERANCE 2e-3
#else
#define R(name) name##_f64
#define STEP 1e-5
#define TOLERANCE 1e-8
#endif

static pydl_status R(forward)(int threads, const real *x, const uint8_t *labels, isize n, isize steps, isize classes, isize length, real *loss)
{
    pydl_ctx ctx = { .threads = threads, .blas = &no_blas, .fault = &fault };
    FN(ctc_loss_forward_args) a = { NULL, x, labels, PYDL_UINT8, NULL, n, steps, classes, length, loss };
    a.scratch = malloc((size_t)FN(ctc_loss_forward_scratch)(&ctx, &a) + 1);
    pydl_status status = FN(ctc_loss_forward)(&ctx, &a);
    free(a.scratch);
    return status;
}

static void R(case)(isize n, isize steps, isize classes, isize length)
{
    isize size = n * steps * classes;
    real *x = malloc((size_t)(size + 1) * sizeof(real)), *dx[2], *dloss = malloc((size_t)(n + 1) * sizeof(real));
    real *loss = malloc((size_t)(n + 1) * sizeof(real)), *moved = malloc((size_t)(n + 1) * sizeof(real));
    uint8_t *labels = calloc((size_t)(n * length) + 1, 1);
    for (isize i = 0; i < size; i++) x[i] = (real)random_unit();
    for (isize i = 0; i < n; i++) {
        dloss[i] = (real)(1 + random_unit() / 2);
        isize k = length ? i % (length + 1) : 0;                      /* from none to all of the length, neighbours unlike */
        for (isize j = 0; j < k; j++) labels[i * length + j] = (uint8_t)(1 + (i + j) % (classes - 1));
    }
    check(R(forward)(1, x, labels, n, steps, classes, length, loss) == PYDL_OK, "forward", (long)steps, (long)length);
    for (int threads = 1; threads <= 3; threads += 2) {
        pydl_ctx ctx = { .threads = threads, .blas = &no_blas, .fault = &fault };
        real *out = dx[threads / 2] = malloc((size_t)(size + 1) * sizeof(real));
        FN(ctc_loss_backward_args) b = { NULL, dloss, x, labels, PYDL_UINT8, NULL, n, steps, classes, length, out };
        b.scratch = malloc((size_t)FN(ctc_loss_backward_scratch)(&ctx, &b) + 1);
        check(FN(ctc_loss_backward)(&ctx, &b) == PYDL_OK, "backward", (long)steps, (long)length);
        free(b.scratch);
    }
    check(memcmp(dx[0], dx[1], (size_t)size * sizeof(real)) == 0, "threads", (long)steps, (long)length);
    for (isize i = 0; i < n * steps; i++) {
        double sum = 0;
        for (isize j = 0; j < classes; j++) sum += (double)dx[0][i * classes + j];
        check(fabs(sum) < TOLERANCE, "the slopes of a step add up to nothing", (long)i, (long)length);
    }
    for (int probe = 0; probe < 20 && size > 0; probe++) {
        isize i = (isize)((random_unit() + 1) / 2 * (double)size) % size, row = i / (steps * classes);
        real kept = x[i];
        x[i] = kept + (real)STEP;
        R(forward)(2, x, labels, n, steps, classes, length, moved);
        double up = (double)moved[row];
        x[i] = kept - (real)STEP;
        R(forward)(2, x, labels, n, steps, classes, length, moved);
        double slope = (up - (double)moved[row]) / (2 * STEP) * (double)dloss[row];
        x[i] = kept;
        check(fabs(slope - (double)dx[0][i]) < TOLERANCE, "slope", (long)i, (long)length);
    }
    free(x); free(dx[0]); free(dx[1]); free(dloss); free(loss); free(moved); free(labels);
}

/* Steps that a mask takes out, between the others and behind them: the bits of the loss without them, and no gradient. */
static void R(masked)(isize n, isize steps, isize classes, isize length)
{
    const isize wide = 2 * steps + 1;
    real *x = malloc((size_t)(n * steps * classes) * sizeof(real)), *dx = malloc((size_t)(n * steps * classes) * sizeof(real));
    real *padded = malloc((size_t)(n * wide * classes) * sizeof(real)), *dpadded = malloc((size_t)(n * wide * classes) * sizeof(real));
    real *loss = malloc((size_t)(2 * n) * sizeof(real)), *dloss = malloc((size_t)n * sizeof(real));
    uint8_t *labels = calloc((size_t)(n * length), 1), *mask = calloc((size_t)(n * wide), 1);
    for (isize i = 0; i < n * wide * classes; i++) padded[i] = (real)NAN;
    for (isize i = 0; i < n; i++) {
        dloss[i] = (real)(1 + random_unit() / 2);
        for (isize j = 0; j < 1 + i % length; j++) labels[i * length + j] = (uint8_t)(1 + (i + j) % (classes - 1));
        for (isize t = 0; t < steps; t++) {
            const isize place = i % 2 ? t : 2 * t + 1;
            mask[i * wide + place] = 1;
            for (isize c = 0; c < classes; c++) x[(i * steps + t) * classes + c] = padded[(i * wide + place) * classes + c] = (real)random_unit();
        }
    }
    for (int which = 0; which < 2; which++) {
        pydl_ctx ctx = { .threads = 2, .blas = &no_blas, .fault = &fault };
        FN(ctc_loss_forward_args) f = { NULL, which ? padded : x, labels, PYDL_UINT8, which ? mask : NULL, n, which ? wide : steps, classes, length, loss + which * n };
        f.scratch = malloc((size_t)FN(ctc_loss_forward_scratch)(&ctx, &f) + 1);
        check(FN(ctc_loss_forward)(&ctx, &f) == PYDL_OK, "masked forward", (long)steps, which);
        free(f.scratch);
        FN(ctc_loss_backward_args) b = { NULL, dloss, f.logits, labels, PYDL_UINT8, f.mask, n, f.steps, classes, length, which ? dpadded : dx };
        b.scratch = malloc((size_t)FN(ctc_loss_backward_scratch)(&ctx, &b) + 1);
        check(FN(ctc_loss_backward)(&ctx, &b) == PYDL_OK, "masked backward", (long)steps, which);
        free(b.scratch);
    }
    check(memcmp(loss, loss + n, (size_t)n * sizeof(real)) == 0, "masked loss", (long)steps, (long)length);
    for (isize i = 0; i < n; i++)
        for (isize place = 0, t = 0; place < wide; place++) {
            const real *found = dpadded + (i * wide + place) * classes;
            if (mask[i * wide + place]) check(memcmp(found, dx + (i * steps + t++) * classes, (size_t)classes * sizeof(real)) == 0, "masked slope", (long)i, (long)place);
            else for (isize c = 0; c < classes; c++) check(found[c] == 0, "slope of a masked step", (long)i, (long)place);
        }
    free(x); free(dx); free(padded); free(dpadded); free(loss); free(dloss); free(labels); free(mask);
}

static void R(all)(void)
{
    R(masked)(5, 7, 4, 3);
    R(masked)(8, 33, 12, 9);
    const isize cases[][4] = { { 0, 4, 3, 2 }, { 1, 1, 2, 1 }, { 3, 5, 3, 2 }, { 6, 5, 4, 5 }, { 4, 9, 2, 1 }, { 2, 3, 5, 0 }, { 9, 40, 12, 8 }, { 33, 17, 30, 16 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) R(case)(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
    const real x[12] = { 0 };
    real loss[2];
    check(R(forward)(1, x, (const uint8_t[]){ 1, 3 }, 1, 4, 3, 2, loss) == PYDL_BAD_INDEX && fault.where == 1 && fault.value == 3, "class 3 of 3", 0, 0);
    check(R(forward)(1, x, (const uint8_t[]){ 1, 0, 1, 1 }, 2, 2, 3, 2, loss) == PYDL_BAD_VALUE && fault.where == 1 && fault.value == 3 && fault.limit == 2, "too long", 0, 0);
}
#undef R
#undef STEP
#undef TOLERANCE
#endif
