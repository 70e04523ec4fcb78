/* The gradients of a convolution whose result went into maxima of windows.  Same arguments as the kernel of conv_pool.h. */
#ifndef real
#ifndef PYDL_CONV_MAXIMA_H
#define PYDL_CONV_MAXIMA_H
#include "conv_pool.h"
#define EACH_REAL "conv_maxima.h"
#include "each_real.h"
#endif
#else

/* Whether this shape is one for the two functions below. */
int FN(maxima_fit)(const pydl_conv2d *s, const pydl_pool2d *g);
void FN(maxima_backward)(const pydl_ctx *ctx, const FN(conv2d_max_pool_backward_args) *a);
isize FN(maxima_backward_scratch)(const pydl_ctx *ctx, const FN(conv2d_max_pool_backward_args) *a);

#endif
