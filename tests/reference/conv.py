"""Convolution: the sum over the window, one output pixel at a time."""
import math

import numpy as np


def as_pair(value): return (value, value) if isinstance(value, int) else tuple(value)


def pads(size, window, stride, dilation, padding):
    """(before, after) and the number of windows along an axis: Keras's rule for "same" puts the odd zero after."""
    reach = (window - 1) * dilation + 1
    if padding == "same":
        count = math.ceil(size / stride)
        total = max((count - 1) * stride + reach - size, 0)
        return total // 2, total - total // 2, count
    before, after = {"valid": (0, 0), "causal": (reach - 1, 0)}[padding] if isinstance(padding, str) else padding
    return before, after, (size + before + after - reach) // stride + 1


def conv2d(x, weight, bias=None, strides=1, padding="valid", dilation_rate=1, groups=1, activation=None, data_format="channels_last"):
    if data_format == "channels_first":
        y = conv2d(x.transpose(0, 2, 3, 1), weight, bias, strides, padding, dilation_rate, groups, activation)
        return y.transpose(0, 3, 1, 2)
    (sh, sw), (dh, dw) = as_pair(strides), as_pair(dilation_rate)
    if isinstance(padding, int):
        padding = (padding, padding)
    padding = (padding, padding) if isinstance(padding, str) else [(p, p) if isinstance(p, int) else p for p in padding]
    n, h, w, c_in = x.shape
    kh, kw, depth, filters = weight.shape
    top, bottom, h_out = pads(h, kh, sh, dh, padding[0])
    left, right, w_out = pads(w, kw, sw, dw, padding[1])
    padded = np.zeros((n, h + top + bottom, w + left + right, c_in))
    padded[:, top:top + h, left:left + w] = x
    y = np.zeros((n, h_out, w_out, filters))
    width = filters // groups
    for b in range(n):
        for i in range(h_out):
            for j in range(w_out):
                window = padded[b, i * sh:i * sh + (kh - 1) * dh + 1:dh, j * sw:j * sw + (kw - 1) * dw + 1:dw]
                for o in range(filters):
                    g = o // width
                    y[b, i, j, o] = np.sum(window[:, :, g * depth:(g + 1) * depth] * weight[:, :, :, o]) + (0 if bias is None else bias[o])
    return activate(y, activation)


def im2col(x, kernel_size, strides=1, padding="valid", dilation_rate=1):
    (kh, kw), (sh, sw), (dh, dw) = as_pair(kernel_size), as_pair(strides), as_pair(dilation_rate)
    n, h, w, c = x.shape
    top, bottom, h_out = pads(h, kh, sh, dh, padding)
    left, right, w_out = pads(w, kw, sw, dw, padding)
    padded = np.zeros((n, h + top + bottom, w + left + right, c))
    padded[:, top:top + h, left:left + w] = x
    return np.array([padded[b, i * sh:i * sh + (kh - 1) * dh + 1:dh, j * sw:j * sw + (kw - 1) * dw + 1:dw].reshape(-1)
                     for b in range(n) for i in range(h_out) for j in range(w_out)]).reshape(n * h_out * w_out, kh * kw * c)


def activate(y, activation):
    return {None: lambda: y, "relu": lambda: np.maximum(y, 0), "tanh": lambda: np.tanh(y), "sigmoid": lambda: 1 / (1 + np.exp(-y))}[activation]()


def depthwise_conv2d(x, weight, bias=None, data_format="channels_last", **options):
    kh, kw, channels, multiplier = weight.shape
    return conv2d(x, weight.reshape(kh, kw, 1, channels * multiplier), bias, groups=channels, data_format=data_format, **options)


def conv1d(x, weight, bias=None, strides=1, padding="valid", dilation_rate=1, groups=1, activation=None):
    y = conv2d(x[:, :, None], weight[:, None], bias, (strides, 1), (padding, "valid"), (dilation_rate, 1), groups, activation)
    return y[:, :, 0]


