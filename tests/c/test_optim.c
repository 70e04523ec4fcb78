/* Optimizer kernels against plain double loops over several parameters of awkward sizes, three steps each, any thread count. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "optim.h"

static void check_value(int right, const char *what, long a, double b)
{
    if (right) return;
    failures++;
    if (failures < 20) printf("%s fails at %ld: %g\n", what, a, b);
}
static const pydl_blas no_blas = { 0 };

enum { COUNT = 6 };
static const isize sizes[COUNT] = { 1, 0, 4095, 4096, 4097, 40001 };

/* One element, one step of each method: w, s[3], g by the formulas of optim.h. */
typedef struct { double w, s[3]; } element;
typedef void (*method)(element *e, double g, double rate, double t);
static void sgd(element *e, double g, double rate, double t) { (void)t; e->w -= rate * g; }
static void momentum(element *e, double g, double rate, double t) { (void)t; e->s[0] = 0.9 * e->s[0] - rate * g; e->w += e->s[0]; }
static void nesterov(element *e, double g, double rate, double t) { (void)t; e->s[0] = 0.9 * e->s[0] - rate * g; e->w += 0.9 * e->s[0] - rate * g; }
static void averaged(element *e, double g, double rate, double t) { (void)t; e->s[0] = 0.9 * e->s[0] + 0.1 * g; e->w -= rate * e->s[0]; }
static void corrected(element *e, double g, double rate, double t) { e->s[0] = 0.9 * e->s[0] + 0.1 * g; e->w -= rate * e->s[0] / (1 - pow(0.9, t)); }
static void averaged_nesterov(element *e, double g, double rate, double t) { (void)t; e->s[0] = 0.9 * e->s[0] + 0.1 * g; e->w -= rate * (0.9 * e->s[0] + 0.1 * g); }
static void rmsprop(element *e, double g, double rate, double t) { (void)t; e->s[0] = 0.8 * e->s[0] + 0.2 * g * g; e->w -= rate * g / sqrt(e->s[0] + 1e-4); }
static void rmsprop_momentum(element *e, double g, double rate, double t)
{
    (void)t;
    e->s[0] = 0.8 * e->s[0] + 0.2 * g * g; e->s[1] = 0.7 * e->s[1] + rate * g / sqrt(e->s[0] + 1e-4); e->w -= e->s[1];
}
static void rmsprop_centered(element *e, double g, double rate, double t)
{
    (void)t;
    e->s[0] = 0.8 * e->s[0] + 0.2 * g * g; e->s[1] = 0.8 * e->s[1] + 0.2 * g; e->w -= rate * g / sqrt(e->s[0] - e->s[1] * e->s[1] + 1e-4);
}
static void rmsprop_centered_momentum(element *e, double g, double rate, double t)
{
    (void)t;
    e->s[0] = 0.8 * e->s[0] + 0.2 * g * g; e->s[2] = 0.8 * e->s[2] + 0.2 * g;
    e->s[1] = 0.7 * e->s[1] + rate * g / sqrt(e->s[0] - e->s[2] * e->s[2] + 1e-4); e->w -= e->s[1];
}
static void adam(element *e, double g, double rate, double t)
{
    e->s[0] = 0.9 * e->s[0] + 0.1 * g; e->s[1] = 0.99 * e->s[1] + 0.01 * g * g;
    e->w -= rate * sqrt(1 - pow(0.99, t)) / (1 - pow(0.9, t)) * e->s[0] / (sqrt(e->s[1]) + 1e-4);
}
static void amsgrad(element *e, double g, double rate, double t)
{
    e->s[0] = 0.9 * e->s[0] + 0.1 * g; e->s[1] = 0.99 * e->s[1] + 0.01 * g * g; e->s[2] = fmax(e->s[2], e->s[1]);
    e->w -= rate * sqrt(1 - pow(0.99, t)) / (1 - pow(0.9, t)) * e->s[0] / (sqrt(e->s[2]) + 1e-4);
}
static void adamax(element *e, double g, double rate, double t)
{
    e->s[0] = 0.9 * e->s[0] + 0.1 * g; e->s[1] = fmax(0.99 * e->s[1], fabs(g)); e->w -= rate / (1 - pow(0.9, t)) * e->s[0] / (e->s[1] + 1e-4);
}
static void nadam(element *e, double g, double rate, double t)
{
    double product = 1, u = 0.9 * (1 - 0.5 * pow(0.96, t)), next = 0.9 * (1 - 0.5 * pow(0.96, t + 1));
    for (double k = 1; k <= t; k++) product *= 0.9 * (1 - 0.5 * pow(0.96, k));
    e->s[0] = 0.9 * e->s[0] + 0.1 * g; e->s[1] = 0.99 * e->s[1] + 0.01 * g * g;
    double m = next * e->s[0] / (1 - product * next) + (1 - u) * g / (1 - product);
    e->w -= rate * m / (sqrt(e->s[1] / (1 - pow(0.99, t))) + 1e-4);
}
static void adagrad(element *e, double g, double rate, double t) { (void)t; e->s[0] += g * g; e->w -= rate * g / sqrt(e->s[0] + 1e-4); }
static void adadelta(element *e, double g, double rate, double t)
{
    (void)t;
    e->s[0] = 0.8 * e->s[0] + 0.2 * g * g;
    double step = sqrt(e->s[1] + 1e-4) / sqrt(e->s[0] + 1e-4) * g;
    e->s[1] = 0.8 * e->s[1] + 0.2 * step * step; e->w -= rate * step;
}
static void lion(element *e, double g, double rate, double t)
{
    (void)t;
    double mix = 0.9 * e->s[0] + (1 - 0.9) * g;
    e->w -= rate * (double)((mix > 0) - (mix < 0)); e->s[0] = 0.99 * e->s[0] + 0.01 * g;
}

