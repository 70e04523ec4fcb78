/* Losses against plain double loops below, at and above every group size; slopes against differences; labels that are none. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "labels.h"
#include "loss.h"

static pydl_fault fault;
static const pydl_blas no_blas = { 0 };
static pydl_ctx context(int threads) { return (pydl_ctx){ .threads = threads, .blas = &no_blas, .fault = &fault }; }

#define EACH_REAL "test_loss.c"
#include "each_real.h"

int main(void)
{
    all_f32();
    all_f64();
    printf(failures ? "%d failures\n" : "loss: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#define TOLERANCE 2e-6
#else
#define R(name) name##_f64
#define TOLERANCE 1e-14
#endif

static int R(near)(double a, double b) { return fabs(a - b) <= 20 * TOLERANCE * (1 + fabs(b)); }

static real *R(numbers)(isize count, double low, double high)
{
    real *x = malloc((size_t)max_isize(count, 1) * sizeof(real));
    for (isize i = 0; i < count; i++) x[i] = (real)(low + (high - low) * 0.5 * (1 + random_unit()));
    return x;
}

static void R(classes)(isize n, isize c, int threads)
{
    pydl_ctx ctx = context(threads);
    real *x = R(numbers)(n * c, -8, 8), *p = R(numbers)(n * c, 0.1, 1), *dloss = R(numbers)(n, -1, 1), *t = R(numbers)(n * c, 0, 1);
    real *loss = R(numbers)(n, 0, 1), *soft = R(numbers)(n, 0, 1), *lse = R(numbers)(n, 0, 1), *dx = R(numbers)(n * c, 0, 1), *dsoft = R(numbers)(n * c, 0, 1);
    int64_t *labels = malloc((size_t)max_isize(n, 1) * sizeof(int64_t));
    for (isize i = 0; i < n; i++) labels[i] = i % 7 == 3 ? 255 : i * 31 % c;      /* 255 is ignored */
    FN(sparse_cross_entropy_logits_forward)(&ctx, &(FN(sparse_cross_entropy_logits_forward_args)){ x, labels, PYDL_INT64, 255, n, c, loss, lse });
    FN(sparse_cross_entropy_logits_backward)(&ctx, &(FN(sparse_cross_entropy_logits_backward_args)){ dloss, x, labels, PYDL_INT64, 255, n, c, lse, dx });
    FN(cross_entropy_logits_forward)(&ctx, &(FN(cross_entropy_logits_forward_args)){ x, t, 0.1, n, c, soft, lse });
    FN(cross_entropy_logits_backward)(&ctx, &(FN(cross_entropy_logits_backward_args)){ dloss, x, t, 0.1, n, c, lse, dsoft });
    for (isize i = 0; i < n; i++) {
        double sum = 0, expected = 0, targets = 0;
        for (isize j = 0; j < c; j++) sum += exp((double)x[i * c + j]);
        for (isize j = 0; j < c; j++) {
            double own = (double)t[i * c + j] * 0.9 + 0.1 / (double)c;
            targets += own;
            expected += own * (log(sum) - (double)x[i * c + j]);
        }
        int left_out = labels[i] == 255;
        check(R(near)((double)loss[i], left_out ? 0 : log(sum) - (double)x[i * c + labels[i]]), "sparse logits", n, c);
        check(fabs((double)soft[i] - expected) <= 40 * TOLERANCE * (1 + targets * 20), "soft logits", n, c);
        for (isize j = 0; j < c; j++) {
            double softmax = exp((double)x[i * c + j]) / sum, own = (double)t[i * c + j] * 0.9 + 0.1 / (double)c;
            check(R(near)((double)dx[i * c + j], left_out ? 0 : (double)dloss[i] * (softmax - (j == labels[i]))), "sparse logits slope", n, c);
            check(fabs((double)dsoft[i * c + j] - (double)dloss[i] * (softmax * targets - own)) <= 40 * TOLERANCE * (1 + targets), "soft logits slope", n, c);
        }
    }
    FN(sparse_cross_entropy_probs_forward)(&ctx, &(FN(sparse_cross_entropy_probs_forward_args)){ p, labels, PYDL_INT64, 255, n, c, loss });
    FN(sparse_cross_entropy_probs_backward)(&ctx, &(FN(sparse_cross_entropy_probs_backward_args)){ dloss, p, labels, PYDL_INT64, 255, n, c, dx });
    FN(cross_entropy_probs_forward)(&ctx, &(FN(cross_entropy_probs_forward_args)){ p, t, 0.1, n, c, soft });
    FN(cross_entropy_probs_backward)(&ctx, &(FN(cross_entropy_probs_backward_args)){ dloss, p, t, 0.1, n, c, dsoft });
    for (isize i = 0; i < n; i++) {
        double sum = 0, expected = 0, targets = 0;
        const int clips = c == 1;                                               /* p / p = 1 is beyond 1 - 1e-7 */
        for (isize j = 0; j < c; j++) sum += (double)p[i * c + j];
        for (isize j = 0; j < c; j++) {
            double own = (double)t[i * c + j] * 0.9 + 0.1 / (double)c, q = (double)p[i * c + j] / sum;
            targets += own;
            expected -= own * log(clips ? 1 - 1e-7 : q);
        }
        int left_out = labels[i] == 255;
        if (!left_out && !clips) check(R(near)((double)loss[i], -log((double)p[i * c + labels[i]] / sum)), "sparse probabilities", n, c);
        check(fabs((double)soft[i] - expected) <= 40 * TOLERANCE * (1 + targets * 10), "soft probabilities", n, c);
        for (isize j = 0; j < c; j++) {
            double own = (double)t[i * c + j] * 0.9 + 0.1 / (double)c;
            double sparse = (double)dloss[i] * (1 / sum - (j == labels[i] ? 1 / (double)p[i * c + j] : 0));
            check(R(near)((double)dx[i * c + j], left_out || clips ? 0 : sparse), "sparse probabilities slope", n, c);
            check(R(near)((double)dsoft[i * c + j], clips ? 0 : (double)dloss[i] * (targets / sum - own / (double)p[i * c + j])), "soft probabilities slope", n, c);
        }
    }
    free(x); free(p); free(dloss); free(t); free(loss); free(soft); free(lse); free(dx); free(dsoft); free(labels);
}

