"""Optimizer steps in float64, whole arrays at a time, from the formulas of Keras 3.

`steps(method, w, gradients, **options)` returns w after each gradient.
"""
import numpy as np


def steps(method, w, gradients, *, learning_rate, weight_decay=0.0, **options):
    """Apply a method's update to a list of gradients; learning_rate is a number or a function of the step."""
    w, state, found = w.astype(np.float64), {}, []
    for i, g in enumerate(gradients):
        lr = learning_rate(i) if callable(learning_rate) else learning_rate
        w = w - w * weight_decay * lr
        w = method(w, g.astype(np.float64), state, i + 1, lr, **options)
        found.append(w)
    return found


def remembered(state, name, like, start=0.0):
    return state.setdefault(name, np.full_like(like, start))


def sgd(w, g, state, t, lr, momentum=0.0, nesterov=False, averaged=False, bias_correction=False):
    v = remembered(state, "v", w)
    if averaged:
        v = state["v"] = momentum * v + (1 - momentum) * g
        mean = v / (1 - momentum**t) if bias_correction else v
        return w - lr * (momentum * mean + (1 - momentum) * g if nesterov else mean)
    v = state["v"] = momentum * v - lr * g
    return w + (momentum * v - lr * g if nesterov else v)


def rmsprop(w, g, state, t, lr, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    v = state["v"] = rho * remembered(state, "v", w) + (1 - rho) * g**2
    mean = state["mean"] = rho * remembered(state, "mean", w) + (1 - rho) * g
    step = lr * g / np.sqrt(v - (mean**2 if centered else 0) + epsilon)
    m = state["m"] = momentum * remembered(state, "m", w) + step
    return w - m


def adam(w, g, state, t, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    m = state["m"] = beta_1 * remembered(state, "m", w) + (1 - beta_1) * g
    v = state["v"] = beta_2 * remembered(state, "v", w) + (1 - beta_2) * g**2
    top = state["top"] = np.maximum(remembered(state, "top", w), v)
    return w - lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(top if amsgrad else v) + epsilon)


def adamax(w, g, state, t, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m = state["m"] = beta_1 * remembered(state, "m", w) + (1 - beta_1) * g
    u = state["u"] = np.maximum(beta_2 * remembered(state, "u", w), abs(g))
    return w - lr / (1 - beta_1**t) * m / (u + epsilon)


def nadam(w, g, state, t, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    u, after = (beta_1 * (1 - 0.5 * 0.96**k) for k in (t, t + 1))
    product = state["product"] = state.get("product", 1.0) * u
    m = state["m"] = beta_1 * remembered(state, "m", w) + (1 - beta_1) * g
    v = state["v"] = beta_2 * remembered(state, "v", w) + (1 - beta_2) * g**2
    ahead = after * m / (1 - product * after) + (1 - u) * g / (1 - product)
    return w - lr * ahead / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


def adagrad(w, g, state, t, lr, initial_accumulator_value=0.1, epsilon=1e-7):
    total = state["total"] = remembered(state, "total", w, initial_accumulator_value) + g**2
    return w - lr * g / np.sqrt(total + epsilon)


def adadelta(w, g, state, t, lr, rho=0.95, epsilon=1e-7):
    v = state["v"] = rho * remembered(state, "v", w) + (1 - rho) * g**2
    step = np.sqrt(remembered(state, "moved", w) + epsilon) / np.sqrt(v + epsilon) * g
    state["moved"] = rho * state["moved"] + (1 - rho) * step**2
    return w - lr * step


def lion(w, g, state, t, lr, beta_1=0.9, beta_2=0.99):
    m = remembered(state, "m", w)
    state["m"] = beta_2 * m + (1 - beta_2) * g
    return w - lr * np.sign(beta_1 * m + (1 - beta_1) * g)
