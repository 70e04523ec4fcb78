/* Depthwise convolution: groups == c_in, so output channel o sees only input channel o / multiplier.  Lanes over channels. */
#ifndef real
#ifndef PYDL_CONV_DEPTHWISE_H
#define PYDL_CONV_DEPTHWISE_H
#include "conv.h"
#define EACH_REAL "conv_depthwise.h"
#include "each_real.h"
#endif
#else

void FN(depthwise_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
isize FN(depthwise_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
void FN(depthwise_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);
isize FN(depthwise_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);
void FN(depthwise_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);
isize FN(depthwise_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);

#endif
