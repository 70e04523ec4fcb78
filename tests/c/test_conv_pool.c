/* The pooled convolution against the two kernels it stands for, on buffers of exactly the size they may touch.   All numbers are small integers,
   so every sum is exact and the two must agree bit for bit, whatever the order of their sums. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "conv_pool.h"


static void fail(const char *what, const pydl_conv2d *s, const pydl_pool2d *g)
{
    failures++;
    printf("%s: x (%td, %td, %td, %td) window (%td, %td) c_out %td groups %td strides (%td, %td) padding (%td, %td) result (%td, %td), "
           "pooled by (%td, %td) strides (%td, %td) padding (%td, %td) to (%td, %td)\n", what, s->n, s->h, s->w, s->c_in, s->kh, s->kw, s->c_out, s->groups,
           s->stride_h, s->stride_w, s->pad_top, s->pad_left, s->h_out, s->w_out, g->kh, g->kw, g->sh, g->sw, g->top, g->left, g->oh, g->ow);
}
#define EACH_REAL "test_conv_pool.c"
#include "each_real.h"

int main(void)
{
    check_all_f32();
    check_all_f64();
    printf(failures ? "%d failures\n" : "conv_pool: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#else
#define R(name) name##_f64
#endif

static real *R(filled)(isize count, isize most)
{
    real *x = malloc((size_t)count * sizeof(real) + !count);
    for (isize i = 0; i < count; i++) x[i] = (real)random_size(-most, most);
    return x;
}

/* A kernel on scratch of exactly the size it asks for, filled with what must not be read. */
static void R(run)(pydl_kernel kernel, pydl_scratch scratch, void *args, int threads)
{
    const pydl_blas none = { 0 };
    pydl_fault fault;
    const pydl_ctx ctx = { .threads = threads, .blas = &none, .fault = &fault };
    const isize bytes = scratch(&ctx, args);
    void *memory = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
    if (bytes) memset(memory, 0xff, (size_t)bytes);
    *(void **)args = memory;
    if (kernel(&ctx, args) != PYDL_OK) failures++;
    free(memory);
}

static void R(check)(pydl_conv2d s, pydl_pool2d g, int with_bias, int relu)
{
    g.n = s.n; g.h = s.h_out; g.w = s.w_out; g.c = s.c_out;
    const isize n_x = s.n * s.h * s.w * s.c_in, n_w = s.kh * s.kw * (s.c_in / s.groups) * s.c_out, n_z = s.n * s.h_out * s.w_out * s.c_out;
    const isize n_y = s.n * g.oh * g.ow * s.c_out;
    real *x = R(filled)(n_x, 2), *weight = R(filled)(n_w, 2), *bias = R(filled)(s.c_out, 3), *dy = R(filled)(n_y, 3);
    real *z = R(filled)(n_z, 1), *dz = R(filled)(n_z, 1), *want_y = R(filled)(n_y, 1), *want_dx = R(filled)(n_x, 1), *want_dw = R(filled)(n_w, 1);
    real *want_db = R(filled)(s.c_out, 1), *y = R(filled)(n_y, 1), *dx = R(filled)(n_x, 1), *dw = R(filled)(n_w, 1), *db = R(filled)(s.c_out, 1);
    real *masked = R(filled)(n_y, 1);
    uint8_t *want_argmax = malloc((size_t)n_y + 1), *argmax = malloc((size_t)n_y + !n_y);
    const pydl_ctx one = { .threads = 1 };
    FN(conv2d_forward_args) forward = { .x = x, .weight = weight, .bias = with_bias ? bias : NULL, .s = s, .relu = relu, .y = z };
    R(run)(FN(conv2d_forward), FN(conv2d_forward_scratch), &forward, 1);
    const FN(max_pool2d_forward_args) pool = { .x = z, .g = g, .y = want_y, .argmax = want_argmax };
    FN(max_pool2d_forward)(&one, &pool);
    for (isize i = 0; i < n_y; i++) masked[i] = !relu || want_y[i] > 0 ? dy[i] : 0;
    const FN(max_pool2d_backward_args) unpool = { .dy = masked, .argmax = want_argmax, .g = g, .dx = dz };
    FN(max_pool2d_backward)(&one, &unpool);
    FN(conv2d_backward_input_args) by_input = { .dy = dz, .weight = weight, .s = s, .dx = want_dx };
    R(run)(FN(conv2d_backward_input), FN(conv2d_backward_input_scratch), &by_input, 1);
    FN(conv2d_backward_weight_args) by_weight = { .x = x, .dy = dz, .s = s, .dweight = want_dw, .dbias = want_db };
    R(run)(FN(conv2d_backward_weight), FN(conv2d_backward_weight_scratch), &by_weight, 1);

    for (int threads = 1; threads <= 3; threads += 2) {
        FN(conv2d_max_pool_forward_args) f = { .x = x, .weight = weight, .bias = with_bias ? bias : NULL, .s = s, .g = g, .relu = relu, .y = y, .argmax = argmax };
        R(run)(FN(conv2d_max_pool_forward), FN(conv2d_max_pool_forward_scratch), &f, threads);
        if (memcmp(y, want_y, (size_t)n_y * sizeof(real))) fail("y", &s, &g);
        if (memcmp(argmax, want_argmax, (size_t)n_y)) fail("argmax", &s, &g);
        FN(conv2d_max_pool_backward_args) b = { .x = x, .dy = dy, .relu_y = relu ? y : NULL, .argmax = argmax, .weight = weight, .s = s, .g = g };
        const int both = threads == 1;
        b.dx = dx; b.dweight = both ? dw : NULL; b.dbias = both ? db : NULL;
        R(run)(FN(conv2d_max_pool_backward), FN(conv2d_max_pool_backward_scratch), &b, threads);
        b.dx = NULL; b.dweight = dw; b.dbias = db;
        if (!both) R(run)(FN(conv2d_max_pool_backward), FN(conv2d_max_pool_backward_scratch), &b, threads);
        if (memcmp(dx, want_dx, (size_t)n_x * sizeof(real))) fail("dx", &s, &g);
        if (memcmp(dw, want_dw, (size_t)n_w * sizeof(real))) fail("dweight", &s, &g);
        if (memcmp(db, want_db, (size_t)s.c_out * sizeof(real))) fail("dbias", &s, &g);
    }
    real *const all[] = { x, weight, bias, dy, z, dz, want_y, want_dx, want_dw, want_db, y, dx, dw, db, masked };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(want_argmax);
    free(argmax);
}

