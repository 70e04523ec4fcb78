"""Boundary of the convolution kernels."""
from libc.string cimport memset

from pydl.kernels._common cimport Array, Prepared, aside, expect, isize, kernel, launch, prepare, ptr, pydl_kernel_row

cdef extern from "conv.h":
    ctypedef struct pydl_conv2d:
        isize n
        isize h
        isize w
        isize c_in
        isize kh
        isize kw
        isize c_out
        isize groups
        isize stride_h
        isize stride_w
        isize dilation_h
        isize dilation_w
        isize pad_top
        isize pad_left
        isize h_out
        isize w_out
    ctypedef struct pydl_conv2d_forward_args_f32:
        const float *x
        const float *weight
        const float *bias
        pydl_conv2d s
        isize relu
        isize winograd
        const float *prepared
        const float *skip
        float *y
    ctypedef struct pydl_conv2d_prepare_args_f32:
        const float *weight
        const float *bias
        const float *gamma
        const float *beta
        const float *mean
        const float *variance
        double epsilon
        pydl_conv2d s
        isize winograd
        float *prepared
    ctypedef struct pydl_conv2d_prepared_size_args_f32:
        pydl_conv2d s
        isize winograd
        isize *size
    ctypedef struct pydl_conv2d_backward_input_args_f32:
        const float *dy
        const float *relu_y
        const float *weight
        pydl_conv2d s
        isize winograd
        float *dx
    ctypedef struct pydl_conv2d_backward_weight_args_f32:
        const float *x
        const float *dy
        const float *relu_y
        pydl_conv2d s
        isize winograd
        float *dweight
        float *dbias
    ctypedef struct pydl_im2col_args_f32:
        const float *x
        pydl_conv2d s
        float *cols
    ctypedef struct pydl_col2im_args_f32:
        const float *cols
        pydl_conv2d s
        float *x

cdef const pydl_kernel_row *CONV2D_FORWARD = kernel("conv2d_forward")
cdef const pydl_kernel_row *CONV2D_PREPARE = kernel("conv2d_prepare")
cdef const pydl_kernel_row *CONV2D_PREPARED_SIZE = kernel("conv2d_prepared_size")
cdef const pydl_kernel_row *CONV2D_BACKWARD_INPUT = kernel("conv2d_backward_input")
cdef const pydl_kernel_row *CONV2D_BACKWARD_WEIGHT = kernel("conv2d_backward_weight")
cdef const pydl_kernel_row *IM2COL = kernel("im2col")
cdef const pydl_kernel_row *COL2IM = kernel("col2im")


cdef int window(str who, pydl_conv2d *s, tuple x, tuple y, isize kh, isize kw, tuple strides, tuple dilation, tuple pad) except -1:
    """The sizes that every kernel here has: x (n, h, w, c), y (n, h_out, w_out, c); pad is (top, left)."""
    if len(x) != 4 or len(y) != 4:
        raise ValueError(f"{who}: images must have 4 axes, got shapes {x} and {y}")
    if x[0] != y[0]:
        raise ValueError(f"{who}: batch sizes differ, shapes {x} and {y}")
    memset(s, 0, sizeof(s[0]))
    s.n, s.h, s.w, s.c_in = x
    _, s.h_out, s.w_out, s.c_out = y
    s.kh, s.kw, s.groups = kh, kw, 1
    s.stride_h, s.stride_w = strides
    s.dilation_h, s.dilation_w = dilation
    s.pad_top, s.pad_left = pad
    if kh < 1 or kw < 1 or s.stride_h < 1 or s.stride_w < 1 or s.dilation_h < 1 or s.dilation_w < 1 or s.pad_top < 0 or s.pad_left < 0:
        raise ValueError(f"{who}: window {(kh, kw)}, strides {strides} and dilation {dilation} must be positive, padding {pad} not negative")
    if s.h_out < 0 or s.w_out < 0:
        raise ValueError(f"{who}: the numbers of windows {y[1:3]} must not be negative")
    rows = max(x[1], (y[1] + 1) * strides[0] + kh * dilation[0]) + pad[0]        # Python integers: they do not overflow
    columns = max(x[2], (y[2] + 1) * strides[1] + kw * dilation[1]) + pad[1]
    if max(x[0], 1) * rows * columns * max(x[3], y[3], 1) * kh * kw >= 1 << 58:
        raise ValueError(f"{who}: images of shape {x} with window {(kh, kw)}, strides {strides}, dilation {dilation}, padding {pad} are too large")
    return 0


