/* A convolution with few results a pixel, and the maxima over 2x2 windows of it.  Same arguments as the kernel of conv_pool.h. */
#ifndef real
#ifndef PYDL_CONV_PIXELS_H
#define PYDL_CONV_PIXELS_H
#include "conv_pool.h"
/* Results a pixel may have: the positions of their maxima are packed into 64 bits. */
#define PIXELS_MOST 8
#define EACH_REAL "conv_pixels.h"
#include "each_real.h"
#endif
#else

/* Whether this shape is one for the two functions below. */
int FN(pixels_fit)(const pydl_conv2d *s, const pydl_pool2d *g);
void FN(pixels_forward)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a);
isize FN(pixels_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_max_pool_forward_args) *a);

#endif