def conv3d(x, weight, bias=None, strides=1, padding="valid", dilation_rate=1, groups=1, activation=None, data_format="channels_last"):
    if data_format == "channels_first":
        return np.moveaxis(conv3d(np.moveaxis(x, 1, -1), weight, bias, strides, padding, dilation_rate, groups, activation), -1, 1)
    strides, dilation = ((value,) * 3 if isinstance(value, int) else value for value in (strides, dilation_rate))
    padding = (padding,) * 3 if isinstance(padding, (str, int)) else padding
    padding = [(p, p) if isinstance(p, int) else p for p in padding]
    axes = [pads(*axis) for axis in zip(x.shape[1:4], weight.shape[:3], strides, dilation, padding)]
    padded = np.pad(x, ((0, 0), *((before, after) for before, after, _ in axes), (0, 0)))
    depth, filters = weight.shape[3:]
    y = np.zeros((x.shape[0], *(count for _, _, count in axes), filters)) + (0 if bias is None else bias)
    for at in np.ndindex(y.shape[1:4]):
        spans = [slice(i * s, i * s + (k - 1) * d + 1, d) for i, s, k, d in zip(at, strides, weight.shape, dilation)]
        window = padded[(slice(None), *spans)]
        for o in range(filters):
            g = o // (filters // groups)
            y[(slice(None), *at, o)] += np.sum(window[..., g * depth:(g + 1) * depth] * weight[..., o], (1, 2, 3, 4))
    return activate(y, activation)


# ---- layers: weights come after x, the options of the constructor by name

def layer2d(x, kernel, bias=None, filters=None, kernel_size=None, use_bias=True, **options): return conv2d(x, kernel, bias, **options)
def layer1d(x, kernel, bias=None, filters=None, kernel_size=None, use_bias=True, **options): return conv1d(x, kernel, bias, **options)
def layer3d(x, kernel, bias=None, filters=None, kernel_size=None, use_bias=True, **options): return conv3d(x, kernel, bias, **options)
def depthwise_layer(x, kernel, bias=None, depth_multiplier=1, kernel_size=None, use_bias=True, **options): return depthwise_conv2d(x, kernel, bias, **options)


def conv2d_transpose(x, weight, bias=None, strides=1, padding="valid", output_padding=None, dilation_rate=1, activation=None, data_format="channels_last"):
    if data_format == "channels_first":
        y = conv2d_transpose(x.transpose(0, 2, 3, 1), weight, bias, strides, padding, output_padding, dilation_rate, activation)
        return y.transpose(0, 3, 1, 2)
    strides, dilation = as_pair(strides), as_pair(dilation_rate)
    n, h, w, _ = x.shape
    kh, kw, filters, _ = weight.shape
    size, before = [], []
    for axis, (count, window) in enumerate(((h, kh), (w, kw))):
        reach, stride = (window - 1) * dilation[axis] + 1, strides[axis]
        if output_padding is None:
            size.append(count * stride if padding == "same" else count * stride + max(reach - stride, 0))
            before.append(pads(size[-1], window, stride, dilation[axis], padding)[0])
        else:
            cut = reach // 2 if padding == "same" else 0
            size.append((count - 1) * stride + reach + as_pair(output_padding)[axis] - 2 * cut)
            before.append(cut)
    y = np.zeros((n, *size, filters))
    for b in range(n):
        for i in range(h):
            for j in range(w):
                for p in range(kh):
                    for q in range(kw):
                        row, col = i * strides[0] + p * dilation[0] - before[0], j * strides[1] + q * dilation[1] - before[1]
                        if 0 <= row < size[0] and 0 <= col < size[1]:
                            y[b, row, col] += weight[p, q] @ x[b, i, j]
    return activate(y if bias is None else y + bias, activation)


def transpose_layer(x, kernel, bias=None, filters=None, kernel_size=None, use_bias=True, **options): return conv2d_transpose(x, kernel, bias, **options)


def separable_layer(x, depthwise, pointwise, bias=None, filters=None, kernel_size=None, use_bias=True, depth_multiplier=1, activation=None,
                    data_format="channels_last", **options):
    apart = depthwise_conv2d(x, depthwise, data_format=data_format, **options)
    return conv2d(apart, pointwise, bias, activation=activation, data_format=data_format)
