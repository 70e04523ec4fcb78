/* Winograd's form of a 3x3 convolution with stride 1, F(4x4, 3x3): 36 multiplications where the direct sum has 144.  For groups == 1, dilation 1. */
#ifndef real
#ifndef PYDL_WINOGRAD_H
#define PYDL_WINOGRAD_H
#include "conv.h"
#define EACH_REAL "winograd.h"
#include "each_real.h"
#endif
#else

void FN(winograd_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
isize FN(winograd_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
isize FN(winograd_prepared_size)(const pydl_conv2d *s);
void FN(winograd_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, const real *weight, const real *bias, real *prepared);
void FN(winograd_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);
isize FN(winograd_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);
void FN(winograd_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);
isize FN(winograd_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);

#endif
