/* Exponential, logarithm and their kin for use inside a loop: branch-free, so the compiler vectorises them, and made
   of single IEEE operations only, so an element has the same bits wherever in a vector (or in the remainder) it falls.

   Largest error over all float32 (and a dense sample of float64) arguments, in units in the last place of the result:

       vec_exp 1.5   vec_expm1 2.5   vec_log 1.5   vec_log1p 2.5   vec_tanh 3   vec_sigmoid 2.5   vec_softplus 2.5

   (tests/c/test_vecmath.c measures them.)  A result up to twice the smallest normal number may be 0.
   Infinities, zero and NaN behave as in the C library.
   vec_normal_cdf is right to 4 ulp where it is above 1/2 and, with fused multiply-add, to 12 ulp in the lower tail.  */
#ifndef real
#ifndef PYDL_VECMATH_H
#define PYDL_VECMATH_H
#include "internal.h"
#define EACH_REAL "vecmath.h"
#include "each_real.h"
#endif
#else

#if REAL_IS_FLOAT
typedef uint32_t FN(bits);   /* unsigned: negative exponents wrap around, and come back when the bias is added */
#else
typedef uint64_t FN(bits);
#endif

ALWAYS_INLINE FN(bits) FN(to_bits)(real x) { FN(bits) i; memcpy(&i, &x, sizeof i); return i; }
ALWAYS_INLINE real FN(from_bits)(FN(bits) i) { real x; memcpy(&x, &i, sizeof x); return x; }

#if REAL_IS_FLOAT
ALWAYS_INLINE real FN(magnitude)(real x) { return __builtin_fabsf(x); }
ALWAYS_INLINE real FN(with_sign_of)(real x, real sign) { return __builtin_copysignf(x, sign); }
ALWAYS_INLINE real FN(root)(real x) { return __builtin_sqrtf(x); }
#else
ALWAYS_INLINE real FN(magnitude)(real x) { return __builtin_fabs(x); }
ALWAYS_INLINE real FN(with_sign_of)(real x, real sign) { return __builtin_copysign(x, sign); }
ALWAYS_INLINE real FN(root)(real x) { return __builtin_sqrt(x); }
#endif

/* a * b + c, rounded once where the CPU level has the instruction, twice where it has not. */
ALWAYS_INLINE real FN(muladd)(real a, real b, real c)
{
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#if REAL_IS_FLOAT
    return __builtin_fmaf(a, b, c);
#else
    return __builtin_fma(a, b, c);
#endif
#else
    return a * b + c;
#endif
}

/* 2^n for -1022 <= n <= 1023 (float: -126 .. 127), and 0 for the n before. */
ALWAYS_INLINE real FN(pow2)(FN(bits) n)
{
    const int mantissa = REAL_IS_FLOAT ? 23 : 52;
    const FN(bits) bias = REAL_IS_FLOAT ? 127 : 1023;
    return FN(from_bits)((n + bias) << mantissa);
}

/* x = n ln 2 + r, |r| <= ln 2 / 2.  |x| is at most a few hundred (float) or thousand (double). */
ALWAYS_INLINE FN(bits) FN(split_by_ln2)(real x, real *r)
{
    const real magic = REAL_IS_FLOAT ? (real)12582912.0 : (real)6755399441055744.0;   /* 1.5 * 2^23, 1.5 * 2^52: adding it rounds to an integer */
    const real ln2_high = REAL_IS_FLOAT ? (real)0.693145751953125 : (real)0.69314718055920821;
    const real ln2_low = REAL_IS_FLOAT ? (real)1.42860682e-06 : (real)7.3710025651677989e-13;
    real t = FN(muladd)(x, (real)1.4426950408889634, magic);
    real n = t - magic;
    *r = FN(muladd)(n, -ln2_low, FN(muladd)(n, -ln2_high, x));
    return FN(to_bits)(t) - FN(to_bits)(magic);
}

/* e^r - 1 for |r| <= ln 2 / 2 */
ALWAYS_INLINE real FN(expm1_near_0)(real r)
{
#if REAL_IS_FLOAT
    real p = 0.00139263256f;
    p = FN(muladd)(p, r, 0.00836329275f);
    p = FN(muladd)(p, r, 0.0416665538f);
    p = FN(muladd)(p, r, 0.166665763f);
#else
    real p = 2.5100569275813683e-08;
    p = FN(muladd)(p, r, 2.7620327428268239e-07);
    p = FN(muladd)(p, r, 2.7557268072890098e-06);
    p = FN(muladd)(p, r, 2.4801520792572694e-05);
    p = FN(muladd)(p, r, 0.00019841269863303223);
    p = FN(muladd)(p, r, 0.0013888888917538296);
    p = FN(muladd)(p, r, 0.0083333333333300112);
    p = FN(muladd)(p, r, 0.041666666666623477);
    p = FN(muladd)(p, r, 0.16666666666666669);
#endif
    p = FN(muladd)(p, r, (real)0.5);                              /* (e^r - 1 - r) / r^2 */
    return FN(muladd)(p, r * r, r);
}