#define EACH_REAL "test_optim.c"
#include "each_real.h"

int main(void)
{
    all_f32();
    all_f64();
    printf(failures ? "%d failures\n" : "optim: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#define TOLERANCE 1e-4
#else
#define R(name) name##_f64
#define TOLERANCE 1e-11
#endif

typedef struct { const char *name; pydl_kernel run; method reference; double numbers[4]; } R(optimizer);

/* Three steps with weight decay, rate factors, gradient factors and value clipping; the parameters end at ends. */
static void R(run)(R(optimizer) o, int threads, real *ends[COUNT])
{
    pydl_ctx ctx = { .threads = threads, .blas = &no_blas };
    double hyper[7] = { 0.05, 0.01, 0.8, o.numbers[0], o.numbers[1], o.numbers[2], o.numbers[3] }, g_scale[COUNT];
    int64_t iterations = 0;
    FN(optim_update_args) *a = calloc(1, sizeof *a + COUNT * sizeof(FN(optim_entry)));
    element *expected[COUNT];
    state = 88172645463325252u;
    a->count = COUNT; a->hyper = hyper; a->g_scale = g_scale; a->iterations = &iterations; a->advance = 1;
    for (int k = 0; k < COUNT; k++) {
        size_t n = (size_t)sizes[k] + 1;                                /* one more, which must stay as it is */
        FN(optim_entry) *e = &a->entries[k];
        real *w = calloc(n, sizeof(real)), *s[3];
        for (int i = 0; i < 3; i++) s[i] = calloc(n, sizeof(real));
        expected[k] = calloc(n, sizeof(element));
        for (size_t i = 0; i < n; i++) { w[i] = (real)random_unit(); expected[k][i].w = (double)w[i]; }
        *e = (FN(optim_entry)){ .w = w, .g = calloc(n, sizeof(real)), .s0 = s[0], .s1 = s[1], .s2 = s[2], .n = sizes[k],
                                  .lr_scale = k == 2 ? 0.5 : 1, .decay = k == 3 ? 0 : 1 };
        g_scale[k] = k == 4 ? 0.25 : 1;
    }
    for (int t = 1; t <= 3; t++) {
        for (int k = 0; k < COUNT; k++) {
            const FN(optim_entry) *e = &a->entries[k];
            double rate = 0.05 * e->lr_scale;
            for (isize i = 0; i < sizes[k]; i++) {
                real g = (real)random_unit();
                double clipped = fmin(fmax((double)g * g_scale[k], -0.8), 0.8);
                ((real *)(uintptr_t)e->g)[i] = g;
                expected[k][i].w -= expected[k][i].w * rate * 0.01 * e->decay;
                o.reference(&expected[k][i], clipped, rate, t);
            }
        }
        check_value(o.run(&ctx, a) == PYDL_OK && iterations == t, o.name, t, 0);
    }
    for (int k = 0; k < COUNT; k++) {
        FN(optim_entry) *e = &a->entries[k];
        double worst = 0;
        for (isize i = 0; i < sizes[k]; i++) worst = fmax(worst, fabs((double)e->w[i] - expected[k][i].w));
        check_value(worst < TOLERANCE, o.name, k, worst);
        check_value((double)e->w[sizes[k]] == expected[k][sizes[k]].w, "the element behind the last", k, 0);
        ends[k] = e->w;
        free((void *)(uintptr_t)e->g); free(e->s0); free(e->s1); free(e->s2); free(expected[k]);
    }
    free(a);
}

static void R(clips)(void)
{
    pydl_ctx ctx = { .threads = 2, .blas = &no_blas };
    FN(clip_norm_args) *a = calloc(1, sizeof *a + COUNT * sizeof(FN(optim_entry)));
    double limit = 20, g_scale[COUNT], squares[COUNT], all = 0;
    for (int k = 0; k < COUNT; k++) {
        real *g = calloc((size_t)sizes[k] + 1, sizeof(real));
        squares[k] = 0;
        for (isize i = 0; i < sizes[k]; i++) { g[i] = (real)random_unit(); squares[k] += (double)g[i] * (double)g[i]; }
        all += squares[k];
        a->entries[k] = (FN(optim_entry)){ .g = g, .n = sizes[k], .lr_scale = 1, .decay = 1 };
    }
    a->count = COUNT; a->limit = &limit; a->g_scale = g_scale;
    a->scratch = malloc((size_t)FN(clip_norm_scratch)(&ctx, a));
    FN(clip_norm)(&ctx, a);
    for (int k = 0; k < COUNT; k++) check_value(fabs(g_scale[k] - (sqrt(squares[k]) > 20 ? 20 / sqrt(squares[k]) : 1)) < 1e-9, "clip_norm", k, g_scale[k]);
    FN(clip_global_norm)(&ctx, a);
    for (int k = 0; k < COUNT; k++) check_value(fabs(g_scale[k] - 20 / sqrt(all)) < 1e-9, "clip_global_norm", k, g_scale[k]);
    ((real *)(uintptr_t)a->entries[3].g)[7] = (real)INFINITY;
    FN(clip_global_norm)(&ctx, a);
    check_value(isnan(g_scale[0]) && isnan(g_scale[5]), "an infinite norm shows", 0, g_scale[0]);
    FN(clip_norm)(&ctx, a);
    check_value(isnan(g_scale[3]) && !isnan(g_scale[4]), "in its own parameter only", 0, g_scale[4]);
    for (int k = 0; k < COUNT; k++) free((void *)(uintptr_t)a->entries[k].g);
    free(a->scratch);
    free(a);
}

/* Seven calls, three to a step: what the update sees, when it moves, and the running means behind it. */
static void R(around)(void)
{
    pydl_ctx ctx = { .threads = 2, .blas = &no_blas };
    enum { N = 5000 };
    real *w = calloc(N, sizeof(real)), *g = calloc(N, sizeof(real)), *sum = calloc(N, sizeof(real)), *average = calloc(N, sizeof(real));
    double hyper[5] = { 1, 0, INFINITY, 0, 0 }, momentum = 0.5;
    int64_t calls = 0, iterations = 0;
    FN(accumulate_gradients_args) *collect = calloc(1, sizeof *collect + sizeof(FN(optim_entry)));
    FN(optim_update_args) *update = calloc(1, sizeof *update + sizeof(FN(optim_entry)));
    FN(average_weights_args) *behind = calloc(1, sizeof *behind + sizeof(FN(optim_entry)));
    collect->count = update->count = behind->count = 1;
    collect->calls = &calls; collect->every = update->every = behind->every = 3;
    update->hyper = hyper; update->iterations = &iterations; update->advance = 1; update->gate = behind->gate = &calls;
    behind->momentum = &momentum; behind->iterations = &iterations;
    collect->entries[0] = (FN(optim_entry)){ .w = w, .g = g, .s0 = sum, .n = N, .lr_scale = 1, .decay = 1 };
    update->entries[0] = (FN(optim_entry)){ .w = w, .g = sum, .n = N, .lr_scale = 1, .decay = 1 };
    behind->entries[0] = (FN(optim_entry)){ .w = w, .g = w, .s0 = average, .n = N, .lr_scale = 1, .decay = 1 };
    const double weights[7] = { 0, 0, -2, -2, -2, -7, -7 }, averages[7] = { 0, 0, -2, -2, -2, -4.5, -4.5 };
    for (int t = 0; t < 7; t++) {
        for (isize i = 0; i < N; i++) g[i] = (real)(t + 1);
        FN(accumulate_gradients)(&ctx, collect);
        FN(sgd_update)(&ctx, update);
        FN(average_weights)(&ctx, behind);
        check_value(fabs((double)w[N - 1] - weights[t]) < 1e-5 && fabs((double)average[0] - averages[t]) < 1e-5, "accumulated steps", t, (double)w[0]);
        check_value(iterations == (t + 1) / 3 && calls == t + 1, "counters", t, (double)iterations);
    }
    behind->overwrite = 2; behind->gate = NULL;
    FN(average_weights)(&ctx, behind);
    check_value((double)w[0] == (double)average[0] && fabs((double)w[0] + 5.75) < 1e-5, "the mean takes the weights' place", 0, (double)w[0]);
    free(w); free(g); free(sum); free(average); free(collect); free(update); free(behind);
}

static void R(all)(void)
{
    R(around)();
    const R(optimizer) all[] = {
        { "sgd", FN(sgd_update), sgd, { 0.9 } }, { "momentum", FN(momentum_update), momentum, { 0.9 } },
        { "nesterov", FN(nesterov_update), nesterov, { 0.9 } }, { "averaged_momentum", FN(averaged_momentum_update), averaged, { 0.9 } },
        { "averaged_nesterov", FN(averaged_nesterov_update), averaged_nesterov, { 0.9 } },
        { "corrected", FN(averaged_momentum_update), corrected, { 0.9, 1 } },
        { "rmsprop", FN(rmsprop_update), rmsprop, { 0.8, 0.7, 1e-4 } }, { "rmsprop_momentum", FN(rmsprop_momentum_update), rmsprop_momentum, { 0.8, 0.7, 1e-4 } },
        { "rmsprop_centered", FN(rmsprop_centered_update), rmsprop_centered, { 0.8, 0.7, 1e-4 } },
        { "rmsprop_centered_momentum", FN(rmsprop_centered_momentum_update), rmsprop_centered_momentum, { 0.8, 0.7, 1e-4 } },
        { "adam", FN(adam_update), adam, { 0.9, 0.99, 1e-4 } }, { "amsgrad", FN(amsgrad_update), amsgrad, { 0.9, 0.99, 1e-4 } },
        { "adamax", FN(adamax_update), adamax, { 0.9, 0.99, 1e-4 } }, { "nadam", FN(nadam_update), nadam, { 0.9, 0.99, 1e-4, 1 } },
        { "adagrad", FN(adagrad_update), adagrad, { 1e-4 } }, { "adadelta", FN(adadelta_update), adadelta, { 0.8, 1e-4 } },
        { "lion", FN(lion_update), lion, { 0.9, 0.99 } },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        real *one[COUNT], *three[COUNT];
        R(run)(all[i], 1, one);
        R(run)(all[i], 3, three);
        for (int k = 0; k < COUNT; k++) {
            check_value(memcmp(one[k], three[k], (size_t)sizes[k] * sizeof(real)) == 0, all[i].name, -k, 0);
            free(one[k]); free(three[k]);
        }
    }
    R(clips)();
}
#undef R
#undef TOLERANCE
#endif
