/* vecmath.h against the C library in a wider type: error bounds, special values, and equal bits at every position.
   Outside a launch denormal numbers are numbers: what is not 0 is measured there, too.  What becomes of them inside one: tests/test_elementwise.py. */
#ifndef real
#include <assert.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"
#include "vecmath.h"

typedef long double wide;

static wide softplus_wide(wide x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }
static wide sigmoid_wide(wide x) { return x > 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); }
static wide cdf_wide(wide x) { return erfcl(-x * 0.70710678118654752440L) / 2; }
static wide pdf_wide(wide x) { return expl(-x * x / 2) * 0.39894228040143267794L; }

#define EACH_REAL "../tests/c/test_vecmath.c"   /* seen from csrc/ */
#include "each_real.h"

int main(void)
{
    PYDL_PASTE(pydl_, test_all, _f32, PYDL_LEVEL_TAIL)();
    PYDL_PASTE(pydl_, test_all, _f64, PYDL_LEVEL_TAIL)();
    puts("vecmath: ok");
    return 0;
}
#else

enum { FN(batch) = 1021 };   /* prime: every remainder of every vector width occurs */

/* Separate functions, so that a call with n = 1 runs the scalar code and one with n = batch the vector code. */
#define MAP(name) \
    __attribute__((noinline)) static void FN(map_##name)(const real *x, real *y, isize n) \
    { for (isize i = 0; i < n; i++) y[i] = FN(vec_##name)(x[i]); }
MAP(exp) MAP(expm1) MAP(log) MAP(log1p) MAP(tanh) MAP(sigmoid) MAP(softplus) MAP(normal_cdf) MAP(normal_pdf)
#undef MAP

static wide FN(ulps)(real got, wide want)
{
    real nearest = (real)want;
    if (isnan(want)) return isnan(got) ? 0 : INFINITY;
    if (isinf(got) || isinf(nearest)) return got == nearest ? 0 : INFINITY;
    if (got == 0 && FN(magnitude)(nearest) <= 2 * (REAL_IS_FLOAT ? (real)FLT_MIN : (real)DBL_MIN)) return 0;
    real above = FN(from_bits)(FN(to_bits)(FN(magnitude)(nearest)) + 1);
    wide unit = isinf(above) ? (wide)FN(magnitude)(nearest) - (wide)FN(from_bits)(FN(to_bits)(FN(magnitude)(nearest)) - 1)
                             : (wide)above - (wide)FN(magnitude)(nearest);
    return fabsl((wide)got - want) / unit;
}

static void FN(check)(const char *name, void (*map)(const real *, real *, isize), wide (*exact)(wide), wide bound, real low, real high)
{
    static const real special[] = {0, (real)-0.0, 1, -1, (real)INFINITY, -(real)INFINITY, (real)NAN, 88, 89, -87, -88, 104, -104, 709, 710, -745, -746,
                                   (real)1e-45, (real)-1e-45, (real)1e-39, (real)3.4e38, (real)5e-324, (real)1e-310, (real)1e300, (real)1e-8, (real)0.35, (real)-0.35};
    static real x[FN(batch)], y[FN(batch)];
    wide worst = 0;
    real worst_x = 0;
    FN(bits) pattern = 0;
    const int rounds = REAL_IS_FLOAT ? 500 : 250;
    for (int round = 0; round < rounds; round++) {
        for (isize i = 0; i < FN(batch); i++) {
            if (round % 2) x[i] = low + (high - low) * (real)((double)rand() / RAND_MAX);   /* the interesting range, densely */
            else {                                                                            /* and every exponent */
                x[i] = FN(from_bits)(pattern);
                pattern += (FN(bits))(REAL_IS_FLOAT ? 16811 : 0x205D0CF1A3B9D7);
            }
        }
        for (isize i = 0; i < (isize)(sizeof special / sizeof *special) && round == 0; i++) x[i * 7 % FN(batch)] = special[i];
        map(x, y, FN(batch));
        for (isize i = 0; i < FN(batch); i++) {
            real alone;
            map(x + i, &alone, 1);
            assert(memcmp(&alone, &y[i], sizeof alone) == 0 || (isnan(alone) && isnan(y[i])));
            wide error = FN(ulps)(y[i], exact((wide)x[i]));
            if (error > worst) { worst = error; worst_x = x[i]; }
        }
    }
    fprintf(stderr, "  %-10s %s  %.2Lf ulp at %.9g\n", name, REAL_IS_FLOAT ? "f32" : "f64", worst, (double)worst_x);
    assert(worst <= bound);
}

static wide FN(cdf_upper)(wide x) { return x < 0 ? (wide)FN(vec_normal_cdf)((real)x) : cdf_wide(x); }

static void FN(test_all)(void)
{
    const real top = REAL_IS_FLOAT ? 90 : 711;
    FN(check)("exp", FN(map_exp), expl, 1.5L, -top, top);
    FN(check)("expm1", FN(map_expm1), expm1l, 2.5L, -2, 2);
    FN(check)("log", FN(map_log), logl, 1.5L, 0, 3);
    FN(check)("log1p", FN(map_log1p), log1pl, 2.5L, -1, 3);
    FN(check)("tanh", FN(map_tanh), tanhl, 3, -5, 5);
    FN(check)("sigmoid", FN(map_sigmoid), sigmoid_wide, 2.5L, -20, 20);
    FN(check)("softplus", FN(map_softplus), softplus_wide, 2.5L, -20, 20);
    FN(check)("cdf", FN(map_normal_cdf), FN(cdf_upper), 4, -5, 5);
    /* the lower tail and the density: x^2 / 2 is rounded once without fused multiply-add */
    const wide tolerance = REAL_IS_FLOAT ? 3e-6L : 6e-15L;
    for (int i = -600; i < 600; i++) {
        real x = (real)i / 100, cdf, pdf;
        FN(map_normal_cdf)(&x, &cdf, 1);
        FN(map_normal_pdf)(&x, &pdf, 1);
        assert(fabsl((wide)cdf - cdf_wide(x)) <= tolerance * cdf_wide(x));
        assert(fabsl((wide)pdf - pdf_wide(x)) <= tolerance * pdf_wide(x));
    }
}
#endif