static void R(check_all)(void)
{
    const pydl_pool2d pools[] = { { .kh = 2, .kw = 2, .sh = 2, .sw = 2 }, { .kh = 3, .kw = 3, .sh = 2, .sw = 2 }, { .kh = 2, .kw = 3, .sh = 3, .sw = 4 },
                                  { .kh = 2, .kw = 2, .sh = 1, .sw = 1 }, { .kh = 1, .kw = 2, .sh = 1, .sw = 2 }, { .kh = 4, .kw = 4, .sh = 4, .sw = 4 } };
    for (int turn = 0; turn < 400; turn++) {
        const isize k = random_size(0, 5);
        pydl_conv2d s = { .n = random_size(1, 3), .h = random_size(5, 14), .w = random_size(5, 14), .c_in = random_size(1, 10), .kh = k < 4 ? 2 * (k % 2) + 3 : random_size(1, 4), .kw = random_size(1, 4),
                          .c_out = random_size(1, 19), .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1 };
        if (k < 4) s.kw = s.kh;
        if (turn % 7 == 0) { s.stride_h = 2; s.dilation_w = 2; }
        if (turn % 11 == 0) { s.groups = s.c_in; s.c_out = s.c_in * random_size(1, 2); }
        if (turn % 13 == 0) s.n = 17;
        if (turn % 3 == 0) { s.pad_top = s.kh / 2; s.pad_left = s.kw / 2; }
        s.h_out = max_isize(0, (s.h + 2 * s.pad_top - (s.kh - 1) * s.dilation_h - 1) / s.stride_h + 1);
        s.w_out = max_isize(0, (s.w + 2 * s.pad_left - (s.kw - 1) * s.dilation_w - 1) / s.stride_w + 1);
        if (turn % 17 == 0 && s.h_out > 3) s.h_out -= 2;             /* the windows need not go as far as they could */
        pydl_pool2d g = pools[turn % 6];
        if (turn % 5 == 0) {
            g.oh = ceil_div(s.h_out, g.sh); g.ow = ceil_div(s.w_out, g.sw);
            g.top = max_isize(0, (g.oh - 1) * g.sh + g.kh - s.h_out) / 2; g.left = max_isize(0, (g.ow - 1) * g.sw + g.kw - s.w_out) / 2;
        } else {
            g.oh = s.h_out < g.kh ? 0 : (s.h_out - g.kh) / g.sh + 1; g.ow = s.w_out < g.kw ? 0 : (s.w_out - g.kw) / g.sw + 1;
        }
        R(check)(s, g, turn % 2, turn % 4 < 2);
    }
    const pydl_pool2d half = { .kh = 2, .kw = 2, .sh = 2, .sw = 2, .oh = 14, .ow = 14 };
    R(check)((pydl_conv2d){ .n = 2, .h = 28, .w = 28, .c_in = 1, .kh = 5, .kw = 5, .c_out = 6, .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                            .dilation_w = 1, .pad_top = 2, .pad_left = 2, .h_out = 28, .w_out = 28 }, half, 1, 1);
    R(check)((pydl_conv2d){ .n = 0, .h = 28, .w = 28, .c_in = 1, .kh = 5, .kw = 5, .c_out = 6, .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                            .dilation_w = 1, .pad_top = 2, .pad_left = 2, .h_out = 28, .w_out = 28 }, half, 1, 1);
}
#undef R
#endif
