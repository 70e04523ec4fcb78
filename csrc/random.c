/* A group of 64 words at a time; GROUPS of them and more are worth a second thread.  Source of the inverse normal distribution:
   M. J. Wichura, Algorithm AS 241: The Percentage Points of the Normal Distribution, 1988 (PPND16). */
#ifndef real
#include "internal.h"
#include "philox.h"
#include "random.h"

#define GROUPS 64
#define PER_GROUP (PHILOX_WORDS / 2)    /* numbers of a group: two words each, for float too, so that float numbers are the double ones, rounded */

static inline void draw_group(uint64_t seed, uint64_t stream, isize group, uint64_t *drawn)
{
    uint32_t words[PHILOX_WORDS];
    philox_group(seed, stream, (uint64_t)group, words);
    philox_wide(words, drawn);
}

static inline uint64_t high_product(uint64_t a, uint64_t b)
{
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t low = a0 * b0, mid = a1 * b0 + (low >> 32), mid2 = a0 * b1 + (uint32_t)mid;
    return a1 * b1 + (mid >> 32) + (mid2 >> 32);
}

pydl_status LEVEL_FN(stream_advance)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(stream_advance_args) *a = args;
    (void)ctx;
    ++a->stream[1];
    return PYDL_OK;
}

static void integers_part(const void *args, isize start, isize stop)
{
    const LEVEL_FN(random_integers_args) *a = args;
    uint64_t drawn[PER_GROUP];
    draw_group(a->stream[0], a->stream[1], start / PER_GROUP, drawn);
    for (isize i = 0; i < stop - start; i++) a->y[start + i] = (int64_t)((uint64_t)a->low + high_product(drawn[i], a->span));
}
pydl_status LEVEL_FN(random_integers)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(random_integers_args) *a = args;
    return run_parts(ctx, a->n > 2 * GROUPS * PER_GROUP, a->n, PER_GROUP, integers_part, a);
}

pydl_status LEVEL_FN(random_permutation)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(random_permutation_args) *a = args;
    uint64_t drawn[PER_GROUP];
    int left = 0;
    isize group = 0;
    (void)ctx;
    for (isize i = 0; i < a->n; i++) a->y[i] = i;
    for (isize i = a->n - 1; i > 0; i--) {
        if (left == 0) {
            draw_group(a->stream[0], a->stream[1], group++, drawn);
            left = PER_GROUP;
        }
        const isize j = (isize)high_product(drawn[PER_GROUP - left--], (uint64_t)i + 1);
        const int64_t moved = a->y[i];
        a->y[i] = a->y[j];
        a->y[j] = moved;
    }
    return PYDL_OK;
}

pydl_status LEVEL_FN(random_words)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(random_words_args) *a = args;
    (void)ctx;
    for (isize at = 0; at < a->n; at += PHILOX_WORDS) {
        uint32_t words[PHILOX_WORDS];
        philox_group(a->stream[0], a->stream[1], (uint64_t)(at / PHILOX_WORDS), words);
        memcpy(a->y + at, words, (size_t)min_isize(PHILOX_WORDS, a->n - at) * sizeof *words);
    }
    return PYDL_OK;
}

/* ln x for 0 < x < 1, relative error 2e-16: x = m 2^e with m near 1, ln m = 2 artanh((m - 1) / (m + 1)).
   Our own, not the C library's, so that a seed means the same numbers on every system. */
static double natural_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1022;                                /* x = m 2^exponent, 1/2 <= m < 1; no denormal comes here */
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FE0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m < 0.70710678118654752440) { m *= 2; exponent--; }
    const double s = (m - 1) / (m + 1), z = s * s;
    static const double term[] = { 1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1 };
    double series = 0;
    for (int k = 0; k < 12; k++) series = series * z + term[k];
    return exponent * 0.69314718055994530942 + 2 * s * series;
}

/* z where the standard normal distribution function is p, for |p - 1/2| > 0.425. */
static double normal_tail(double p)
{
    const double beyond = p < 0.5 ? p : 1 - p;
    double r = sqrt(-natural_log(beyond)), above, below;
    if (r <= 5) {
        r -= 1.6;
        above = ((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
                 + 1.27045825245236838258e+0) * r + 3.64784832476320460504e+0) * r + 5.76949722146069140550e+0) * r
                 + 4.63033784615654529590e+0) * r + 1.42343711074968357734e+0;
        below = ((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
                 + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e+0) * r
                 + 2.05319162663775882187e+0) * r + 1;
    } else {
        r -= 5;
        above = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
                 + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e+0) * r
                 + 5.46378491116411436990e+0) * r + 6.65790464350110377720e+0;
        below = ((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
                 + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
                 + 5.99832206555887937690e-1) * r + 1;
    }
    return p < 0.5 ? -above / below : above / below;
}

