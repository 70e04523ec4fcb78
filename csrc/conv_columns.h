/* Backward by the input for few input channels: the classic product and col2im, a row of the window and a few rows of dy at a time. */
#ifndef real
#ifndef PYDL_CONV_COLUMNS_H
#define PYDL_CONV_COLUMNS_H
#include "conv.h"
#define EACH_REAL "conv_columns.h"
#include "each_real.h"
#endif
#else

void FN(columns_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);
isize FN(columns_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);

#endif
