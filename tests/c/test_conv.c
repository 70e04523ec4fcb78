/* The convolution kernels against plain loops, on buffers of exactly the size they may touch, at the CPU level of the build. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "conv.h"


static void print_shape(const char *what, const pydl_conv2d *s)
{
    failures++;
    printf("%s: x (%td, %td, %td, %td) window (%td, %td) c_out %td groups %td strides (%td, %td) dilation (%td, %td) padding (%td, %td) y (%td, %td)\n",
           what, s->n, s->h, s->w, s->c_in, s->kh, s->kw, s->c_out, s->groups, s->stride_h, s->stride_w, s->dilation_h, s->dilation_w,
           s->pad_top, s->pad_left, s->h_out, s->w_out);
}
#define EACH_REAL "test_conv.c"
#include "each_real.h"

int main(void)
{
    check_all_f32();
    check_all_f64();
    printf(failures ? "%d failures\n" : "conv: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#define EPSILON 1.2e-7
#else
#define R(name) name##_f64
#define EPSILON 2.3e-16
#endif

static real *R(filled)(isize count)
{
    real *x = malloc((size_t)max_isize(count, 1) * sizeof(real));
    for (isize i = 0; i < count; i++) x[i] = (real)random_unit();
    return x;
}

/* The sums of the formula in conv.h, and the sums of the absolute values of their terms, which the rounding errors are measured by. */
typedef struct { double *y, *dx, *dweight, *dbias, *y_size, *dx_size, *dweight_size, *dbias_size; } R(sums);

static R(sums) R(plain_loops)(const pydl_conv2d *s, const real *x, const real *weight, const real *bias, const real *dy)
{
    const isize n_y = s->n * s->h_out * s->w_out * s->c_out, n_x = s->n * s->h * s->w * s->c_in, in = s->c_in / s->groups, out = s->c_out / s->groups;
    const isize n_w = s->kh * s->kw * in * s->c_out;
    R(sums) r = { calloc((size_t)n_y + 1, 8), calloc((size_t)n_x + 1, 8), calloc((size_t)n_w + 1, 8), calloc((size_t)s->c_out + 1, 8),
                  calloc((size_t)n_y + 1, 8), calloc((size_t)n_x + 1, 8), calloc((size_t)n_w + 1, 8), calloc((size_t)s->c_out + 1, 8) };
    for (isize b = 0; b < s->n; b++)
        for (isize i = 0; i < s->h_out; i++)
            for (isize j = 0; j < s->w_out; j++)
                for (isize o = 0; o < s->c_out; o++) {
                    const isize at = ((b * s->h_out + i) * s->w_out + j) * s->c_out + o;
                    r.y[at] = bias ? (double)bias[o] : 0;
                    r.y_size[at] = fabs(r.y[at]);
                    r.dbias[o] += (double)dy[at];
                    r.dbias_size[o] += fabs((double)dy[at]);
                    for (isize p = 0; p < s->kh; p++)
                        for (isize q = 0; q < s->kw; q++) {
                            const isize row = i * s->stride_h + p * s->dilation_h - s->pad_top, col = j * s->stride_w + q * s->dilation_w - s->pad_left;
                            if (row < 0 || row >= s->h || col < 0 || col >= s->w) continue;
                            for (isize c = 0; c < in; c++) {
                                const isize at_x = ((b * s->h + row) * s->w + col) * s->c_in + o / out * in + c, at_w = ((p * s->kw + q) * in + c) * s->c_out + o;
                                r.y[at] += (double)x[at_x] * (double)weight[at_w];
                                r.y_size[at] += fabs((double)x[at_x] * (double)weight[at_w]);
                                r.dx[at_x] += (double)dy[at] * (double)weight[at_w];
                                r.dx_size[at_x] += fabs((double)dy[at] * (double)weight[at_w]);
                                r.dweight[at_w] += (double)dy[at] * (double)x[at_x];
                                r.dweight_size[at_w] += fabs((double)dy[at] * (double)x[at_x]);
                            }
                        }
                }
    return r;
}

