/* The gradients by weight and bias.  Same arguments as the kernel of conv.h. */
#ifndef real
#ifndef PYDL_CONV_WEIGHT_H
#define PYDL_CONV_WEIGHT_H
#include "conv.h"
#define EACH_REAL "conv_weight.h"
#include "each_real.h"
#endif
#else

void FN(direct_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);
isize FN(direct_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);

#endif
