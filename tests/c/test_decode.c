/* Decoding: beams with room for all sequences add up to one, every size from nothing, threads, faults. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "labels.h"
#include "decode.h"

static pydl_fault fault;
static const pydl_blas no_blas = { 0 };

#define EACH_REAL "test_decode.c"
#include "each_real.h"

int main(void)
{
    all_f32();
    all_f64();
    printf(failures ? "%d failures\n" : "decode: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#define TOLERANCE 1e-5
#else
#define R(name) name##_f64
#define TOLERANCE 1e-10
#endif

static pydl_status R(beam)(int threads, const real *x, const int32_t *lengths, isize n, isize steps, isize classes, isize width, isize paths, int32_t *labels, real *score)
{
    pydl_ctx ctx = { .threads = threads, .blas = &no_blas, .fault = &fault };
    FN(ctc_beam_args) a = { NULL, x, lengths, PYDL_INT32, n, steps, classes, 0, width, paths, labels, score };
    a.scratch = aligned_alloc(64, (size_t)(FN(ctc_beam_scratch)(&ctx, &a) + 64) / 64 * 64);
    pydl_status status = FN(ctc_beam)(&ctx, &a);
    free(a.scratch);
    return status;
}

/* A wide beam holds every sequence, and their probabilities add up to 1; a narrow one is the same for any threads. */
static void R(decode)(isize n, isize steps, isize classes, isize width)
{
    const isize size = n * steps * classes, paths = width, out = paths * n * steps;
    real *x = malloc((size_t)(size + 1) * sizeof(real)), *score[2];
    int32_t *lengths = malloc((size_t)(n + 1) * sizeof(int32_t)), *labels[2];
    for (isize i = 0; i < size; i++) x[i] = (real)random_unit();
    for (isize i = 0; i < n; i++) lengths[i] = (int32_t)(steps - i % (steps + 1));
    for (int k = 0; k < 2; k++) {
        score[k] = malloc((size_t)(n * paths + 1) * sizeof(real));
        labels[k] = malloc((size_t)(out + 1) * sizeof(int32_t));
        check(R(beam)(1 + 2 * k, x, lengths, n, steps, classes, width, paths, labels[k], score[k]) == PYDL_OK, "beam", (long)steps, (long)width);
    }
    check(memcmp(labels[0], labels[1], (size_t)out * sizeof(int32_t)) == 0 && memcmp(score[0], score[1], (size_t)(n * paths) * sizeof(real)) == 0,
          "threads", (long)steps, (long)width);
    isize all = 1;                                                     /* more sequences than there can be */
    for (isize t = 0; t < steps && all <= width; t++) all *= classes;
    for (isize i = 0; i < n && width >= 2 * all; i++) {
        double sum = 0;
        for (isize p = 0; p < paths; p++) sum += exp((double)score[0][i * paths + p]);
        check(fabs(sum - 1) < TOLERANCE, "the probabilities add up", (long)i, (long)steps);
    }
    pydl_ctx ctx = { .threads = 2, .blas = &no_blas, .fault = &fault };
    for (isize merge = 0; merge < 2; merge++) {
        FN(ctc_greedy_args) g = { x, lengths, PYDL_INT32, n, steps, classes, classes - 1, merge, labels[0], score[0] };
        check(FN(ctc_greedy)(&ctx, &g) == PYDL_OK, "greedy", (long)steps, (long)classes);
    }
    if (n && steps) {
        lengths[n - 1] = (int32_t)steps + 1;
        check(R(beam)(1, x, lengths, n, steps, classes, width, paths, labels[0], score[0]) == PYDL_BAD_INDEX && fault.where == n - 1, "a length too long", (long)n, 0);
        lengths[n - 1] = (int32_t)steps;
        x[size - 1] = (real)NAN;
        check(R(beam)(1, x, lengths, n, steps, classes, width, paths, labels[0], score[0]) == PYDL_BAD_VALUE && fault.where == n * steps - 1, "NaN", (long)n, 0);
    }
    for (int k = 0; k < 2; k++) { free(score[k]); free(labels[k]); }
    free(x); free(lengths);
}

static void R(draw)(isize n, isize classes, isize top_k, double top_p)
{
    real *x = malloc((size_t)(n * classes + 1) * sizeof(real));
    double *uniform = malloc((size_t)(n + 1) * sizeof(double));
    int64_t *ids[2] = { malloc((size_t)(n + 1) * sizeof(int64_t)), malloc((size_t)(n + 1) * sizeof(int64_t)) };
    for (isize i = 0; i < n * classes; i++) x[i] = (real)(3 * random_unit());
    for (isize i = 0; i < n; i++) uniform[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 - 1e-16 : (random_unit() + 1) / 2 * (1 - 1e-12);
    for (int k = 0; k < 2; k++) {
        pydl_ctx ctx = { .threads = 1 + 2 * k, .blas = &no_blas, .fault = &fault };
        FN(sample_logits_args) a = { NULL, x, uniform, n, classes, 0.7, top_k, top_p, ids[k] };
        a.scratch = aligned_alloc(64, (size_t)(FN(sample_logits_scratch)(&ctx, &a) + 64) / 64 * 64);
        check(FN(sample_logits)(&ctx, &a) == PYDL_OK, "sample", (long)n, (long)classes);
        free(a.scratch);
    }
    check(memcmp(ids[0], ids[1], (size_t)n * sizeof(int64_t)) == 0, "threads of draws", (long)n, (long)classes);
    for (isize i = 0; i < n; i++) {
        isize above = 0;
        for (isize j = 0; j < classes; j++) above += x[i * classes + j] > x[i * classes + ids[0][i]];
        check(ids[0][i] >= 0 && ids[0][i] < classes && above < top_k, "among the k largest", (long)i, (long)above);
    }
    free(x); free(uniform); free(ids[0]); free(ids[1]);
}

static void R(all)(void)
{
    const isize sizes[][4] = { { 0, 3, 2, 4 }, { 2, 0, 3, 2 }, { 1, 1, 1, 1 }, { 3, 1, 2, 8 }, { 4, 4, 3, 200 }, { 3, 5, 2, 80 }, { 5, 17, 4, 3 }, { 2, 30, 9, 7 }, { 3, 12, 3, 1 } };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) R(decode)(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
    R(draw)(0, 5, 5, 1);
    R(draw)(7, 1, 1, 0.5);
    R(draw)(50, 40, 1000, 1);
    R(draw)(50, 40, 7, 1);
    R(draw)(200, 40, 7, 0.6);
    R(draw)(50, 33, 33, 1e-9);
}
#undef R
#undef TOLERANCE
#endif
