"""Boundary of the activation kernels."""
from pydl.kernels._common cimport Array, agree, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "activation.h":
    ctypedef struct pydl_pointwise_args_f32:
        const float *x
        double alpha
        isize n
        float *y
    ctypedef struct pydl_pointwise_backward_args_f32:
        const float *dy
        const float *kept
        double alpha
        isize n
        float *dx
    ctypedef struct pydl_clipped_relu_forward_args_f32:
        const float *x
        double slope
        double threshold
        double limit
        isize n
        float *y
    ctypedef struct pydl_clipped_relu_backward_args_f32:
        const float *dy
        const float *x
        double slope
        double threshold
        double limit
        isize n
        float *dx
    ctypedef struct pydl_softmax_args_f32:
        const float *x
        isize n
        isize c
        float *y
    ctypedef struct pydl_softmax_backward_args_f32:
        const float *dy
        const float *y
        isize n
        isize c
        float *dx

cdef const pydl_kernel_row *CELU_FORWARD = kernel("celu_forward")
cdef const pydl_kernel_row *CELU_BACKWARD = kernel("celu_backward")
cdef const pydl_kernel_row *CLIPPED_RELU_FORWARD = kernel("clipped_relu_forward")
cdef const pydl_kernel_row *CLIPPED_RELU_BACKWARD = kernel("clipped_relu_backward")
cdef const pydl_kernel_row *ELU_FORWARD = kernel("elu_forward")
cdef const pydl_kernel_row *ELU_BACKWARD = kernel("elu_backward")
cdef const pydl_kernel_row *GELU_FORWARD = kernel("gelu_forward")
cdef const pydl_kernel_row *GELU_BACKWARD = kernel("gelu_backward")
cdef const pydl_kernel_row *GELU_TANH_FORWARD = kernel("gelu_tanh_forward")
cdef const pydl_kernel_row *GELU_TANH_BACKWARD = kernel("gelu_tanh_backward")
cdef const pydl_kernel_row *HARD_SIGMOID_FORWARD = kernel("hard_sigmoid_forward")
cdef const pydl_kernel_row *HARD_SIGMOID_BACKWARD = kernel("hard_sigmoid_backward")
cdef const pydl_kernel_row *HARD_SILU_FORWARD = kernel("hard_silu_forward")
cdef const pydl_kernel_row *HARD_SILU_BACKWARD = kernel("hard_silu_backward")
cdef const pydl_kernel_row *HARD_TANH_FORWARD = kernel("hard_tanh_forward")
cdef const pydl_kernel_row *HARD_TANH_BACKWARD = kernel("hard_tanh_backward")
cdef const pydl_kernel_row *LEAKY_RELU_FORWARD = kernel("leaky_relu_forward")
cdef const pydl_kernel_row *LEAKY_RELU_BACKWARD = kernel("leaky_relu_backward")
cdef const pydl_kernel_row *LOG_SIGMOID_FORWARD = kernel("log_sigmoid_forward")
cdef const pydl_kernel_row *LOG_SIGMOID_BACKWARD = kernel("log_sigmoid_backward")
cdef const pydl_kernel_row *LOG_SOFTMAX_FORWARD = kernel("log_softmax_forward")
cdef const pydl_kernel_row *LOG_SOFTMAX_BACKWARD = kernel("log_softmax_backward")
cdef const pydl_kernel_row *MISH_FORWARD = kernel("mish_forward")
cdef const pydl_kernel_row *MISH_BACKWARD = kernel("mish_backward")
cdef const pydl_kernel_row *RELU_FORWARD = kernel("relu_forward")
cdef const pydl_kernel_row *RELU_BACKWARD = kernel("relu_backward")
cdef const pydl_kernel_row *RELU6_FORWARD = kernel("relu6_forward")
cdef const pydl_kernel_row *RELU6_BACKWARD = kernel("relu6_backward")
cdef const pydl_kernel_row *SELU_FORWARD = kernel("selu_forward")
cdef const pydl_kernel_row *SELU_BACKWARD = kernel("selu_backward")
cdef const pydl_kernel_row *SIGMOID_FORWARD = kernel("sigmoid_forward")
cdef const pydl_kernel_row *SIGMOID_BACKWARD = kernel("sigmoid_backward")
cdef const pydl_kernel_row *SILU_FORWARD = kernel("silu_forward")
cdef const pydl_kernel_row *SILU_BACKWARD = kernel("silu_backward")
cdef const pydl_kernel_row *SOFTMAX_FORWARD = kernel("softmax_forward")
cdef const pydl_kernel_row *SOFTMAX_BACKWARD = kernel("softmax_backward")
cdef const pydl_kernel_row *SOFTPLUS_FORWARD = kernel("softplus_forward")
cdef const pydl_kernel_row *SOFTPLUS_BACKWARD = kernel("softplus_backward")
cdef const pydl_kernel_row *SOFTSIGN_FORWARD = kernel("softsign_forward")
cdef const pydl_kernel_row *SOFTSIGN_BACKWARD = kernel("softsign_backward")
cdef const pydl_kernel_row *TANH_FORWARD = kernel("tanh_forward")
cdef const pydl_kernel_row *TANH_BACKWARD = kernel("tanh_backward")