/* Clamping is one instruction where it is the only condition on x, four where there are two: the other end is looked at afterwards. */
ALWAYS_INLINE real FN(vec_exp)(real x)
{
    const real low = REAL_IS_FLOAT ? (real)-87.5 : (real)-708.5, high = REAL_IS_FLOAT ? (real)89 : (real)710;
    real r;
    x = x < low ? low : x;                                        /* where s is 0; a NaN passes */
    const real s = FN(pow2)(FN(split_by_ln2)(x, &r) - 1);         /* 2^n / 2: 2^n may be just out of range */
    const real y = 2 * ((FN(expm1_near_0)(r) + 1) * s);
    return x > high ? (real)INFINITY : y;
}

/* e^-a for a >= 0 */
ALWAYS_INLINE real FN(vec_exp_falling)(real a)
{
    const real high = REAL_IS_FLOAT ? (real)88 : (real)709;
    real r;
    a = a > high ? high : a;                                      /* where s is 0; a NaN passes */
    const real s = FN(pow2)(FN(split_by_ln2)(-a, &r));
    return (FN(expm1_near_0)(r) + 1) * s;
}

ALWAYS_INLINE real FN(vec_expm1)(real x)
{
    const real low = -40, high = REAL_IS_FLOAT ? (real)89 : (real)710;
    real r;
    x = x < low ? low : x;
    const real s = FN(pow2)(FN(split_by_ln2)(x, &r) - 1);         /* 2^n / 2: 2^n may be just out of range */
    const real y = 2 * FN(muladd)(s, FN(expm1_near_0)(r), s - (real)0.5);
    return x > high ? (real)INFINITY : y;
}

/* log x + c for finite normal x > 0 and a c that is a rounding error of x, relative to x. */
ALWAYS_INLINE real FN(log_normal)(real x, real c)
{
    const int mantissa = REAL_IS_FLOAT ? 23 : 52;
    const FN(bits) bias = REAL_IS_FLOAT ? 127 : 1023, one = 1;
    const FN(bits) root_half = FN(to_bits)((real)0.70710678118654757);
    const real integer = REAL_IS_FLOAT ? (real)8388608.0 : (real)4503599627370496.0;   /* 2^23, 2^52: small integers or-ed into its low bits */
    const real ln2_high = REAL_IS_FLOAT ? (real)0.693145751953125 : (real)0.69314718055920821;
    const real ln2_low = REAL_IS_FLOAT ? (real)1.42860682e-06 : (real)7.3710025651677989e-13;
    FN(bits) i = FN(to_bits)(x) - root_half;
    FN(bits) shifted = (i + (bias << mantissa)) >> mantissa;
    real e = FN(from_bits)(shifted | FN(to_bits)(integer)) - (integer + (real)bias);
    real f = FN(from_bits)((i & ((one << mantissa) - 1)) + root_half) - 1;             /* x = 2^e (1 + f), 1 + f in [sqrt 1/2, sqrt 2) */
    real s = f / (2 + f), z = s * s, half_square = (real)0.5 * f * f;
#if REAL_IS_FLOAT
    real p = 0.295809859f;
    p = FN(muladd)(p, z, 0.399887577f);
    p = FN(muladd)(p, z, 0.666666851f);
#else
    real p = 0.14617807153417325;
    p = FN(muladd)(p, z, 0.15331611722055008);
    p = FN(muladd)(p, z, 0.18182892432536871);
    p = FN(muladd)(p, z, 0.22222211089379496);
    p = FN(muladd)(p, z, 0.28571428626253836);
    p = FN(muladd)(p, z, 0.39999999999898889);
    p = FN(muladd)(p, z, 0.66666666666666696);
#endif
    /* log(1 + f) = 2 s + s z p(z), and 2 s = f - f^2/2 + s f^2/2: small terms first */
    real small = FN(muladd)(s, FN(muladd)(z, p, half_square), FN(muladd)(e, ln2_low, c));
    return FN(muladd)(e, ln2_high, f - (half_square - small));
}

ALWAYS_INLINE real FN(vec_log)(real x)
{
    const real smallest_normal = REAL_IS_FLOAT ? (real)1.17549435e-38 : (real)2.2250738585072014e-308;
    const real up = REAL_IS_FLOAT ? (real)8388608.0 : (real)4503599627370496.0;
    int denormal = x < smallest_normal;
    real y = FN(log_normal)(denormal ? x * up : x, 0);
    y = denormal ? y - (REAL_IS_FLOAT ? (real)15.9423847 : (real)36.043653389117154) : y;    /* 23 ln 2, 52 ln 2 */
    y = x > 0 ? y : x == 0 ? -(real)INFINITY : (real)NAN;
    return x == (real)INFINITY ? x : y;
}