/* winograd: an element has its share of the errors of the whole tile, so the largest sum of terms counts, with the bounds that winograd.h states. */
static void R(compare)(const char *what, const pydl_conv2d *s, const real *got, const double *want, const double *size, isize count, double bound, int winograd)
{
    double largest = EPSILON;
    if (winograd && REAL_IS_FLOAT) bound = winograd == 2 ? 2 : strcmp(what, "dweight") == 0 && s->kh == 5 ? 28 : 16;
    for (isize i = 0; winograd && i < count; i++) largest = fmax(largest, size[i]);
    for (isize i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= bound * EPSILON * (size[i] + largest))) {
            printf("%td: got %g, expected %g, terms %g; ", i, (double)got[i], want[i], size[i]);
            print_shape(what, s);
            return;
        }
}

/* A kernel on scratch of exactly the size it asks for, filled with what must not be read.  What is enough for its threads is enough for fewer. */
static void R(run)(pydl_kernel kernel, pydl_scratch scratch, void *args, int threads)
{
    const pydl_blas none = { 0 };
    pydl_fault fault;
    const pydl_ctx ctx = { .threads = threads, .blas = &none, .fault = &fault };
    const isize bytes = scratch(&ctx, args);
    for (int fewer = 1; fewer < threads; fewer++)
        if (scratch(&(pydl_ctx){ .threads = fewer, .blas = &none, .fault = &fault }, args) > bytes) {
            failures++;
            printf("%d threads ask for more scratch than %d\n", fewer, threads);
        }
    void *memory = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
    if (bytes) memset(memory, 0xff, (size_t)bytes);
    *(void **)args = memory;
    if (kernel(&ctx, args) != PYDL_OK) failures++;
    free(memory);
}

/* Prepared weights give the bits of weights that are not, but where they take another of Winograd's forms (few tiles); with a normalisation
   folded in and a skip, what the formula says, in place of the skip too. */