typedef pydl_status (*R(pass))(const pydl_ctx *, const void *);
typedef struct { const char *name; R(pass) forward, backward; double low, high, setting; } R(element);

/* The slope against a difference of the loss itself, the mean against the sum of the rows of one. */
static void R(elements)(R(element) e, isize n, isize m, int threads)
{
    pydl_ctx ctx = context(threads);
    real *x = R(numbers)(n * m, e.low, e.high), *t = R(numbers)(n * m, e.low, e.high), *dloss = R(numbers)(n, -1, 1);
    real *loss = R(numbers)(n, 0, 1), *single = R(numbers)(n * m, 0, 1), *moved = R(numbers)(n * m, 0, 1), *dx = R(numbers)(n * m, 0, 1);
    const double h = REAL_IS_FLOAT ? 1e-2 : 1e-5, scale = strcmp(e.name, "kl_divergence") ? (double)m : 1;
    e.forward(&ctx, &(FN(element_loss_forward_args)){ x, t, e.setting, n, m, loss });
    e.forward(&ctx, &(FN(element_loss_forward_args)){ x, t, e.setting, n * m, 1, single });
    e.backward(&ctx, &(FN(element_loss_backward_args)){ dloss, x, t, e.setting, n, m, dx });
    for (isize i = 0; i < n * m; i++) x[i] += (real)h;
    e.forward(&ctx, &(FN(element_loss_forward_args)){ x, t, e.setting, n * m, 1, moved });
    for (isize i = 0; i < n * m; i++) x[i] -= (real)(2 * h);
    real *back = R(numbers)(n * m, 0, 1);
    e.forward(&ctx, &(FN(element_loss_forward_args)){ x, t, e.setting, n * m, 1, back });
    isize rough = 0;
    for (isize i = 0; i < n; i++) {
        double sum = 0;
        for (isize j = 0; j < m; j++) {
            double slope = ((double)moved[i * m + j] - (double)back[i * m + j]) / (2 * h) * (double)dloss[i] / scale;
            sum += (double)single[i * m + j];
            rough += fabs(slope - (double)dx[i * m + j]) > (REAL_IS_FLOAT ? 2e-2 : 1e-5) * (fabs(slope) + 1 / scale);
        }
        check(fabs((double)loss[i] - sum / scale) <= 100 * TOLERANCE * (1 + fabs(sum / scale)), e.name, n, m);
    }
    check(rough <= n * m / 20, e.name, -n, m);                          /* a kink between the two points is rare */
    free(x); free(t); free(dloss); free(loss); free(single); free(moved); free(back); free(dx);
}

static void R(labels)(void)
{
    pydl_ctx ctx = context(1);
    real x[12] = { 0 }, loss[4], lse[4], dx[12] = { 5 };
    int32_t small[4] = { 0, 2, -1, 3 };
    float halves[4] = { 0, 1, 0.5f, 2 };
    uint8_t bytes[4] = { 2, 1, 0, 2 };
    FN(sparse_cross_entropy_logits_forward_args) a = { x, small, PYDL_INT32, IGNORE_NONE, 4, 3, loss, lse };
    check(FN(sparse_cross_entropy_logits_forward)(&ctx, &a) == PYDL_BAD_INDEX && fault.where == 2 && fault.value == -1 && fault.limit == 3, "label -1", 0, 0);
    a.ignore = -1;
    check(FN(sparse_cross_entropy_logits_forward)(&ctx, &a) == PYDL_BAD_INDEX && fault.where == 3 && fault.value == 3, "label 3 of 3", 0, 0);
    a.labels = halves; a.label_code = PYDL_FLOAT32;
    check(FN(sparse_cross_entropy_logits_forward)(&ctx, &a) == PYDL_BAD_VALUE && fault.where == 2, "label 0.5", 0, 0);
    halves[2] = NAN;
    check(FN(sparse_cross_entropy_logits_forward)(&ctx, &a) == PYDL_BAD_VALUE && fault.where == 2, "label NaN", 0, 0);
    halves[2] = 2;
    check(FN(sparse_cross_entropy_logits_forward)(&ctx, &a) == PYDL_OK && R(near)((double)loss[0], log(3)), "float labels", 0, 0);
    a.labels = bytes; a.label_code = PYDL_UINT8;
    check(FN(sparse_cross_entropy_logits_forward)(&ctx, &a) == PYDL_OK, "byte labels", 0, 0);
    FN(sparse_cross_entropy_logits_backward_args) b = { loss, x, small, PYDL_INT32, IGNORE_NONE, 4, 3, lse, dx };
    check(FN(sparse_cross_entropy_logits_backward)(&ctx, &b) == PYDL_BAD_INDEX && dx[0] == 5, "nothing is written for a bad label", 0, 0);
}