cdef int convolution(str who, pydl_conv2d *s, Array x, Array weight, tuple strides, tuple dilation, tuple pad, isize groups, Array y) except -1:
    if weight.ndim != 4:
        raise ValueError(f"{who}: weight must have 4 axes, got shape {weight.shape}")
    window(who, s, x.shape, y.shape, weight.shape[0], weight.shape[1], strides, dilation, pad)
    if groups < 1 or s.c_in < 1 or s.c_out < 1 or s.c_in % groups or s.c_out % groups:
        raise ValueError(f"{who}: {groups} groups must divide {s.c_in} and {s.c_out} channels")
    s.groups = groups
    expect(who, "weight", weight, x.code, (s.kh, s.kw, s.c_in // groups, s.c_out))
    expect(who, "y", y, x.code, y.shape)
    return 0


cdef double work(pydl_conv2d *s):
    return 2.0 * s.n * s.h_out * s.w_out * s.kh * s.kw * (s.c_in // s.groups) * s.c_out


cdef const float *of_channels(str name, Array a, Array weight, isize c_out, list sources) except? NULL:
    """The pointer of an array of a number for each result, NULL for None; it is one more that the prepared weights depend on."""
    if a is None:
        return NULL
    expect("conv2d_forward", name, a, weight.code, (c_out,))
    if not a.weight:
        raise ValueError(f"conv2d_forward: {name} must be a Parameter's, whose changes are counted")
    sources.append(a)
    return <const float *>ptr(a)


cdef Prepared kept_weights(pydl_conv2d *s, Array weight, Array bias, tuple norm, isize winograd):
    """The weights in the kernel's form; one for each form, whatever the size of the image."""
    cdef pydl_conv2d_prepare_args_f32 a
    cdef pydl_conv2d_prepared_size_args_f32 ask
    cdef isize size = 0
    cdef list sources = []
    if not weight.weight:
        raise ValueError("conv2d_forward: weight must be a Parameter's, whose changes are counted")
    memset(&a, 0, sizeof(a))
    a.s = s[0]; a.winograd = winograd; a.weight = <const float *>ptr(weight)
    a.bias = of_channels("bias", bias, weight, s.c_out, sources)
    if norm is not None:
        a.gamma = of_channels("gamma", norm[0], weight, s.c_out, sources); a.beta = of_channels("beta", norm[1], weight, s.c_out, sources)
        a.mean = of_channels("mean", norm[2], weight, s.c_out, sources); a.variance = of_channels("variance", norm[3], weight, s.c_out, sources)
        a.epsilon = norm[4]
        if a.mean == NULL or a.variance == NULL:
            raise ValueError("conv2d_forward: a normalisation has a mean and a variance")
    ask.s = s[0]; ask.winograd = winograd; ask.size = &size
    aside(CONV2D_PREPARED_SIZE, weight, &ask)
    # the form is known by its size: 36 planes, 16 planes and 9 packed places never have the same
    return prepare(weight, ("conv2d", size, s.groups, s.kh, s.kw, tuple([id(source) for source in sources]), a.epsilon), CONV2D_PREPARE, &a, sizeof(a), size,
                   <char *>&a.prepared - <char *>&a, tuple(sources))


def conv2d_forward(Array x not None, Array weight not None, Array bias, tuple strides, tuple dilation, tuple pad, isize groups,
                   bint relu, isize winograd, Array y not None, bint keep=False, tuple norm=None, Array skip=None):
    """y = x convolved with weight, + bias, + skip, max(., 0) if relu.   pad: (top, left); y's shape says how far the windows go; y may be skip, not x.

    keep: weight is a Parameter's; what is made of it is kept until it changes.  norm: (gamma, beta, mean, variance, epsilon) of a batch
    normalisation to fold into what is kept, all of them Parameters'; gamma and beta may be None.
    """
    cdef pydl_conv2d_forward_args_f32 a
    memset(&a, 0, sizeof(a))
    convolution("conv2d_forward", &a.s, x, weight, strides, dilation, pad, groups, y)
    if a.s.groups == a.s.c_in and a.s.groups > 1:
        if norm is not None or skip is not None:
            raise ValueError("conv2d_forward: a depthwise convolution folds nothing")
        keep = False
    if norm is not None and not keep:
        raise ValueError("conv2d_forward: a normalisation is folded into weights that are kept")
    if keep:
        a.prepared = <const float *>ptr(kept_weights(&a.s, weight, bias, norm, winograd).array)
    else:
        a.weight = <const float *>ptr(weight)
        if bias is not None:
            expect("conv2d_forward", "bias", bias, x.code, (a.s.c_out,))
            a.bias = <const float *>ptr(bias)
    if skip is not None:
        expect("conv2d_forward", "skip", skip, x.code, y.shape)
        a.skip = <const float *>ptr(skip)
    a.x = <const float *>ptr(x); a.relu = relu; a.winograd = winograd; a.y = <float *>ptr(y)
    launch(CONV2D_FORWARD, x, &a, sizeof(a), y, work(&a.s), x.nbytes + weight.nbytes + y.nbytes)


def conv2d_backward_input(Array dy not None, Array relu_y, Array weight not None, tuple strides, tuple dilation, tuple pad, isize groups,
                          isize winograd, Array dx not None):
    """dx = the gradient by x.   relu_y: y of a forward call with relu, or None."""
    cdef pydl_conv2d_backward_input_args_f32 a
    memset(&a, 0, sizeof(a))
    convolution("conv2d_backward_input", &a.s, dx, weight, strides, dilation, pad, groups, dy)
    if relu_y is not None:
        expect("conv2d_backward_input", "relu_y", relu_y, dy.code, dy.shape)
        a.relu_y = <const float *>ptr(relu_y)
    a.dy = <const float *>ptr(dy); a.weight = <const float *>ptr(weight); a.winograd = winograd; a.dx = <float *>ptr(dx)
    launch(CONV2D_BACKWARD_INPUT, dy, &a, sizeof(a), dx, work(&a.s), dx.nbytes + weight.nbytes + dy.nbytes)


def conv2d_backward_weight(Array x not None, Array dy not None, Array relu_y, tuple strides, tuple dilation, tuple pad, isize groups,
                           isize winograd, Array dweight not None, Array dbias):
    """dweight, dbias = the gradients by weight and bias; dbias may be None.   relu_y: y of a forward call with relu, or None."""
    cdef pydl_conv2d_backward_weight_args_f32 a
    memset(&a, 0, sizeof(a))
    convolution("conv2d_backward_weight", &a.s, x, dweight, strides, dilation, pad, groups, dy)
    if relu_y is not None:
        expect("conv2d_backward_weight", "relu_y", relu_y, dy.code, dy.shape)
        a.relu_y = <const float *>ptr(relu_y)
    if dbias is not None:
        expect("conv2d_backward_weight", "dbias", dbias, x.code, (a.s.c_out,))
        a.dbias = <float *>ptr(dbias)
    a.x = <const float *>ptr(x); a.dy = <const float *>ptr(dy); a.winograd = winograd; a.dweight = <float *>ptr(dweight)
    launch(CONV2D_BACKWARD_WEIGHT, x, &a, sizeof(a), dweight, work(&a.s), x.nbytes + dweight.nbytes + dy.nbytes)


def im2col(Array x not None, tuple size, tuple strides, tuple dilation, tuple pad, tuple outputs, Array cols not None):
    """cols = a row of kh * kw * c numbers for each window.   size: (kh, kw); outputs: (h_out, w_out); cols: (n * h_out * w_out, kh * kw * c)."""
    cdef pydl_im2col_args_f32 a
    memset(&a, 0, sizeof(a))
    if x.ndim != 4:
        raise ValueError(f"im2col: x must have 4 axes, got shape {x.shape}")
    window("im2col", &a.s, x.shape, (x.shape[0], *outputs, x.shape[3]), size[0], size[1], strides, dilation, pad)
    expect("im2col", "cols", cols, x.code, (a.s.n * a.s.h_out * a.s.w_out, a.s.kh * a.s.kw * a.s.c_in))
    a.x = <const float *>ptr(x); a.cols = <float *>ptr(cols)
    launch(IM2COL, x, &a, sizeof(a), cols, 0, x.nbytes + cols.nbytes)


def col2im(Array cols not None, tuple size, tuple strides, tuple dilation, tuple pad, tuple outputs, Array x not None):
    """x = the adjoint of im2col: every number of cols is added to the pixel it came from."""
    cdef pydl_col2im_args_f32 a
    memset(&a, 0, sizeof(a))
    if x.ndim != 4:
        raise ValueError(f"col2im: x must have 4 axes, got shape {x.shape}")
    window("col2im", &a.s, x.shape, (x.shape[0], *outputs, x.shape[3]), size[0], size[1], strides, dilation, pad)
    expect("col2im", "cols", cols, x.code, (a.s.n * a.s.h_out * a.s.w_out, a.s.kh * a.s.kw * a.s.c_in))
    a.cols = <const float *>ptr(cols); a.x = <float *>ptr(x)
    launch(COL2IM, x, &a, sizeof(a), x, cols.size, x.nbytes + cols.nbytes)