static void R(check_prepared)(pydl_conv2d s, int relu, int winograd)
{
    if (s.groups == s.c_in && s.groups > 1) return;
    const isize n_y = s.n * s.h_out * s.w_out * s.c_out, n_x = s.n * s.h * s.w * s.c_in, n_w = s.kh * s.kw * (s.c_in / s.groups) * s.c_out;
    real *x = R(filled)(n_x), *weight = R(filled)(n_w), *bias = R(filled)(s.c_out), *y = R(filled)(n_y), *again = R(filled)(n_y), *skip = R(filled)(n_y);
    real *gamma = R(filled)(s.c_out), *beta = R(filled)(s.c_out), *mean = R(filled)(s.c_out), *variance = R(filled)(s.c_out), *first = NULL;
    isize prepared_size = 0, plain_size = 0;                                  /* the form is known by its size */
    const FN(conv2d_prepared_size_args) of_prepared = { .s = s, .winograd = winograd, .size = &prepared_size };
    const FN(conv2d_prepared_size_args) of_plain = { .s = s, .winograd = FN(conv2d_forward_form)(&s, winograd), .size = &plain_size };
    if (FN(conv2d_prepared_size)(NULL, &of_prepared) != PYDL_OK || FN(conv2d_prepared_size)(NULL, &of_plain) != PYDL_OK) failures++;
    const int same_way = prepared_size == plain_size;
    for (isize o = 0; o < s.c_out; o++) variance[o] += (real)1.5;
    for (int threads = 1; threads <= 2; threads++) {
        isize size = 0;
        const FN(conv2d_prepared_size_args) ask = { .s = s, .winograd = winograd, .size = &size };
        if (FN(conv2d_prepared_size)(NULL, &ask) != PYDL_OK) failures++;
        real *prepared = R(filled)(size);
        FN(conv2d_prepare_args) p = { .weight = weight, .bias = bias, .s = s, .winograd = winograd, .prepared = prepared };
        R(run)(FN(conv2d_prepare), FN(conv2d_prepare_scratch), &p, threads);
        FN(conv2d_forward_args) plain = { .x = x, .weight = weight, .bias = bias, .s = s, .relu = relu, .winograd = winograd, .y = y };
        R(run)(FN(conv2d_forward), FN(conv2d_forward_scratch), &plain, threads);
        FN(conv2d_forward_args) f = { .x = x, .s = s, .relu = relu, .winograd = winograd, .prepared = prepared, .y = again };
        R(run)(FN(conv2d_forward), FN(conv2d_forward_scratch), &f, threads);
        if (same_way && memcmp(y, again, (size_t)n_y * sizeof(real))) print_shape("other bits with prepared weights", &s);

        p.gamma = gamma; p.beta = beta; p.mean = mean; p.variance = variance; p.epsilon = 1e-3;
        R(run)(FN(conv2d_prepare), FN(conv2d_prepare_scratch), &p, threads);
        f.skip = skip;
        R(run)(FN(conv2d_forward), FN(conv2d_forward_scratch), &f, threads);
        if (threads == 2) {
            memcpy(y, skip, (size_t)n_y * sizeof(real));
            f.skip = f.y = y;
            R(run)(FN(conv2d_forward), FN(conv2d_forward_scratch), &f, threads);
            if (memcmp(y, again, (size_t)n_y * sizeof(real))) print_shape("other bits in place of the skip", &s);
        }
        if (threads == 1) memcpy(first = malloc((size_t)n_y * sizeof(real) + 1), again, (size_t)n_y * sizeof(real));
        else if (memcmp(first, again, (size_t)n_y * sizeof(real))) print_shape("other bits with other threads (folded)", &s);
        free(prepared);
    }
    R(sums) want = R(plain_loops)(&s, x, weight, bias, y);
    for (isize i = 0; i < n_y; i++) {
        const isize o = i % s.c_out;
        const double scale = (double)gamma[o] / sqrt((double)variance[o] + 1e-3);
        want.y[i] = (want.y[i] - (double)mean[o]) * scale + (double)beta[o] + (double)skip[i];
        want.y_size[i] = (want.y_size[i] + fabs((double)mean[o])) * fabs(scale) + fabs((double)beta[o]) + fabs((double)skip[i]);
        if (relu && !(want.y[i] > 0)) want.y[i] = 0;
    }
    R(compare)("folded y", &s, again, want.y, want.y_size, n_y, 8 + sqrt((double)n_w), winograd);
    free(want.y); free(want.dx); free(want.dweight); free(want.dbias); free(want.y_size); free(want.dx_size); free(want.dweight_size); free(want.dbias_size);
    free(x); free(weight); free(bias); free(y); free(again); free(skip); free(gamma); free(beta); free(mean); free(variance); free(first);
}

