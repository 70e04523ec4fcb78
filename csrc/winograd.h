/* Winograd's form of a 3x3 convolution with stride 1, for groups == 1, dilation 1, 16 channels or more on both sides, and float32 only.
   tile: F(4x4, 3x3) has 36 multiplications where the direct sum has 144, F(2x2, 3x3) 16 where it has 36.

   Rounding errors, of an element of y, dx or dweight, by e = 2^-23 * (the sum of its absolute terms + the largest such sum): at most 11 e for tiles of 4x4,
   1.1 e for 2x2 in the tests, which allow 16 and 2.  Against the direct sum's, by root mean square, normal numbers, 16 to 512 channels: y and dx 3 to 5 times
   with 4x4, 0.6 to 0.8 times with 2x2; dweight 4 to 15 times with 4x4, 1 to 4 times with 2x2. */
#ifndef real
#ifndef PYDL_WINOGRAD_H
#define PYDL_WINOGRAD_H
#include "conv.h"
#define EACH_REAL "winograd.h"
#include "each_real.h"
#endif
#else

void FN(winograd_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize tile);
isize FN(winograd_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize tile);
isize FN(winograd_prepared_size)(const pydl_conv2d *s, isize tile);
void FN(winograd_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, isize tile, const real *weight, const real *bias, real *prepared);
void FN(winograd_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize tile);
isize FN(winograd_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize tile);
void FN(winograd_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize tile);
isize FN(winograd_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize tile);

#endif
