"""Layers around layers, from what the inner ones compute."""
import numpy as np

from reference import recurrent


def time_distributed_dense(x, kernel, bias, layer):
    y = np.zeros((*x.shape[:2], kernel.shape[1]))
    for n, t, j in np.ndindex(*y.shape):
        y[n, t, j] = sum(x[n, t, k] * kernel[k, j] for k in range(x.shape[2])) + bias[j]
    return y


def bidirectional_rnn(x, *weights, layer, merge_mode="concat"):
    """The steps from first to last and from last to first, each with weights of its own; sequences come back in the order of x."""
    forward = recurrent.simple_rnn_layer(x, *weights[:3], **layer.options)
    backward = recurrent.simple_rnn_layer(x, *weights[3:], **layer.options, go_backwards=True)
    if layer.options.get("return_sequences"):
        backward = backward[:, ::-1]
    return np.concatenate([forward, backward], -1) if merge_mode == "concat" else forward + backward


def rnn_of_simple_cells(x, *weights, cell, return_sequences=False):
    return recurrent.simple_rnn_layer(x, *weights, **cell.options, return_sequences=return_sequences)