static void R(means)(isize n, isize repeat, int threads)
{
    pydl_ctx ctx = context(threads);
    real *values = R(numbers)(n, -1, 1), *weights = R(numbers)(n / repeat + 1, 0, 2), *mask = R(numbers)(n, 0, 1), *dvalues = R(numbers)(n, 0, 1);
    real result = 0, dresult = 2;
    double share = 0;
    for (isize i = 0; i < n; i++) mask[i] = i % 3 != 1;
    if (n > 4) values[4] = NAN;                                        /* masked: must not show */
    for (isize by = 0; by < 3; by++) {
        FN(weighted_mean_forward_args) a = { NULL, values, weights, repeat, mask, by, n, &result, &share };
        a.scratch = malloc((size_t)FN(weighted_mean_forward_scratch)(&ctx, &a) + 1);
        FN(weighted_mean_forward)(&ctx, &a);
        FN(weighted_mean_backward)(&ctx, &(FN(weighted_mean_backward_args)){ &dresult, &share, weights, repeat, mask, n, dvalues });
        double sum = 0, count = 0, use = 0;
        for (isize i = 0; i < n; i++) {
            double u = (double)weights[i / repeat] * (double)mask[i];
            if (u != 0) sum += u * (double)values[i];
            count += (double)mask[i];
            use += u;
        }
        double divisor = by == 0 ? 1 : by == 1 ? count : use;
        check(R(near)((double)result, divisor == 0 ? 0 : sum / divisor), "mean", n, (long)by);
        for (isize i = 0; i < n; i++)
            check(R(near)((double)dvalues[i], 2 * (double)weights[i / repeat] * (double)mask[i] / divisor), "mean slope", n, (long)by);
        free(a.scratch);
    }
    free(values); free(weights); free(mask); free(dvalues);
}

static void R(all)(void)
{
    const isize rows[] = { 0, 1, 5, 63, 64, 65, 200 }, classes[] = { 1, 2, 10, 31, 32, 33, 100, 1023, 1024, 1025, 2100 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof classes / sizeof *classes; j++) R(classes)(rows[i], classes[j], 1 + (int)(i + j) % 3);
    const R(element) kinds[] = {
        { "binary_cross_entropy_logits", FN(binary_cross_entropy_logits_forward), FN(binary_cross_entropy_logits_backward), -6, 6, 0.1 },
        { "binary_cross_entropy_probs", FN(binary_cross_entropy_probs_forward), FN(binary_cross_entropy_probs_backward), 0.1, 0.9, 0.1 },
        { "squared_error", FN(squared_error_forward), FN(squared_error_backward), -2, 2, 0 },
        { "absolute_error", FN(absolute_error_forward), FN(absolute_error_backward), -2, 2, 0 },
        { "huber", FN(huber_forward), FN(huber_backward), -2, 2, 1.5 },
        { "log_cosh", FN(log_cosh_forward), FN(log_cosh_backward), -4, 4, 0 },
        { "squared_log_error", FN(squared_log_error_forward), FN(squared_log_error_backward), 0.2, 3, 0 },
        { "percentage_error", FN(percentage_error_forward), FN(percentage_error_backward), 0.5, 3, 0 },
        { "poisson", FN(poisson_forward), FN(poisson_backward), 0.2, 3, 0 },
        { "kl_divergence", FN(kl_divergence_forward), FN(kl_divergence_backward), 0.2, 0.9, 0 },
        { "hinge", FN(hinge_forward), FN(hinge_backward), -2, 2, 0 },
        { "squared_hinge", FN(squared_hinge_forward), FN(squared_hinge_backward), -2, 2, 0 },
    };
    const isize shapes[][2] = { { 0, 3 }, { 1, 1 }, { 1025, 1 }, { 40, 7 }, { 3, 1023 }, { 3, 1024 }, { 2, 1025 }, { 2, 3000 } };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) R(elements)(kinds[k], shapes[s][0], shapes[s][1], 1 + (int)s % 2);
    R(labels)();
    const isize sizes[] = { 0, 1, 2, 4095, 4096, 4097, 40000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        R(means)(sizes[i], 1, 2);
        if (sizes[i] % 2 == 0) R(means)(sizes[i], 2, 1);
    }
}
#undef R
#undef TOLERANCE
#endif
