"""Recurrent layers, a step and a row at a time, from the formulas."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


FUNCTIONS = {"tanh": np.tanh, "sigmoid": sigmoid, "relu": lambda x: np.maximum(x, 0), "hard_sigmoid": hard_sigmoid, "linear": lambda x: x}


def tanh_step(x, h, c, w, u, b, f, rf):
    return f(x @ w + h @ u + b), c


def lstm_step(x, h, c, w, u, b, f, rf):
    i, forget, g, o = np.split(x @ w + h @ u + b, 4)
    c = rf(forget) * c + rf(i) * f(g)
    return rf(o) * f(c), c


def gru_step(x, h, c, w, u, b, f, rf):
    (xz, xr, xg), (hz, hr, hg) = np.split(x @ w + b[0], 3), np.split(h @ u + b[1], 3)
    z, r = rf(xz + hz), rf(xr + hr)
    return z * h + (1 - z) * f(xg + r * hg), c


def gru_before_step(x, h, c, w, u, b, f, rf):
    units = len(h)
    xz, xr, xg = np.split(x @ w + b, 3)
    hz, hr = np.split(h @ u[:, :2 * units], 2)
    z, r = rf(xz + hz), rf(xr + hr)
    return z * h + (1 - z) * f(xg + (r * h) @ u[:, 2 * units:]), c


def gru_simple_step(x, h, c, w, u, b, f, rf):
    share, g = np.split(x @ w + h @ u + b, 2)
    return rf(share) * f(g) + (1 - rf(share)) * h, c


def with_peephole(p):
    """An LSTM whose gates see the cell, by the weights p (3, units)."""
    def lstm_peephole_step(x, h, c, w, u, b, f, rf):
        i, forget, g, o = np.split(x @ w + h @ u + b, 4)
        new = rf(forget + p[1] * c) * c + rf(i + p[0] * c) * f(g)
        return rf(o + p[2] * new) * f(new), new
    return lstm_peephole_step


def run(step, x, w, u, b=None, h0=None, c0=None, mask=None, go_backwards=False, activation="tanh", recurrent_activation="sigmoid"):
    """(y, h, c) of all steps."""
    n, steps, _ = x.shape
    units = len(u)
    b = np.zeros((2, u.shape[1]) if step is gru_step else u.shape[1]) if b is None else b
    y, h, c = np.zeros((n, steps, units)), np.zeros((n, units)), np.zeros((n, units))
    for i in range(n):
        h[i], c[i] = (0 if h0 is None else h0[i]), (0 if c0 is None else c0[i])
        for s in range(steps):
            t = steps - 1 - s if go_backwards else s
            if mask is None or mask[i, t]:
                h[i], c[i] = step(x[i, t], h[i], c[i], w, u, b, FUNCTIONS[activation], FUNCTIONS[recurrent_activation])
                y[i, s:] = h[i]                             # repeated by masked steps; zeros before the first that is not
    return y, h, c


def simple_rnn(x, w, u, b=None, h0=None, **options):
    return run(tanh_step, x, w, u, b, h0, **options)[:2]


def gru(x, w, u, b=None, h0=None, reset_after=True, **options):
    return run(gru_step if reset_after else gru_before_step, x, w, u, b, h0, **options)[:2]


def simplified_gru(x, w, u, b=None, h0=None, **options):
    return run(gru_simple_step, x, w, u, b, h0, **options)[:2]


def lstm(x, w, u, b=None, h0=None, c0=None, peephole=None, **options):
    return run(lstm_step if peephole is None else with_peephole(peephole), x, w, u, b, h0, c0, **options)


def chosen(results, return_sequences=False, return_state=False):
    y, *last = results
    out = y if return_sequences else y[:, -1]
    return (out, *last) if return_state else out


def _layer(function, x, weights, units, use_bias=True, return_sequences=False, return_state=False, unit_forget_bias=True, recompute=False, **options):
    return chosen(function(x, *weights, **options), return_sequences, return_state)


def simple_rnn_layer(x, *weights, **options):
    return _layer(simple_rnn, x, weights, **options)


def gru_layer(x, *weights, **options):
    return _layer(gru, x, weights, **options)


def simplified_gru_layer(x, *weights, **options):
    return _layer(simplified_gru, x, weights, **options)


def lstm_layer(x, *weights, peephole=False, **options):
    *weights, peeps = weights if peephole else (*weights, None)
    return _layer(lstm, x, weights, peephole=peeps, **options)
