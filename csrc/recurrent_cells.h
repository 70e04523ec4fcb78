/* One step of one row of each recurrent cell, forward and back: what happens to the products of a step. */
#ifndef real
#ifndef PYDL_RECURRENT_CELLS_H
#define PYDL_RECURRENT_CELLS_H
#include "internal.h"
#include "simd.h"
#include "vecmath.h"
#define EACH_REAL "recurrent_cells.h"
#include "each_real.h"
#endif
#else

/* Forward.  n is a whole number of vectors, so there is no remainder to compute one by one: what lies behind the last unit is rubbish, and nobody
   looks at it.  q: the sums the gates are functions of, `w` apart.  h (and c) become the new state.  kept: the gates, n apart. */
static inline void FN(tanh_forward_row)(const real *restrict q, isize n, real *restrict h)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) h[u] = FN(vec_tanh)(q[u]);
}

/* peephole: rows `pitch` apart. */
ALWAYS_INLINE void FN(lstm_forward_core)(const real *restrict q, isize w, const int peeps, const real *restrict peephole, isize pitch, isize n,
                                         real *restrict c, real *restrict h, real *restrict kept)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {                       /* two loops: what waits for a cell's tanh would fill the processor's window */
        kept[u] = FN(vec_sigmoid)(peeps ? FN(muladd)(peephole[u], c[u], q[u]) : q[u]);
        kept[n + u] = FN(vec_sigmoid)(peeps ? FN(muladd)(peephole[pitch + u], c[u], q[w + u]) : q[w + u]);
        kept[2 * n + u] = FN(vec_tanh)(q[2 * w + u]);
        if (!peeps) kept[3 * n + u] = FN(vec_sigmoid)(q[3 * w + u]);
    }
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real cell = FN(muladd)(kept[n + u], c[u], kept[u] * kept[2 * n + u]);
        if (peeps) kept[3 * n + u] = FN(vec_sigmoid)(FN(muladd)(peephole[2 * pitch + u], cell, q[3 * w + u]));
        c[u] = cell;
        h[u] = kept[3 * n + u] * FN(vec_tanh)(cell);
    }
}
static inline void FN(lstm_forward_row)(const real *q, isize w, const real *peephole, isize pitch, isize n, real *c, real *h, real *kept)
{
    if (peephole) FN(lstm_forward_core)(q, w, 1, peephole, pitch, n, c, h, kept);
    else FN(lstm_forward_core)(q, w, 0, q, 0, n, c, h, kept);
}

/* given, inner: the candidate's sums over x and over h. */
static inline void FN(gru_forward_row)(const real *restrict q, isize w, const real *restrict given, const real *restrict inner, isize n, real *restrict h,
                                real *restrict kept)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real z = FN(vec_sigmoid)(q[u]), r = FN(vec_sigmoid)(q[w + u]), g = FN(vec_tanh)(FN(muladd)(r, inner[u], given[u]));
        kept[u] = z;
        kept[n + u] = r;
        kept[2 * n + u] = g;
        h[u] = FN(muladd)(z, h[u] - g, g);
    }
}

/* The two halves of a step where the reset comes before the product.  state: h where it meets the weights. */
static inline void FN(gru_before_gates)(const real *restrict q, isize w, const real *restrict state, isize n, real *restrict kept, real *restrict reset)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        kept[u] = FN(vec_sigmoid)(q[u]);
        kept[n + u] = FN(vec_sigmoid)(q[w + u]);
        reset[u] = kept[n + u] * state[u];
    }
}
static inline void FN(gru_before_row)(const real *restrict q, const real *restrict z, isize n, real *restrict h, real *restrict kept)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real g = FN(vec_tanh)(q[u]);
        kept[u] = g;
        h[u] = FN(muladd)(z[u], h[u] - g, g);
    }
}

static inline void FN(gru_simple_row)(const real *restrict q, isize w, isize n, real *restrict h, real *restrict kept)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real share = FN(vec_sigmoid)(q[u]), g = FN(vec_tanh)(q[w + u]);
        kept[u] = share;
        kept[n + u] = g;
        h[u] = FN(muladd)(share, g - h[u], h[u]);
    }
}

/* Backward.  n units, no more.  p holds the gates, `far` apart, and becomes the gradient by p; dp, its gates `u` apart, is the gradient by h R, for the next
   product.  dh becomes what reaches the state before past the product. */
ALWAYS_INLINE void FN(tanh_backward_row)(const real *restrict y, isize n, real *restrict dh, real *restrict p, real *restrict dp)
{
    #pragma omp simd
    for (isize j = 0; j < n; j++) {
        p[j] = dp[j] = dh[j] * (1 - y[j] * y[j]);
        dh[j] = 0;
    }
}

