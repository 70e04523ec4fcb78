/* Convolution to a few channels, the lanes along the image: forward and backward by the input.  Same arguments as the kernels of conv.h. */
#ifndef real
#ifndef PYDL_CONV_PLANES_H
#define PYDL_CONV_PLANES_H
#include "conv.h"
#define EACH_REAL "conv_planes.h"
#include "each_real.h"
#endif
#else

/* Whether this shape is one for the functions below. */
int FN(planes_fit)(const pydl_conv2d *s, int backward_input);
/* prepared is what direct_prepare makes. */
void FN(planes_forward)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
isize FN(planes_forward_scratch)(const pydl_ctx *ctx, const FN(conv2d_forward_args) *a);
void FN(planes_backward_input)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);
isize FN(planes_backward_input_scratch)(const pydl_ctx *ctx, const FN(conv2d_backward_input_args) *a);

#endif