cdef int forward(const pydl_kernel_row *row, str who, Array x, double alpha, Array y) except -1:
    cdef pydl_pointwise_args_f32 a
    agree(who, x, y)
    a.x = <const float *>ptr(x); a.alpha = alpha; a.n = x.size; a.y = <float *>ptr(y)
    return launch(row, x, &a, sizeof(a), y, x.size, 2 * x.nbytes)


cdef int backward(const pydl_kernel_row *row, str who, Array dy, Array kept, double alpha, Array dx) except -1:
    cdef pydl_pointwise_backward_args_f32 a
    agree(who, dy, kept)
    agree(who, dy, dx)
    a.dy = <const float *>ptr(dy); a.kept = <const float *>ptr(kept); a.alpha = alpha; a.n = dy.size; a.dx = <float *>ptr(dx)
    return launch(row, dy, &a, sizeof(a), dx, dy.size, 3 * dy.nbytes)


def relu_forward(Array x not None, Array y not None):
    """y = max(x, 0)."""
    forward(RELU_FORWARD, "relu_forward", x, 0, y)


def relu_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * relu', from y."""
    backward(RELU_BACKWARD, "relu_backward", dy, y, 0, dx)


def relu6_forward(Array x not None, Array y not None):
    """y = min(max(x, 0), 6)."""
    forward(RELU6_FORWARD, "relu6_forward", x, 0, y)


def relu6_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * relu6', from y."""
    backward(RELU6_BACKWARD, "relu6_backward", dy, y, 0, dx)


def sigmoid_forward(Array x not None, Array y not None):
    """y = 1 / (1 + exp(-x))."""
    forward(SIGMOID_FORWARD, "sigmoid_forward", x, 0, y)


def sigmoid_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * sigmoid', from y."""
    backward(SIGMOID_BACKWARD, "sigmoid_backward", dy, y, 0, dx)


def tanh_forward(Array x not None, Array y not None):
    """y = tanh(x)."""
    forward(TANH_FORWARD, "tanh_forward", x, 0, y)


def tanh_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * tanh', from y."""
    backward(TANH_BACKWARD, "tanh_backward", dy, y, 0, dx)


def selu_forward(Array x not None, Array y not None):
    """y = the self-normalising elu."""
    forward(SELU_FORWARD, "selu_forward", x, 0, y)


def selu_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * selu', from y."""
    backward(SELU_BACKWARD, "selu_backward", dy, y, 0, dx)


def softplus_forward(Array x not None, Array y not None):
    """y = log(1 + exp(x))."""
    forward(SOFTPLUS_FORWARD, "softplus_forward", x, 0, y)