/* peephole: rows u apart. */
ALWAYS_INLINE void FN(lstm_backward_core)(real *restrict p, isize far, const real *restrict c, const real *restrict c_before, const int peeps,
                                          const real *restrict peephole, isize n, real *restrict dh, real *restrict dc, real *restrict dp, isize u)
{
    #pragma omp simd
    for (isize j = 0; j < n; j++) {
        const real i = p[j], f = p[far + j], g = p[2 * far + j], o = p[3 * far + j], tc = FN(vec_tanh)(c[j]);
        const real d_o = dh[j] * tc * (o * (1 - o));
        real dcell = FN(muladd)(dh[j] * o, 1 - tc * tc, dc[j]);
        if (peeps) dcell = FN(muladd)(peephole[2 * u + j], d_o, dcell);
        const real d_i = dcell * g * (i * (1 - i)), d_f = dcell * c_before[j] * (f * (1 - f));
        p[j] = dp[j] = d_i;
        p[far + j] = dp[u + j] = d_f;
        p[2 * far + j] = dp[2 * u + j] = dcell * i * (1 - g * g);
        p[3 * far + j] = dp[3 * u + j] = d_o;
        dc[j] = peeps ? FN(muladd)(peephole[u + j], d_f, FN(muladd)(peephole[j], d_i, dcell * f)) : dcell * f;
        dh[j] = 0;
    }
}
ALWAYS_INLINE void FN(lstm_backward_row)(real *p, isize far, const real *c, const real *c_before, const real *peephole, isize n, real *dh, real *dc, real *dp,
                                         isize u)
{
    if (peephole) FN(lstm_backward_core)(p, far, c, c_before, 1, peephole, n, dh, dc, dp, u);
    else FN(lstm_backward_core)(p, far, c, c_before, 0, c, n, dh, dc, dp, u);
}

/* candidate: its q on entry, the gradient by that on return; dp has it in the candidate's place, and the gradient by p behind that. */
ALWAYS_INLINE void FN(gru_backward_row)(real *restrict p, isize far, real *restrict candidate, const real *restrict h, isize n, real *restrict dh,
                                        real *restrict dp, isize u)
{
    #pragma omp simd
    for (isize j = 0; j < n; j++) {
        const real z = p[j], r = p[far + j], g = p[2 * far + j];
        const real dg = dh[j] * (1 - z) * (1 - g * g);
        p[j] = dp[j] = dh[j] * (h[j] - g) * (z * (1 - z));
        p[far + j] = dp[u + j] = dg * candidate[j] * (r * (1 - r));
        p[2 * far + j] = dp[3 * u + j] = dg;
        candidate[j] = dp[2 * u + j] = dg * r;
        dh[j] = dh[j] * z;
    }
}

ALWAYS_INLINE void FN(gru_before_backward_candidate)(real *restrict p, isize far, const real *restrict h, isize n, real *restrict dh, real *restrict dp,
                                                     isize u)
{
    #pragma omp simd
    for (isize j = 0; j < n; j++) {
        const real z = p[j], g = p[2 * far + j];
        p[2 * far + j] = dp[2 * u + j] = dh[j] * (1 - z) * (1 - g * g);
        p[j] = dp[j] = dh[j] * (h[j] - g) * (z * (1 - z));
        dh[j] = dh[j] * z;
    }
}
/* product: the gradient by r h on entry, its part by h on return.  state: h where it meets the weights; reset becomes r times it. */
ALWAYS_INLINE void FN(gru_before_backward_reset)(real *restrict p, isize far, const real *restrict state, isize n, real *restrict product, real *restrict dp,
                                                 isize u, real *restrict reset)
{
    #pragma omp simd
    for (isize j = 0; j < n; j++) {
        const real r = p[far + j], dreset = product[j];
        p[far + j] = dp[u + j] = dreset * state[j] * (r * (1 - r));
        product[j] = dreset * r;
        reset[j] = r * state[j];
    }
}

ALWAYS_INLINE void FN(gru_simple_backward_row)(real *restrict p, isize far, const real *restrict h, isize n, real *restrict dh, real *restrict dp, isize u)
{
    #pragma omp simd
    for (isize j = 0; j < n; j++) {
        const real share = p[j], g = p[far + j];
        p[j] = dp[j] = dh[j] * (g - h[j]) * (share * (1 - share));
        p[far + j] = dp[u + j] = dh[j] * share * (1 - g * g);
        dh[j] = dh[j] * (1 - share);
    }
}
#endif
