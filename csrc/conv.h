/* Convolution of images.  x: (n, h, w, c_in).  weight: (kh, kw, c_in / groups, c_out).  bias: (c_out,).  y: (n, h_out, w_out, c_out).

   y[b, i, j, o] = bias[o] + sum over p, q, c of x[b, i * stride_h + p * dilation_h - pad_top, j * stride_w + q * dilation_w - pad_left, g * c_in / groups + c]
                                                 * weight[p, q, c, o],      g = o / (c_out / groups);   outside of the image x is 0.

   Rows and columns after the image need no number of their own: h_out and w_out say how far the windows go.
   Every sum is cut by the shape alone, so any number of threads gives the same bits. */
#ifndef real
#ifndef PYDL_CONV_H
#define PYDL_CONV_H
#include "pydl.h"

typedef struct {
    isize n; isize h; isize w; isize c_in;
    isize kh; isize kw; isize c_out; isize groups;      /* groups divides c_in and c_out */
    isize stride_h; isize stride_w; isize dilation_h; isize dilation_w; isize pad_top; isize pad_left;
    isize h_out; isize w_out;
} pydl_conv2d;

#define EACH_REAL "conv.h"
#include "each_real.h"
#endif
#else

/* y as above, + skip, then max(y, 0) if relu.  bias and skip (like y) may be NULL.  Overwrites y, which may be skip.
   winograd: 0 never uses Winograd's form, 1 does where it is faster (float32, one group; which windows and strides: conv.c), 2 or 4 wherever it can be, with
   tiles of 2x2 (3x3 only) or 4x4 results (of as many pixels for other windows); its rounding errors: winograd.h.
   prepared: what conv2d_prepare made for the same s and winograd, instead of weight and bias, which are not looked at then; or NULL. */
typedef struct {
    void *scratch;
    const real *x; const real *weight; const real *bias; pydl_conv2d s; isize relu; isize winograd; const real *prepared; const real *skip;
    real *y;
} FN(conv2d_forward_args);
pydl_status FN(conv2d_forward)(const pydl_ctx *ctx, const void *args);
isize FN(conv2d_forward_scratch)(const pydl_ctx *ctx, const void *args);
/* Whether conv_direct.c computes this one: what is fused with it asks. */
int FN(conv2d_forward_is_direct)(const pydl_conv2d *s, isize winograd);
/* Which of Winograd's forms this one gets, 2 or 4, 0 if it gets another: as `winograd`, it gives a part of the images the same form. */
isize FN(conv2d_forward_form)(const pydl_conv2d *s, isize winograd);

/* Weight and bias in the form in which conv2d_forward uses them, for steps that do not change them: packed, or turned into Winograd's planes.
   With variance (c_out,) a batch normalisation behind the convolution is folded in: scale = gamma / sqrt(variance + epsilon),
   weight[.., o] * scale[o] and (bias[o] - mean[o]) * scale[o] + beta[o], in double.  bias, gamma, beta, variance may be NULL.
   prepared: conv2d_prepared_size reals, overwritten.  Not for depthwise convolutions (groups == c_in > 1). */
typedef struct {
    void *scratch;
    const real *weight; const real *bias; const real *gamma; const real *beta; const real *mean; const real *variance; double epsilon;
    pydl_conv2d s; isize winograd;
    real *prepared;
} FN(conv2d_prepare_args);
pydl_status FN(conv2d_prepare)(const pydl_ctx *ctx, const void *args);
isize FN(conv2d_prepare_scratch)(const pydl_ctx *ctx, const void *args);
typedef struct { pydl_conv2d s; isize winograd; isize *size; } FN(conv2d_prepared_size_args);
pydl_status FN(conv2d_prepared_size)(const pydl_ctx *ctx, const void *args);

/* dx = the gradient by x for dy, the gradient by y.  Overwrites dx.
   relu_y is y of a forward call with relu, and dy counts as 0 where y is 0; NULL without relu. */
typedef struct {
    void *scratch;
    const real *dy; const real *relu_y; const real *weight; pydl_conv2d s; isize winograd;
    real *dx;
} FN(conv2d_backward_input_args);
pydl_status FN(conv2d_backward_input)(const pydl_ctx *ctx, const void *args);
isize FN(conv2d_backward_input_scratch)(const pydl_ctx *ctx, const void *args);

/* dweight = the gradient by weight, dbias = the sum of dy over all pixels (added up in double); dbias may be NULL.  Overwrites both.
   relu_y as above. */
typedef struct {
    void *scratch;
    const real *x; const real *dy; const real *relu_y; pydl_conv2d s; isize winograd;
    real *dweight; real *dbias;
} FN(conv2d_backward_weight_args);
pydl_status FN(conv2d_backward_weight)(const pydl_ctx *ctx, const void *args);
isize FN(conv2d_backward_weight_scratch)(const pydl_ctx *ctx, const void *args);

/* The classic form, for comparison and teaching: a convolution is im2col(x) times weight seen as a matrix.
   cols[(b, i, j), (p, q, c)] = x[b, i * stride_h + p * dilation_h - pad_top, j * stride_w + q * dilation_w - pad_left, c], 0 outside of the image.
   x: (n, h, w, c_in).  cols: (n * h_out * w_out, kh * kw * c_in).  s.c_out and s.groups are not looked at.  Overwrites cols. */
typedef struct { const real *x; pydl_conv2d s; real *cols; } FN(im2col_args);
pydl_status FN(im2col)(const pydl_ctx *ctx, const void *args);

/* The adjoint of im2col: every element of cols is added to the pixel it came from.  Overwrites x. */
typedef struct { const real *cols; pydl_conv2d s; real *x; } FN(col2im_args);
pydl_status FN(col2im)(const pydl_ctx *ctx, const void *args);

#endif