/* winograd: its form is allowed, or that with tiles of 2x2 or 4x4 results is wanted. */
static void R(check)(pydl_conv2d s, int with_bias, int relu, int winograd)
{
    const isize n_y = s.n * s.h_out * s.w_out * s.c_out, n_x = s.n * s.h * s.w * s.c_in, n_w = s.kh * s.kw * (s.c_in / s.groups) * s.c_out;
    real *x = R(filled)(n_x), *weight = R(filled)(n_w), *bias = R(filled)(s.c_out), *dy = R(filled)(n_y);
    real *y = R(filled)(n_y), *dx = R(filled)(n_x), *dweight = R(filled)(n_w), *dbias = R(filled)(s.c_out), *positive = R(filled)(n_y), *kept = R(filled)(n_y);
    for (isize i = 0; i < n_y; i++) kept[i] = relu && !(positive[i] > 0) ? 0 : dy[i];
    R(sums) want = R(plain_loops)(&s, x, weight, with_bias ? bias : NULL, kept);
    if (relu) for (isize i = 0; i < n_y; i++) want.y[i] = want.y[i] > 0 ? want.y[i] : 0;
    real *first[4] = { NULL };
    for (int threads = 1; threads <= 3; threads++) {
        FN(conv2d_forward_args) f = { .x = x, .weight = weight, .bias = with_bias ? bias : NULL, .s = s, .relu = relu, .winograd = winograd, .y = y };
        R(run)(FN(conv2d_forward), FN(conv2d_forward_scratch), &f, threads);
        FN(conv2d_backward_input_args) g = { .dy = dy, .relu_y = relu ? positive : NULL, .weight = weight, .s = s, .winograd = winograd, .dx = dx };
        R(run)(FN(conv2d_backward_input), FN(conv2d_backward_input_scratch), &g, threads);
        FN(conv2d_backward_weight_args) h = { .x = x, .dy = dy, .relu_y = relu ? positive : NULL, .s = s, .winograd = winograd, .dweight = dweight, .dbias = with_bias ? dbias : NULL };
        R(run)(FN(conv2d_backward_weight), FN(conv2d_backward_weight_scratch), &h, threads);
        real *const results[4] = { y, dx, dweight, dbias };
        const isize counts[4] = { n_y, n_x, n_w, with_bias ? s.c_out : 0 };
        for (int k = 0; k < 4; k++) {
            const size_t bytes = (size_t)counts[k] * sizeof(real);
            if (threads == 1) memcpy(first[k] = malloc(bytes + 1), results[k], bytes);
            else if (memcmp(first[k], results[k], bytes)) print_shape("other bits with other threads", &s);
        }
    }
    R(compare)("y", &s, y, want.y, want.y_size, n_y, 8 + sqrt((double)n_w), winograd);
    R(compare)("dx", &s, dx, want.dx, want.dx_size, n_x, 8 + sqrt((double)n_w), winograd);
    R(compare)("dweight", &s, dweight, want.dweight, want.dweight_size, n_w, 8 + sqrt((double)n_y), winograd);
    if (with_bias) R(compare)("dbias", &s, dbias, want.dbias, want.dbias_size, s.c_out, 8 + sqrt((double)n_y), winograd);
    for (int k = 0; k < 4; k++) free(first[k]);
    R(check_prepared)(s, relu, winograd);
    free(want.y); free(want.dx); free(want.dweight); free(want.dbias); free(want.y_size); free(want.dx_size); free(want.dweight_size); free(want.dbias_size);
    free(x); free(weight); free(bias); free(dy); free(y); free(dx); free(dweight); free(dbias); free(positive); free(kept);
}

/* im2col, then a plain product, is the convolution; col2im is its adjoint. */
static void R(check_im2col)(pydl_conv2d s)
{
    s.groups = 1;
    const isize rows = s.n * s.h_out * s.w_out, window = s.kh * s.kw * s.c_in, n_x = s.n * s.h * s.w * s.c_in, n_w = window * s.c_out;
    real *x = R(filled)(n_x), *weight = R(filled)(n_w), *cols = R(filled)(rows * window), *other = R(filled)(rows * window), *back = R(filled)(n_x);
    real *y = R(filled)(rows * s.c_out);
    const pydl_blas none = { 0 };
    const pydl_ctx ctx = { .threads = 2, .blas = &none };
    const FN(im2col_args) f = { .x = x, .s = s, .cols = cols };
    const FN(col2im_args) g = { .cols = other, .s = s, .x = back };
    if (FN(im2col)(&ctx, &f) != PYDL_OK || FN(col2im)(&ctx, &g) != PYDL_OK) failures++;
    R(sums) want = R(plain_loops)(&s, x, weight, NULL, y);
    for (isize i = 0; i < rows; i++)
        for (isize o = 0; o < s.c_out; o++) {
            double sum = 0;
            for (isize k = 0; k < window; k++) sum += (double)cols[i * window + k] * (double)weight[k * s.c_out + o];
            y[i * s.c_out + o] = (real)sum;
        }
    R(compare)("im2col", &s, y, want.y, want.y_size, rows * s.c_out, 4, 0);
    double left = 0, right = 0, size = 0;
    for (isize i = 0; i < rows * window; i++) { left += (double)cols[i] * (double)other[i]; size += fabs((double)cols[i] * (double)other[i]); }
    for (isize i = 0; i < n_x; i++) right += (double)x[i] * (double)back[i];
    if (!(fabs(left - right) <= 50 * EPSILON * (size + 1))) print_shape("col2im is not the adjoint", &s);
    free(want.y); free(want.dx); free(want.dweight); free(want.dbias); free(want.y_size); free(want.dx_size); free(want.dweight_size); free(want.dbias_size);
    free(x); free(weight); free(cols); free(other); free(back); free(y);
}

