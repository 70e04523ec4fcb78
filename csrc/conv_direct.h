/* Convolution as a sum over window places, straight from the image: forward and backward by the input.  Same arguments as the kernels of conv.h. */
#ifndef real
#ifndef PYDL_CONV_DIRECT_H
#define PYDL_CONV_DIRECT_H
#include "conv.h"
#include "conv_pool.h"
#define EACH_REAL "conv_direct.h"
#include "each_real.h"
#endif
#else

isize FN(direct_prepared_size)(const pydl_conv2d *s);
void FN(direct_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, const real *weight, const real *bias, real *prepared);
void FN(direct_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
isize FN(direct_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
void FN(direct_pooled_forward)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a);
isize FN(direct_pooled_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a);
int FN(direct_backward_input_lines)(const pydl_conv2d *s);            /* whether that of so few channels is best made here */
void FN(direct_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);
isize FN(direct_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);

#endif