/* p[i] becomes z.  The middle 85 % as one vector loop, the tails one by one after it. */
static void normal_points(double *p, int n)
{
    double z[PER_GROUP];
    #pragma omp simd
    for (int i = 0; i < n; i++) {
        const double q = p[i] - 0.5, r = 0.180625 - q * q;
        const double above = ((((((2.50908092873012267270e+3 * r + 3.34305755835881281050e+4) * r + 6.72657709270087008530e+4) * r
                              + 4.59219539315498714570e+4) * r + 1.37316937655094611250e+4) * r + 1.97159095030655144270e+3) * r
                              + 1.33141667891784377450e+2) * r + 3.38713287279636660800e+0;
        const double below = ((((((5.22649527885285456100e+3 * r + 2.87290857357219426740e+4) * r + 3.93078958000927106100e+4) * r
                              + 2.12137943015865958670e+4) * r + 5.39419602142475110770e+3) * r + 6.87187007492057908300e+2) * r
                              + 4.23133307016009112520e+1) * r + 1;
        z[i] = q * above / below;
    }
    for (int i = 0; i < n; i++) p[i] = fabs(p[i] - 0.5) <= 0.425 ? z[i] : normal_tail(p[i]);
}

#define EACH_REAL "random.c"
#include "each_real.h"
#else

static void FN(uniform_part)(const void *args, isize start, isize stop)
{
    const FN(random_uniform_args) *a = args;
    uint64_t drawn[PER_GROUP];
    real u[PER_GROUP];
    const real low = (real)a->low, high = (real)a->high, range = high - low;
    draw_group(a->stream[0], a->stream[1], start / PER_GROUP, drawn);
#if REAL_IS_FLOAT
    for (int i = 0; i < PER_GROUP; i++) u[i] = (real)(int32_t)(drawn[i] >> 40) * 0x1p-24f;
#else
    for (int i = 0; i < PER_GROUP; i++) u[i] = (real)(int64_t)(drawn[i] >> 11) * 0x1p-53;
#endif
    for (int i = 0; i < PER_GROUP; i++) {
        const real y = low + range * u[i];
        u[i] = y < high ? y : low;      /* rounding may reach high, which is not in the range */
    }
    memcpy(a->y + start, u, (size_t)(stop - start) * sizeof(real));
}

pydl_status FN(random_uniform)(const pydl_ctx *ctx, const void *args)
{
    const FN(random_uniform_args) *a = args;
    return run_parts(ctx, a->n > 2 * GROUPS * PER_GROUP, a->n, PER_GROUP, FN(uniform_part), a);
}

/* low, range: the part of the distribution's range the numbers come from; (0, 1) for all of it. */
static void FN(normal_group)(const uint64_t *stream, double low, double range, double mean, double stddev, isize start, isize stop, real *y)
{
    uint64_t drawn[PER_GROUP];
    double p[PER_GROUP];
    draw_group(stream[0], stream[1], start / PER_GROUP, drawn);
    for (int i = 0; i < PER_GROUP; i++) p[i] = low + range * (((double)(int64_t)(drawn[i] >> 12) + 0.5) * 0x1p-52);
    normal_points(p, PER_GROUP);
    for (isize i = 0; i < stop - start; i++) y[start + i] = (real)(mean + stddev * p[i]);
}

static void FN(normal_part)(const void *args, isize start, isize stop)
{
    const FN(random_normal_args) *a = args;
    FN(normal_group)(a->stream, 0, 1, a->mean, a->stddev, start, stop, a->y);
}
pydl_status FN(random_normal)(const pydl_ctx *ctx, const void *args)
{
    const FN(random_normal_args) *a = args;
    return run_parts(ctx, a->n > GROUPS * PER_GROUP, a->n, PER_GROUP, FN(normal_part), a);
}

static void FN(truncated_normal_part)(const void *args, isize start, isize stop)
{
    const FN(random_truncated_normal_args) *a = args;
    const double below = 0.022750131948179207;      /* of the distribution lies below -2 */
    FN(normal_group)(a->stream, below, 1 - 2 * below, a->mean, a->stddev, start, stop, a->y);
}
pydl_status FN(random_truncated_normal)(const pydl_ctx *ctx, const void *args)
{
    const FN(random_truncated_normal_args) *a = args;
    return run_parts(ctx, a->n > GROUPS * PER_GROUP, a->n, PER_GROUP, FN(truncated_normal_part), a);
}
#endif