static void R(check_all)(void)
{
    for (int i = 0; i < 240; i++) {
        const isize multiplier = random_size(1, 3);
        pydl_conv2d s = { .n = i % 40 == 0 ? 0 : random_size(1, 4), .h = random_size(1, 14), .w = random_size(1, 14), .kh = random_size(1, 5), .kw = random_size(1, 5),
                          .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1 };
        if (i % 3 == 0) { s.stride_h = random_size(1, 3); s.stride_w = random_size(1, 3); s.dilation_h = random_size(1, 3); s.dilation_w = random_size(1, 3); }
        if (i % 4 == 1) { s.c_in = s.groups = random_size(2, 20); s.c_out = s.c_in * multiplier; }                  /* depthwise */
        else if (i % 4 == 2) { s.groups = random_size(2, 3); s.c_in = s.groups * random_size(2, 9); s.c_out = s.groups * random_size(1, 12); }
        else { s.c_in = random_size(1, 20); s.c_out = random_size(1, 40); }
        isize below = 0, right = 0;
        if (i % 5) { s.pad_top = random_size(0, 3); s.pad_left = random_size(0, 3); below = random_size(0, 3); right = random_size(0, 3); }
        const isize rows = s.h + s.pad_top + below - (s.kh - 1) * s.dilation_h - 1, cols = s.w + s.pad_left + right - (s.kw - 1) * s.dilation_w - 1;
        s.h_out = rows < 0 ? 0 : rows / s.stride_h + 1;                                                             /* a window that does not fit: nothing comes out */
        s.w_out = cols < 0 ? 0 : cols / s.stride_w + 1;
        R(check)(s, i % 2, i % 3 == 1, 0);
        if (i % 6 == 0) R(check_im2col)(s);
    }
    /* depthwise by lines and not: windows, strides, rows longer and shorter than a block of neighbours, channels in vectors and not */
    for (isize k = 1; k <= 6; k++)
        for (isize stride = 1; stride <= 3; stride++)
            for (isize w = k; w <= 4 * k + 8; w += 2 * k + 3) {
                const isize c = 11 + 7 * k, h = k + 3, pad = k / 2, rows = (h + 2 * pad - k) / stride + 1, cols = (w + 2 * pad - k) / stride + 1;
                R(check)((pydl_conv2d){ 2, h, w, c, k, k, c, c, stride, stride, 1, 1, pad, pad, rows, cols }, (int)(k % 2), stride != 2, 0);
            }
    /* more than one block of columns, of window places, of pixels; bands of rows; several small images a task */
    R(check)((pydl_conv2d){ 2, 5, 6, 80, 3, 3, 70, 1, 1, 1, 1, 1, 1, 1, 5, 6 }, 1, 1, 0);
    R(check)((pydl_conv2d){ 1, 40, 37, 3, 3, 3, 9, 1, 1, 1, 1, 1, 1, 1, 40, 37 }, 1, 1, 0);
    R(check)((pydl_conv2d){ 37, 2, 3, 8, 3, 3, 16, 1, 1, 1, 1, 1, 1, 1, 2, 3 }, 1, 0, 0);
    R(check)((pydl_conv2d){ 1, 50, 50, 2, 7, 7, 5, 1, 2, 2, 1, 1, 2, 2, 25, 25 }, 0, 1, 0);
    for (int relu = 0; relu < 2; relu++) R(check)((pydl_conv2d){ 2, 3, 4, 250, 1, 1, 270, 1, 1, 1, 1, 1, 0, 0, 3, 4 }, 1, relu, 0);      /* by dense.c, and not */
    /* blocks of columns that pixels meet one after the other, and a part of one behind them */
    for (int relu = 0; relu < 2; relu++) R(check)((pydl_conv2d){ 2, 5, 6, 20, 1, 2, relu ? 389 : 384, 1, 1, 1, 1, 1, 0, 0, 5, 5 }, 1, relu, 0);
    /* Winograd's form, chosen and of either tile: tiles that fit and that do not, padding on some sides, more blocks of tiles and of columns than one,
       idle channels, images smaller than a tile, no image */
    const int forms[3] = { 1, 2, 4 };
    for (int f = 0; f < (REAL_IS_FLOAT ? 3 : 1); f++) {              /* float64 has none */
        for (isize h = 5; h <= 9; h++)
            for (isize pad = 0; pad <= 2; pad++)
                R(check)((pydl_conv2d){ 16, h, h + 4, 16 + h, 3, 3, 15 + 2 * h - pad, 1, 1, 1, 1, 1, pad, 2 - pad, h - 1 + pad, h + 2 }, (int)(h % 2), pad == 1, forms[f]);
        for (isize h = 1; h <= 4; h++)
            R(check)((pydl_conv2d){ 1 + 2 * (h % 2), h, 5 - h, 16 + h, 3, 3, 20 - h, 1, 1, 1, 1, 1, 1, 1, h, 5 - h }, (int)(h % 2), h == 2, forms[f]);
        R(check)((pydl_conv2d){ 2, 41, 38, 16, 3, 3, 16, 1, 1, 1, 1, 1, 1, 1, 41, 38 }, 1, 1, forms[f]);
        R(check)((pydl_conv2d){ 3, 12, 12, 70, 3, 3, 65, 1, 1, 1, 1, 1, 1, 1, 12, 12 }, 1, 0, forms[f]);
        R(check)((pydl_conv2d){ 0, 4, 4, 16, 3, 3, 16, 1, 1, 1, 1, 1, 1, 1, 4, 4 }, 1, 0, forms[f]);
        R(check)((pydl_conv2d){ 2, 2, 2, 16, 3, 3, 16, 1, 1, 1, 1, 1, 0, 0, 0, 0 }, 1, 0, forms[f]);
    }
    /* the same with windows of 4x4 and 5x5, and with strides: padding that the stride divides and that it does not, channels in vectors and not */
    const isize turned[][4] = { { 4, 1, 9, 33 }, { 5, 1, 24, 40 }, { 5, 1, 8, 32 }, { 7, 2, 3, 64 }, { 8, 2, 2, 35 }, { 5, 2, 5, 40 }, { 6, 2, 8, 32 },
                                { 9, 3, 2, 32 }, { 11, 4, 1, 32 }, { 13, 4, 3, 50 } };
    for (int i = 0; i < (int)(sizeof turned / sizeof *turned); i++)
        for (isize pad = 0; pad <= 3; pad++) {
            const isize k = turned[i][0], stride = turned[i][1], h = k + 5 * pad, w = 2 * k + 1;
            const isize rows = (h + pad - k) / stride + 1, cols = (w + pad + 1 - k) / stride + 1;           /* padding above; left of the image and right */
            const pydl_conv2d s = { 1 + pad, h, w, turned[i][2], k, k, turned[i][3], 1, stride, stride, 1, 1, pad, pad, rows, cols };
            R(check)(s, (int)(pad % 2), pad > 1, i % 3 ? 4 : 1);
        }
    R(check)((pydl_conv2d){ 9, 12, 11, 8, 5, 5, 33, 1, 1, 1, 1, 1, 0, 0, 8, 7 }, 1, 0, 4);               /* dx by tiles that are spread */
    R(check)((pydl_conv2d){ 8, 9, 10, 43, 4, 4, 20, 1, 1, 1, 1, 1, 1, 0, 8, 7 }, 1, 1, 4);
    R(check)((pydl_conv2d){ 1, 10, 11, 100, 5, 5, 300, 1, 1, 1, 1, 1, 2, 2, 10, 11 }, 1, 1, 4);          /* weights and sums that leave L2 */
    R(check)((pydl_conv2d){ 2, 10, 10, 64, 5, 5, 256, 1, 2, 2, 1, 1, 1, 2, 5, 5 }, 1, 1, 4);
}
#undef R
#undef EPSILON
#endif
