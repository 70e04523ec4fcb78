/* Metrics, batches and schedules: small cases by hand, large ones against plain loops and over thread counts. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "labels.h"
#include "batch.h"
#include "metric.h"
#include "schedule.h"

static void check_at(int right, const char *what, long a) { check(right, what, a, 0); }
static pydl_fault fault;
static const pydl_blas no_blas = { 0 };
static pydl_ctx context(int threads) { return (pydl_ctx){ .threads = threads, .blas = &no_blas, .fault = &fault }; }

static void gathering(void)
{
    pydl_ctx ctx = context(2);
    enum { ROWS = 50, ROW = 3000 };
    unsigned char *src = malloc(ROWS * ROW), *dst = malloc(70 * ROW);
    int64_t index[70];
    for (int i = 0; i < ROWS * ROW; i++) src[i] = (unsigned char)(i * 7 % 251);
    for (int i = 0; i < 70; i++) index[i] = i < 30 ? i : i * 13 % ROWS;       /* a run, then single rows */
    check_at(LEVEL_FN(gather_rows)(&ctx, &(pydl_gather_rows_args){ src, index, ROWS, ROW, 70, dst }) == PYDL_OK, "gather_rows", 0);
    for (int i = 0; i < 70; i++) check_at(memcmp(dst + i * ROW, src + index[i] * ROW, ROW) == 0, "gather_rows", i);
    index[9] = ROWS;
    check_at(LEVEL_FN(gather_rows)(&ctx, &(pydl_gather_rows_args){ src, index, ROWS, ROW, 70, dst }) == PYDL_BAD_INDEX && fault.where == 9 && fault.value == ROWS, "row 50 of 50", 0);
    check_at(LEVEL_FN(gather_rows)(&ctx, &(pydl_gather_rows_args){ src, index, ROWS, ROW, 0, dst }) == PYDL_OK, "no rows", 0);
    check_at(LEVEL_FN(gather_rows)(&ctx, &(pydl_gather_rows_args){ src, index, ROWS, 0, 9, dst }) == PYDL_OK, "empty rows", 0);
    free(src); free(dst);
}

static void rates(void)
{
    pydl_ctx ctx = context(1);
    const double boundaries[2] = { 10, 20 }, values[3] = { 3, 2, 1 }, pi = 3.14159265358979323846;
    for (int64_t t = 0; t < 200; t++) {
        double rate = 0, s = (double)t;
        LEVEL_FN(exponential_rate)(&ctx, &(pydl_exponential_rate_args){ &t, 0.1, 10, 0.5, 0, &rate });
        check_at(fabs(rate - 0.1 * pow(0.5, s / 10)) < 1e-15, "exponential", t);
        LEVEL_FN(inverse_time_rate)(&ctx, &(pydl_inverse_time_rate_args){ &t, 0.1, 10, 0.5, 1, &rate });
        check_at(fabs(rate - 0.1 / (1 + 0.5 * (double)(t / 10))) < 1e-15, "inverse time", t);
        LEVEL_FN(polynomial_rate)(&ctx, &(pydl_polynomial_rate_args){ &t, 0.1, 50, 0.01, 2, 0, &rate });
        check_at(fabs(rate - (0.09 * pow(1 - fmin(s, 50) / 50, 2) + 0.01)) < 1e-15, "polynomial", t);
        LEVEL_FN(polynomial_rate)(&ctx, &(pydl_polynomial_rate_args){ &t, 0.1, 50, 0.01, 1, 1, &rate });
        check_at(rate >= 0.01 - 1e-15 && rate <= 0.1, "cyclic", t);
        LEVEL_FN(piecewise_rate)(&ctx, &(pydl_piecewise_rate_args){ &t, boundaries, values, 2, &rate });
        check_at(rate == (t <= 10 ? 3 : t <= 20 ? 2 : 1), "piecewise", t);
        LEVEL_FN(cosine_rate)(&ctx, &(pydl_cosine_rate_args){ &t, 0.01, 0.1, 20, 100, 0.1, &rate });
        check_at(fabs(rate - (t < 20 ? 0.01 + 0.09 * s / 20 : 0.1 * (0.45 * (1 + cos(pi * fmin((s - 20) / 100, 1))) + 0.1))) < 1e-15, "cosine", t);
        LEVEL_FN(cosine_restarts_rate)(&ctx, &(pydl_cosine_restarts_rate_args){ &t, 0.1, 50, 1, 0.5, 0, &rate });
        check_at(fabs(rate - 0.1 * pow(0.5, (double)(t / 50)) * 0.5 * (1 + cos(pi * (double)(t % 50) / 50))) < 1e-14, "restarts", t);
        LEVEL_FN(cosine_restarts_rate)(&ctx, &(pydl_cosine_restarts_rate_args){ &t, 0.1, 50, 2, 1, 0, &rate });
        check_at(t % 50 == 0 || fabs(rate - 0.05 * (1 + cos(pi * (t < 50 ? s / 50 : t < 150 ? (s - 50) / 100 : (s - 150) / 200)))) < 1e-14, "longer restarts", t);
        LEVEL_FN(inverse_root_rate)(&ctx, &(pydl_inverse_root_rate_args){ &t, 2, 40, &rate });
        check_at(fabs(rate - 2 * fmin(1 / sqrt(s + 1), (s + 1) * pow(40, -1.5))) < 1e-15, "inverse root", t);
    }
}

