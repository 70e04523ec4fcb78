/* The convolution of volumes against plain loops, on buffers of exactly the size it may touch, at the CPU level of the build. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "conv3d.h"

#define EACH_REAL "test_conv3d.c"
#include "each_real.h"

int main(void)
{
    for (int i = 0; i < 60; i++) { check_f32(i); check_f64(i); }
    printf(failures ? "%d failures\n" : "conv3d: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#define BOUND 2e-5
#else
#define R(name) name##_f64
#define BOUND 1e-12
#endif

static real *R(filled)(isize count)
{
    real *x = malloc((size_t)max_isize(count, 1) * sizeof(real));
    for (isize i = 0; i < count; i++) x[i] = (real)random_unit();
    return x;
}

static void R(compare)(const char *what, int shape, const real *got, const double *want, isize count)
{
    for (isize i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= BOUND * (8 + fabs(want[i])))) {
            printf("shape %d, %s[%td]: %g, expected %g\n", shape, what, i, (double)got[i], want[i]);
            failures++;
            return;
        }
}

/* The sums of conv3d.h, term by term. */
static void R(plain)(const pydl_conv3d *s, const real *x, const real *weight, const real *bias, const real *dy, double *y, double *dx, double *dweight, double *dbias)
{
    const isize depth = s->c_in / s->groups, width = s->c_out / s->groups;
    isize at = 0;
    for (isize b = 0; b < s->n; b++)
        for (isize i = 0; i < s->out[0] * s->out[1] * s->out[2]; i++)
            for (isize o = 0; o < s->c_out; o++, at++) {
                const isize out[3] = { i / (s->out[1] * s->out[2]), i / s->out[2] % s->out[1], i % s->out[2] };
                y[at] = (double)bias[o];
                dbias[o] += (double)dy[at];
                for (isize k = 0; k < s->window[0] * s->window[1] * s->window[2]; k++) {
                    const isize place[3] = { k / (s->window[1] * s->window[2]), k / s->window[2] % s->window[1], k % s->window[2] };
                    isize pixel = b, inside = 1;
                    for (int d = 0; d < 3; d++) {
                        const isize p = out[d] * s->stride[d] + place[d] * s->dilation[d] - s->pad[d];
                        inside = inside && p >= 0 && p < s->size[d];
                        pixel = pixel * s->size[d] + p;
                    }
                    for (isize c = 0; inside && c < depth; c++) {
                        const isize from = pixel * s->c_in + o / width * depth + c, w = (k * depth + c) * s->c_out + o;
                        y[at] += (double)x[from] * (double)weight[w];
                        dx[from] += (double)dy[at] * (double)weight[w];
                        dweight[w] += (double)dy[at] * (double)x[from];
                    }
                }
            }
}

static void R(check)(int shape)
{
    static const pydl_blas no_blas;
    pydl_fault fault;
    pydl_conv3d s = { .n = random_size(0, 3), .groups = shape % 4 == 3 ? random_size(2, 3) : 1 };
    isize pixels = s.n, places = s.n, window = 1;
    s.c_in = s.groups * random_size(1, shape % 5 ? 5 : 33);
    s.c_out = s.groups * random_size(1, shape % 3 ? 6 : 37);
    for (int d = 0; d < 3; d++) {
        s.size[d] = random_size(1, d == 2 && shape % 7 == 0 ? 31 : 6);
        s.window[d] = random_size(1, 3);
        s.stride[d] = random_size(1, 3);
        s.dilation[d] = random_size(1, 2);
        s.pad[d] = random_size(0, 2);
        const isize room = s.size[d] + s.pad[d] + random_size(0, 2) - (s.window[d] - 1) * s.dilation[d] - 1;
        s.out[d] = room < 0 ? 0 : room / s.stride[d] + 1;
        pixels *= s.size[d];
        places *= s.out[d];
        window *= s.window[d];
    }
    const isize n_x = pixels * s.c_in, n_y = places * s.c_out, n_w = window * (s.c_in / s.groups) * s.c_out;
    real *x = R(filled)(n_x), *weight = R(filled)(n_w), *bias = R(filled)(s.c_out), *dy = R(filled)(n_y);
    double *want_y = calloc((size_t)n_y + 1, 8), *want_dx = calloc((size_t)n_x + 1, 8), *want_dweight = calloc((size_t)n_w + 1, 8), *want_dbias = calloc((size_t)s.c_out, 8);
    real *first[4] = { 0 };
    R(plain)(&s, x, weight, bias, dy, want_y, want_dx, want_dweight, want_dbias);
    for (int threads = 1; threads <= 3; threads += 2) {
        const pydl_ctx ctx = { .threads = threads, .blas = &no_blas, .fault = &fault };
        real *y = R(filled)(n_y), *dx = R(filled)(n_x), *dweight = R(filled)(n_w), *dbias = R(filled)(s.c_out);
        FN(conv3d_forward_args) forward = { .x = x, .weight = weight, .bias = bias, .s = s, .relu = shape % 2, .y = y };
        FN(conv3d_backward_input_args) back = { .dy = dy, .weight = weight, .s = s, .dx = dx };
        FN(conv3d_backward_weight_args) gradient = { .x = x, .dy = dy, .s = s, .dweight = dweight, .dbias = dbias };
        forward.scratch = aligned_alloc(64, (size_t)(FN(conv3d_forward_scratch)(&ctx, &forward) + 127) / 64 * 64);
        back.scratch = aligned_alloc(64, (size_t)(FN(conv3d_backward_input_scratch)(&ctx, &back) + 127) / 64 * 64);
        gradient.scratch = aligned_alloc(64, (size_t)(FN(conv3d_backward_weight_scratch)(&ctx, &gradient) + 127) / 64 * 64);
        FN(conv3d_forward)(&ctx, &forward);
        FN(conv3d_backward_input)(&ctx, &back);
        FN(conv3d_backward_weight)(&ctx, &gradient);
        real *all[4] = { y, dx, dweight, dbias };
        const isize count[4] = { n_y, n_x, n_w, s.c_out };
        if (threads == 1) {
            for (isize i = 0; shape % 2 && i < n_y; i++) want_y[i] = want_y[i] > 0 ? want_y[i] : 0;
            R(compare)("y", shape, y, want_y, n_y);
            R(compare)("dx", shape, dx, want_dx, n_x);
            R(compare)("dweight", shape, dweight, want_dweight, n_w);
            R(compare)("dbias", shape, dbias, want_dbias, s.c_out);
            memcpy(first, all, sizeof(all));
        } else
            for (int i = 0; i < 4; i++) {
                if (count[i] && memcmp(first[i], all[i], (size_t)count[i] * sizeof(real))) { printf("shape %d: other bits with %d threads\n", shape, threads); failures++; }
                free(first[i]);
                free(all[i]);
            }
        free(forward.scratch);
        free(back.scratch);
        free(gradient.scratch);
    }
    free(x), free(weight), free(bias), free(dy), free(want_y), free(want_dx), free(want_dweight), free(want_dbias);
}
#undef R
#undef BOUND
#endif
