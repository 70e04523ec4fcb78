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
/* For few output channels, conv_weight_rows.c: whether this shape is one for it. */
int FN(weight_rows_fit)(const pydl_conv2d *s);
void FN(rows_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);
isize FN(rows_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a);

#endif
