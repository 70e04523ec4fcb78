/* Winograd's form of a convolution, for groups == 1, dilation 1, equal strides, square windows and float32 only.   side: the pixels a side that a tile
   reads, of which it makes side + 1 - window results a side.   F(4x4, 3x3), side 6, has 36 multiplications where the direct sum has 144; F(3x3, 4x4) as
   many for 144, F(2x2, 5x5) for 100; F(2x2, 3x3), side 4, has 16 for 36.
   A convolution with stride 2 is one with stride 1 of the pixels in groups of 2x2, each a pixel of four times the channels, and a window of half the size: 7x7
   becomes 4x4, 5x5 3x3.   So with any stride, forward and by the weight; by the input, only with stride 1.   A window of 2x2 is not turned: 3x3 with stride 2
   would be 0.3 to 1.2 times as fast by F(5x5, 2x2), and less exact.

   Rounding errors, of an element of y, dx or dweight, by e = 2^-23 * (the sum of its absolute terms + the largest such sum): at most 11 e with side 6, but
   19 e for dweight of 5x5, and 1.1 e with side 4 in the tests, which allow 16, 28 and 2.  Against the direct sum's, by root mean square, normal numbers, 16 to
   512 channels, 3x3: y and dx 3 to 5 times with side 6, 0.6 to 0.8 times with side 4; dweight 4 to 15 times with side 6, 1 to 4 times with side 4. */
#ifndef real
#ifndef PYDL_WINOGRAD_H
#define PYDL_WINOGRAD_H
#include "conv.h"
#include "internal.h"

/* Places a side of the window of a convolution with stride 1 of the pixels in groups of stride x stride; the first group begins outside of the image where the
   stride does not divide the padding. */
static inline isize winograd_places(isize k, isize pad, isize stride) { return ceil_div(ceil_div(pad, stride) * stride - pad + k, stride); }
static inline isize winograd_window(const pydl_conv2d *s)
{
    return max_isize(winograd_places(s->kh, s->pad_top, s->stride_h), winograd_places(s->kw, s->pad_left, s->stride_w));
}

/* Whether dx is made of the forward tiles, spread, instead of its own: where these are many more, and images enough to share, each of which is one thread's.
   64x14x14x8 of 5x5 to 16, not padded: 25 tiles instead of 49. */
static inline int winograd_spreads(const pydl_conv2d *s, isize tile)
{
    const isize spread = ceil_div(s->h_out, tile) * ceil_div(s->w_out, tile), own = ceil_div(s->h, tile) * ceil_div(s->w, tile);
    return 5 * spread <= 4 * own && s->n >= 8 && s->c_in * s->c_out <= 16384;
}

#define EACH_REAL "winograd.h"
#include "each_real.h"
#endif
#else

void FN(winograd_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize side);
isize FN(winograd_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a, isize side);
isize FN(winograd_prepared_size)(const pydl_conv2d *s, isize side);
void FN(winograd_prepare)(const pydl_ctx *ctx, const pydl_conv2d *s, isize side, const real *weight, const real *bias, real *prepared);
void FN(winograd_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize side);
isize FN(winograd_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a, isize side);
void FN(winograd_backward_weight)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize side);
isize FN(winograd_backward_weight_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_weight_args) *a, isize side);

#endif