ALWAYS_INLINE real FN(vec_log1p)(real x)
{
    real u = 1 + x;
    real y = FN(log_normal)(u, (x - (u - 1)) / u);          /* what rounding 1 + x lost comes back to first order */
    y = x > -1 ? y : x == -1 ? -(real)INFINITY : (real)NAN;
    return x == (real)INFINITY ? x : y;
}

ALWAYS_INLINE real FN(vec_tanh)(real x)
{
    real a = FN(magnitude)(x), r;
    a = a > 20 ? 20 : a;                                          /* where it is 1; a NaN passes */
    const real s = FN(pow2)(FN(split_by_ln2)(-2 * a, &r)), t = FN(muladd)(s, FN(expm1_near_0)(r), s - 1);
    return FN(with_sign_of)(t / (t + 2), x);
}

ALWAYS_INLINE real FN(vec_sigmoid)(real x)
{
    const real e = FN(vec_exp_falling)(FN(magnitude)(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* log(1 + e^x) */
ALWAYS_INLINE real FN(vec_softplus)(real x)
{
    return (x > 0 ? x : 0) + FN(vec_log1p)(FN(vec_exp_falling)(FN(magnitude)(x)));
}

/* Density and distribution function of the standard normal. */
ALWAYS_INLINE real FN(vec_normal_pdf)(real x)
{
    const real far = REAL_IS_FLOAT ? (real)15 : (real)40;    /* the density is zero from here on, and x^2 does not overflow */
    x = x > far ? far : x;
    x = x < -far ? -far : x;
    real h = (real)0.5 * x * x, low = FN(muladd)((real)0.5 * x, x, -h);
    real e = FN(vec_exp)(-h) * (real)0.3989422804014327;
    return FN(muladd)(e, -low, e);
}

ALWAYS_INLINE real FN(vec_normal_cdf)(real x)
{
    const real far = REAL_IS_FLOAT ? (real)11 : (real)28;   /* erfc is zero from here on */
    real a = FN(magnitude)(x) * (real)0.70710678118654757;
    a = a > far ? far : a;
    /* (1 + 2a) e^(a^2) erfc(a) is smooth in q = (a - 4) / (a + 4) over the whole half line */
    real q = (a - 4) / (a + 4);
#if REAL_IS_FLOAT
    real p = 0.000742842785f;
    p = FN(muladd)(p, q, 0.0065980025f);
    p = FN(muladd)(p, q, -0.0162923571f);
    p = FN(muladd)(p, q, 0.0363834737f);
    p = FN(muladd)(p, q, -0.0665093782f);
    p = FN(muladd)(p, q, 0.0938634879f);
    p = FN(muladd)(p, q, -0.10100143f);
    p = FN(muladd)(p, q, 0.068088399f);
    p = FN(muladd)(p, q, 0.0153775926f);
    p = FN(muladd)(p, q, -0.139620936f);
    p = FN(muladd)(p, q, 1.23299513f);
#else
    real p = -1.8206098680308682e-09;
    p = FN(muladd)(p, q, -1.3670989863347383e-08);
    p = FN(muladd)(p, q, -7.7154186144178302e-09);
    p = FN(muladd)(p, q, 1.1534943745754157e-07);
    p = FN(muladd)(p, q, 6.2707271571983109e-08);
    p = FN(muladd)(p, q, -8.3516196886968469e-07);
    p = FN(muladd)(p, q, 3.0135049944875397e-07);
    p = FN(muladd)(p, q, 5.7178872846321855e-06);
    p = FN(muladd)(p, q, -1.1224789135154701e-05);
    p = FN(muladd)(p, q, -2.4403169244974074e-05);
    p = FN(muladd)(p, q, 0.00015062224394830299);
    p = FN(muladd)(p, q, -0.00019925550755614952);
    p = FN(muladd)(p, q, -0.00075777334141333);
    p = FN(muladd)(p, q, 0.005031969755895426);
    p = FN(muladd)(p, q, -0.016197734059115006);
    p = FN(muladd)(p, q, 0.037167515562492863);
    p = FN(muladd)(p, q, -0.066330365811529388);
    p = FN(muladd)(p, q, 0.09373283499679412);
    p = FN(muladd)(p, q, -0.10103906603635213);
    p = FN(muladd)(p, q, 0.068097054254737319);
    p = FN(muladd)(p, q, 0.015379652102620741);
    p = FN(muladd)(p, q, -0.13962111684056289);
    p = FN(muladd)(p, q, 1.2329951186255526);
#endif
    /* e^(-x^2/2) / (1 + 2a) * p / 2;   pdf(x) = e^(-x^2/2) / sqrt(2 pi) */
    real tail = FN(vec_normal_pdf)(x) * (real)1.2533141373155003 * p / (1 + 2 * a);
    return x < 0 ? tail : 1 - tail;
}
#endif
