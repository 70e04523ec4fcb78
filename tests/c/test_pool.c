/* Pooling against loops over one output at a time, in memory of exactly the right size: the sanitizer sees any reach beyond. */
#ifndef real
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "pydl.h"
#include "pool.h"
#include "each_real.h"

static uint32_t state = 1;
static int draw(int limit) { state = state * 1664525u + 1013904223u; return (int)(state >> 16) % limit; }
static isize low(isize a, isize b) { return a < b ? a : b; }
static isize high(isize a, isize b) { return a > b ? a : b; }

#define EACH_REAL "test_pool.c"
#include "each_real.h"

static void sizes(void (*check)(const pydl_ctx *, pydl_pool2d))
{
    static const isize channels[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64 };
    static const isize window[][4] = { {2,2,2,2}, {3,3,2,2}, {3,3,1,1}, {2,3,1,2}, {1,1,1,1}, {5,4,3,2}, {3,2,4,5}, {17,16,1,2} };
    for (int threads = 1; threads <= 3; threads += 2)
        for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
            for (size_t k = 0; k < sizeof window / sizeof *window; k++)
                for (int same = 0; same < 2; same++)
                    for (isize h = 1; h <= 19; h += k == 7 ? 6 : 3) {
                        if (threads > 1 && (h != 19 || channels[i] % 16 != 1)) continue;    /* threads where there is work for them */
                        const pydl_ctx ctx = { .threads = threads };
                        pydl_pool2d g = { .n = 2, .h = h, .w = h + 1, .c = channels[i], .kh = window[k][0], .kw = window[k][1], .sh = window[k][2], .sw = window[k][3] };
                        if (same) {
                            g.oh = (g.h + g.sh - 1) / g.sh;
                            g.ow = (g.w + g.sw - 1) / g.sw;
                            g.top = high((g.oh - 1) * g.sh + g.kh - g.h, 0) / 2;
                            g.left = high((g.ow - 1) * g.sw + g.kw - g.w, 0) / 2;
                        } else {
                            if (g.h < g.kh || g.w < g.kw) continue;
                            g.oh = (g.h - g.kh) / g.sh + 1;
                            g.ow = (g.w - g.kw) / g.sw + 1;
                        }
                        check(&ctx, g);
                    }
}

int main(void)
{
    sizes(check_pydl_f32);
    sizes(check_pydl_f64);
    const pydl_ctx ctx = { .threads = 1 };
    pydl_pool2d nothing = { .n = 0, .h = 4, .w = 4, .c = 3, .oh = 2, .ow = 2, .kh = 2, .kw = 2, .sh = 2, .sw = 2 };
    check_pydl_f32(&ctx, nothing);
    nothing.n = 2; nothing.c = 0;
    check_pydl_f32(&ctx, nothing);
    printf("pool: ok\n");
    return 0;
}
#else
#if REAL_IS_FLOAT
#define CHECK check_pydl_f32
#else
#define CHECK check_pydl_f64
#endif

static void CHECK(const pydl_ctx *ctx, pydl_pool2d g)
{
    const size_t nx = (size_t)(g.n * g.h * g.w * g.c), ny = (size_t)(g.n * g.oh * g.ow * g.c);
    real *x = malloc(nx * sizeof *x + 1), *y = malloc(ny * sizeof *y + 1), *dy = malloc(ny * sizeof *dy + 1), *dx = malloc(nx * sizeof *dx + 1);
    real *mean = malloc(ny * sizeof *mean + 1);
    double *want = malloc(nx * sizeof *want + 1), *want_mean = malloc(nx * sizeof *want_mean + 1);
    uint8_t *byte = malloc(ny + 1);
    int32_t *wide = malloc(ny * sizeof *wide + 1);
    for (size_t i = 0; i < nx; i++) { x[i] = (real)(draw(9) - 4); want[i] = want_mean[i] = 0; }     /* few values: many ties */
    for (size_t i = 0; i < ny; i++) dy[i] = (real)(draw(17) - 8);
    const int small = g.kh * g.kw <= 256;
    assert(FN(max_pool2d_forward)(ctx, &(FN(max_pool2d_forward_args)){ x, g, y, small ? byte : NULL, NULL }) == PYDL_OK);
    assert(FN(max_pool2d_forward)(ctx, &(FN(max_pool2d_forward_args)){ x, g, y, NULL, wide }) == PYDL_OK);
    assert(FN(avg_pool2d_forward)(ctx, &(FN(avg_pool2d_forward_args)){ x, g, mean }) == PYDL_OK);
    for (isize b = 0; b < g.n; b++)
        for (isize oy = 0; oy < g.oh; oy++)
            for (isize ox = 0; ox < g.ow; ox++)
                for (isize ch = 0; ch < g.c; ch++) {
                    const isize o = ((b * g.oh + oy) * g.ow + ox) * g.c + ch;
                    const isize i0 = high(oy * g.sh - g.top, 0), i1 = low(oy * g.sh - g.top + g.kh, g.h);
                    const isize j0 = high(ox * g.sw - g.left, 0), j1 = low(ox * g.sw - g.left + g.kw, g.w);
                    isize best = -1;
                    double sum = 0;
                    for (isize i = i0; i < i1; i++)
                        for (isize j = j0; j < j1; j++) {
                            const isize at = ((b * g.h + i) * g.w + j) * g.c + ch;
                            sum += (double)x[at];
                            if (best < 0 || x[at] > x[best]) best = at;
                        }
                    const isize pixel = best / g.c % (g.h * g.w), i = pixel / g.w, j = pixel % g.w;
                    const isize position = (i - oy * g.sh + g.top) * g.kw + j - ox * g.sw + g.left;
                    const double count = (double)((i1 - i0) * (j1 - j0));
                    assert(y[o] == x[best]);
                    assert(wide[o] == position && (!small || byte[o] == position));
                    assert(fabs((double)mean[o] - sum / count) < 1e-5);
                    want[best] += (double)dy[o];
                    for (isize p = i0; p < i1; p++)
                        for (isize q = j0; q < j1; q++) want_mean[((b * g.h + p) * g.w + q) * g.c + ch] += (double)dy[o] / count;
                }
    for (int bytes = 0; bytes <= small; bytes++) {
        assert(FN(max_pool2d_backward)(ctx, &(FN(max_pool2d_backward_args)){ dy, bytes ? byte : NULL, bytes ? NULL : wide, g, dx }) == PYDL_OK);
        for (size_t i = 0; i < nx; i++) assert((double)dx[i] == want[i]);      /* sums of small integers are exact */
    }
    assert(FN(avg_pool2d_backward)(ctx, &(FN(avg_pool2d_backward_args)){ dy, g, dx }) == PYDL_OK);
    for (size_t i = 0; i < nx; i++) assert(fabs((double)dx[i] - want_mean[i]) < 1e-4);
    free(x); free(y); free(dy); free(dx); free(mean); free(want); free(want_mean); free(byte); free(wide);
}
#undef CHECK
#endif