def softplus_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * softplus', from y."""
    backward(SOFTPLUS_BACKWARD, "softplus_backward", dy, y, 0, dx)


def log_sigmoid_forward(Array x not None, Array y not None):
    """y = -log(1 + exp(-x))."""
    forward(LOG_SIGMOID_FORWARD, "log_sigmoid_forward", x, 0, y)


def log_sigmoid_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * log_sigmoid', from y."""
    backward(LOG_SIGMOID_BACKWARD, "log_sigmoid_backward", dy, y, 0, dx)


def softsign_forward(Array x not None, Array y not None):
    """y = x / (1 + |x|)."""
    forward(SOFTSIGN_FORWARD, "softsign_forward", x, 0, y)


def softsign_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * softsign', from x."""
    backward(SOFTSIGN_BACKWARD, "softsign_backward", dy, x, 0, dx)


def hard_sigmoid_forward(Array x not None, Array y not None):
    """y = min(max(x + 3, 0), 6) / 6."""
    forward(HARD_SIGMOID_FORWARD, "hard_sigmoid_forward", x, 0, y)


def hard_sigmoid_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * hard_sigmoid', from y."""
    backward(HARD_SIGMOID_BACKWARD, "hard_sigmoid_backward", dy, y, 0, dx)


def hard_silu_forward(Array x not None, Array y not None):
    """y = x * hard_sigmoid(x)."""
    forward(HARD_SILU_FORWARD, "hard_silu_forward", x, 0, y)


def hard_silu_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * hard_silu', from x."""
    backward(HARD_SILU_BACKWARD, "hard_silu_backward", dy, x, 0, dx)


def hard_tanh_forward(Array x not None, Array y not None):
    """y = min(max(x, -1), 1)."""
    forward(HARD_TANH_FORWARD, "hard_tanh_forward", x, 0, y)


def hard_tanh_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * hard_tanh', from y."""
    backward(HARD_TANH_BACKWARD, "hard_tanh_backward", dy, y, 0, dx)


def silu_forward(Array x not None, Array y not None):
    """y = x * sigmoid(x)."""
    forward(SILU_FORWARD, "silu_forward", x, 0, y)


def silu_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * silu', from x."""
    backward(SILU_BACKWARD, "silu_backward", dy, x, 0, dx)


def gelu_forward(Array x not None, Array y not None):
    """y = x * (the normal distribution function of x)."""
    forward(GELU_FORWARD, "gelu_forward", x, 0, y)


def gelu_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * gelu', from x."""
    backward(GELU_BACKWARD, "gelu_backward", dy, x, 0, dx)


def gelu_tanh_forward(Array x not None, Array y not None):
    """y = gelu by its tanh approximation."""
    forward(GELU_TANH_FORWARD, "gelu_tanh_forward", x, 0, y)


def gelu_tanh_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * gelu_tanh', from x."""
    backward(GELU_TANH_BACKWARD, "gelu_tanh_backward", dy, x, 0, dx)


def mish_forward(Array x not None, Array y not None):
    """y = x * tanh(softplus(x))."""
    forward(MISH_FORWARD, "mish_forward", x, 0, y)


def mish_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * mish', from x."""
    backward(MISH_BACKWARD, "mish_backward", dy, x, 0, dx)


def leaky_relu_forward(Array x not None, double slope, Array y not None):
    """y = x > 0 ? x : slope * x."""
    forward(LEAKY_RELU_FORWARD, "leaky_relu_forward", x, slope, y)


def leaky_relu_backward(Array dy not None, Array y not None, double slope, Array dx not None):
    """dx = dy * leaky_relu', from y."""
    backward(LEAKY_RELU_BACKWARD, "leaky_relu_backward", dy, y, slope, dx)


def elu_forward(Array x not None, double alpha, Array y not None):
    """y = x > 0 ? x : alpha * (exp(x) - 1)."""
    forward(ELU_FORWARD, "elu_forward", x, alpha, y)