#define EACH_REAL "test_metric.c"
#include "each_real.h"

int main(void)
{
    gathering();
    rates();
    all_f32();
    all_f64();
    printf(failures ? "%d failures\n" : "metric: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#else
#define R(name) name##_f64
#endif

/* Every metric at once: its total must be (hits * scale, weight * scale) as counted here. */
static void R(accuracies)(isize n, isize c, int threads)
{
    pydl_ctx ctx = context(threads);
    real *pred = malloc((size_t)(n * c + 1) * sizeof(real)), *target = malloc((size_t)(n * c + 1) * sizeof(real)), *weights = malloc((size_t)(n + 1) * sizeof(real));
    int32_t *labels = malloc((size_t)(n + 1) * sizeof(int32_t));
    double total[7][2] = { { 0 } }, expected[7] = { 0 }, sum = 0, *scratch = malloc((size_t)(2 * n + 2) * sizeof(double));
    for (isize i = 0; i < n * c; i++) {
        pred[i] = (real)(floor(4 * random_unit()) / 4);                /* ties are common */
        target[i] = random_unit() > 0;
    }
    for (isize i = 0; i < n; i++) {
        const real *x = pred + i * c, *t = target + i * c;
        isize best = 0, truth = 0, greater = 0, greater_truth = 0;
        double over = 0, equal = 0;
        weights[i] = (real)(i % 4);
        labels[i] = (int32_t)(i * 5 % (c + 2)) - 1;                    /* some are no class */
        for (isize j = 1; j < c; j++) {
            if (x[j] > x[best]) best = j;
            if (t[j] > t[truth]) truth = j;
        }
        int is_class = labels[i] >= 0 && labels[i] < c;
        for (isize j = 0; j < c; j++) {
            greater += is_class && x[j] > x[labels[i]];
            greater_truth += x[j] > x[truth];
            over += (x[j] > (real)0.1) == (t[j] != 0);
            equal += x[j] == t[j];
        }
        const double w = (double)weights[i];
        sum += w;
        expected[0] += w * (labels[i] == best);
        expected[1] += w * (best == truth);
        expected[2] += w * (is_class && greater < 3);
        expected[3] += w * (greater_truth < 3);
        expected[4] += w * over / (double)c;
        expected[5] += w * equal / (double)c;
        expected[6] += w * (double)weights[i];
    }
    FN(add_sparse_accuracy)(&ctx, &(FN(add_sparse_accuracy_args)){ scratch, pred, labels, PYDL_INT32, c, weights, 2, n, total[0] });
    FN(add_categorical_accuracy)(&ctx, &(FN(add_categorical_accuracy_args)){ scratch, pred, target, c, weights, 2, n, total[1] });
    FN(add_sparse_top_k)(&ctx, &(FN(add_sparse_top_k_args)){ scratch, pred, labels, PYDL_INT32, 3, c, weights, 2, n, total[2] });
    FN(add_categorical_top_k)(&ctx, &(FN(add_categorical_top_k_args)){ scratch, pred, target, 3, c, weights, 2, n, total[3] });
    FN(add_binary_accuracy)(&ctx, &(FN(add_binary_accuracy_args)){ scratch, pred, target, 0.1, c, weights, 2, n, total[4] });
    FN(add_equal_accuracy)(&ctx, &(FN(add_equal_accuracy_args)){ scratch, pred, target, c, weights, 2, n, total[5] });
    FN(add_mean)(&ctx, &(FN(add_mean_args)){ scratch, weights, weights, 1, 2, n, total[6] });
    for (int k = 0; k < 7; k++) {
        check_at(fabs(total[k][0] - 2 * expected[k]) < 1e-9 * (1 + expected[k]), "hits", 100 * k + (long)c);
        check_at(total[k][1] == 2 * sum, "weights", 100 * k + (long)c);
    }
    FN(add_mean)(&ctx, &(FN(add_mean_args)){ scratch, weights, NULL, 1, 1, n, total[6] });
    check_at(total[6][1] == 2 * sum + (double)n, "ones", (long)n);
    free(pred); free(target); free(weights); free(labels); free(scratch);
}

static void R(confusion)(void)
{
    pydl_ctx ctx = context(2);
    const real pred[] = { (real)0.1, (real)0.6, (real)0.6, (real)0.9, (real)0.3 }, target[] = { 0, 1, 0, 1, 1 }, weights[] = { 1, 2, 3, 4, 5 };
    const double thresholds[] = { 0.5, 0.95 };
    double counts[8] = { 0 }, scratch[6];
    FN(add_confusion_args) a = { scratch, pred, target, weights, 1, thresholds, 2, 5, counts };
    check_at(FN(add_confusion_scratch)(&ctx, &a) == (isize)sizeof scratch, "scratch", 0);
    FN(add_confusion)(&ctx, &a);
    const double expected[8] = { 6, 3, 1, 5, 0, 0, 4, 11 };
    for (int i = 0; i < 8; i++) check_at(counts[i] == expected[i], "confusion", i);
    double classes[8] = { 0 }, room[8];
    const real rows[6] = { (real)0.7, (real)0.3, (real)0.4, (real)0.6, 0, 0 }, truth[6] = { 1, 0, 1, 0, 0, 1 }, three[3] = { 1, 2, 4 };
    FN(add_class_counts_args) b = { room, rows, truth, three, 0, 1, 3, 2, classes };
    FN(add_class_counts)(&ctx, &b);
    const double by_max[8] = { 1, 0, 2, 3, 0, 2, 4, 4 };
    for (int i = 0; i < 8; i++) check_at(classes[i] == by_max[i], "class counts by the maximum", i);
    memset(classes, 0, sizeof classes);
    b.by_max = 0; b.threshold = 0.35;
    FN(add_class_counts)(&ctx, &b);
    const double by_threshold[8] = { 3, 0, 0, 3, 0, 2, 4, 4 };
    for (int i = 0; i < 8; i++) check_at(classes[i] == by_threshold[i], "class counts by threshold", i);
    const real scores[8] = { 1, 3, 3, 2, NAN, 5, -1, 0 };
    real kept[8];
    FN(keep_top_k)(&ctx, &(FN(keep_top_k_args)){ scores, 2, 2, 4, kept });
    check_at(isinf(kept[0]) && kept[1] == 3 && kept[2] == 3 && isinf(kept[3]) && isinf(kept[4]) && kept[5] == 5 && isinf(kept[6]) && kept[7] == 0, "top 2", 0);
    FN(keep_top_k)(&ctx, &(FN(keep_top_k_args)){ scores, 1, 2, 4, kept });
    check_at(kept[1] == 3 && isinf(kept[2]) && kept[5] == 5 && isinf(kept[7]), "the first of equals", 0);
    double matrix[4] = { 0 };
    const uint8_t bytes[5] = { 0, 1, 255, 1, 1 };
    const int64_t claims[5] = { 0, 0, 1, 1, 2 };
    FN(add_confusion_matrix_args) m = { bytes, PYDL_UINT8, claims, PYDL_INT64, 255, weights, 1, 5, 2, matrix };
    check_at(FN(add_confusion_matrix)(&ctx, &m) == PYDL_BAD_INDEX && fault.where == 4 && matrix[0] == 0, "a claim of class 2 of 2", 0);
    m.n = 4;
    check_at(FN(add_confusion_matrix)(&ctx, &m) == PYDL_OK && matrix[0] == 1 && matrix[1] == 0 && matrix[2] == 2 && matrix[3] == 4, "matrix", 0);
}

static void R(converting)(void)
{
    pydl_ctx ctx = context(1);
    const uint8_t bytes[6] = { 0, 51, 102, 153, 204, 255 };
    const int32_t ints[6] = { -1, 0, 1, 2, 3, 4 };
    const int64_t index[2] = { 2, 0 };
    real dst[4];
    check_at(FN(gather_convert)(&ctx, &(FN(gather_convert_args)){ bytes, PYDL_UINT8, index, 3, 2, 2, 1 / 255.0, -0.5, dst }) == PYDL_OK, "bytes", 0);
    check_at(fabs((double)dst[0] - 0.3) < 1e-6 && fabs((double)dst[1] - 0.5) < 1e-6 && fabs((double)dst[2] + 0.5) < 1e-6, "bytes to reals", 0);
    FN(gather_convert)(&ctx, &(FN(gather_convert_args)){ ints, PYDL_INT32, index, 3, 2, 2, 1, 0, dst });
    check_at(dst[0] == 3 && dst[3] == 0, "ints to reals", 0);
}

static void R(all)(void)
{
    const isize rows[] = { 0, 1, 3, 409, 410, 5000 }, classes[] = { 1, 3, 10, 65, 4097 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof classes / sizeof *classes; j++)
            if (rows[i] * classes[j] < 400000) R(accuracies)(rows[i], classes[j], 1 + (int)(i + j) % 3);
    R(confusion)();
    R(converting)();
}
#undef R
#endif