def elu_backward(Array dy not None, Array y not None, double alpha, Array dx not None):
    """dx = dy * elu', from y."""
    backward(ELU_BACKWARD, "elu_backward", dy, y, alpha, dx)


def celu_forward(Array x not None, double alpha, Array y not None):
    """y = x > 0 ? x : alpha * (exp(x / alpha) - 1)."""
    forward(CELU_FORWARD, "celu_forward", x, alpha, y)


def celu_backward(Array dy not None, Array y not None, double alpha, Array dx not None):
    """dx = dy * celu', from y."""
    backward(CELU_BACKWARD, "celu_backward", dy, y, alpha, dx)


def clipped_relu_forward(Array x not None, double slope, double threshold, double limit, Array y not None):
    """y = x >= limit ? limit : x >= threshold ? x : slope * (x - threshold)."""
    cdef pydl_clipped_relu_forward_args_f32 a
    agree("clipped_relu_forward", x, y)
    a.x = <const float *>ptr(x); a.slope = slope; a.threshold = threshold; a.limit = limit; a.n = x.size; a.y = <float *>ptr(y)
    launch(CLIPPED_RELU_FORWARD, x, &a, sizeof(a), y, x.size, 2 * x.nbytes)


def clipped_relu_backward(Array dy not None, Array x not None, double slope, double threshold, double limit, Array dx not None):
    """dx = x >= limit ? 0 : x >= threshold ? dy : slope * dy."""
    cdef pydl_clipped_relu_backward_args_f32 a
    agree("clipped_relu_backward", dy, x)
    agree("clipped_relu_backward", dy, dx)
    a.dy = <const float *>ptr(dy); a.x = <const float *>ptr(x); a.slope = slope; a.threshold = threshold; a.limit = limit
    a.n = dy.size; a.dx = <float *>ptr(dx)
    launch(CLIPPED_RELU_BACKWARD, dy, &a, sizeof(a), dx, dy.size, 3 * dy.nbytes)


cdef int softmax(const pydl_kernel_row *row, str who, Array x, Array y) except -1:
    cdef pydl_softmax_args_f32 a
    agree(who, x, y)
    if x.ndim == 0:
        raise ValueError(f"{who}: x must have at least one axis")
    a.x = <const float *>ptr(x); a.c = x.shape[x.ndim - 1]; a.n = x.size // a.c if a.c else 0; a.y = <float *>ptr(y)
    return launch(row, x, &a, sizeof(a), y, 4 * x.size, 2 * x.nbytes)


cdef int softmax_gradient(const pydl_kernel_row *row, str who, Array dy, Array y, Array dx) except -1:
    cdef pydl_softmax_backward_args_f32 a
    agree(who, dy, y)
    agree(who, dy, dx)
    if y.ndim == 0:
        raise ValueError(f"{who}: y must have at least one axis")
    a.dy = <const float *>ptr(dy); a.y = <const float *>ptr(y); a.c = y.shape[y.ndim - 1]; a.n = y.size // a.c if a.c else 0
    a.dx = <float *>ptr(dx)
    return launch(row, dy, &a, sizeof(a), dx, 4 * dy.size, 3 * dy.nbytes)


def softmax_forward(Array x not None, Array y not None):
    """y = exp(x) / sum(exp(x)) along the last axis."""
    softmax(SOFTMAX_FORWARD, "softmax_forward", x, y)


def softmax_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = y * (dy - sum(dy * y)) along the last axis."""
    softmax_gradient(SOFTMAX_BACKWARD, "softmax_backward", dy, y, dx)


def log_softmax_forward(Array x not None, Array y not None):
    """y = x - log(sum(exp(x))) along the last axis."""
    softmax(LOG_SOFTMAX_FORWARD, "log_softmax_forward", x, y)


def log_softmax_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy - exp(y) * sum(dy) along the last axis."""
    softmax_gradient(LOG_SOFTMAX_BACKWARD, "log_softmax_backward", dy, y, dx)
