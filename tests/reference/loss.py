"""Losses in float64: one row, one element at a time, from the formulas."""
import math

import numpy as np

SMALL = 1e-7


def by_element(score, y_true, y_pred, total=False):
    """The mean (or total) over the last axis of score(t, x)."""
    y_true = y_true.astype(np.float64)
    if y_true.shape != y_pred.shape:
        y_true = y_true.reshape(y_pred.shape)
    out = np.empty(y_pred.shape[:-1])
    for i in np.ndindex(*out.shape):
        terms = [score(float(t), float(x)) for t, x in zip(y_true[i], y_pred[i])]
        out[i] = math.fsum(terms) / (1 if total else len(terms))
    return out


def clipped(p, high=1 - SMALL): return min(max(p, SMALL), high)
def softplus(x): return max(x, 0) + math.log1p(math.exp(-abs(x)))


def mean_squared_error(y_true, y_pred): return by_element(lambda t, x: (x - t) ** 2, y_true, y_pred)
def mean_absolute_error(y_true, y_pred): return by_element(lambda t, x: abs(x - t), y_true, y_pred)
def mean_absolute_percentage_error(y_true, y_pred): return by_element(lambda t, x: 100 * abs(x - t) / max(abs(t), SMALL), y_true, y_pred)
def log_cosh(y_true, y_pred): return by_element(lambda t, x: math.log(math.cosh(x - t)), y_true, y_pred)
def poisson(y_true, y_pred): return by_element(lambda t, x: x - t * math.log(x + SMALL), y_true, y_pred)


def mean_squared_logarithmic_error(y_true, y_pred):
    return by_element(lambda t, x: (math.log(1 + max(x, SMALL)) - math.log(1 + max(t, SMALL))) ** 2, y_true, y_pred)


def huber(y_true, y_pred, delta=1.0):
    return by_element(lambda t, x: 0.5 * (x - t) ** 2 if abs(x - t) <= delta else delta * abs(x - t) - 0.5 * delta**2, y_true, y_pred)


def kl_divergence(y_true, y_pred):
    return by_element(lambda t, x: clipped(t, 1) * math.log(clipped(t, 1) / clipped(x, 1)), y_true, y_pred, total=True)


def _signs(y_true):
    t = y_true.astype(np.float64)
    return 2 * t - 1 if np.isin(t, (0, 1)).all() else t


def hinge(y_true, y_pred): return by_element(lambda t, x: max(1 - t * x, 0), _signs(y_true), y_pred)
def squared_hinge(y_true, y_pred): return by_element(lambda t, x: max(1 - t * x, 0) ** 2, _signs(y_true), y_pred)


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0):
    def score(t, x):
        t = t * (1 - label_smoothing) + label_smoothing / 2
        if from_logits:
            return t * softplus(-x) + (1 - t) * softplus(x)
        p = clipped(x)
        return -t * math.log(p) - (1 - t) * math.log(1 - p)
    return by_element(score, y_true, y_pred)


def log_probabilities(x, from_logits):
    """log p of one row."""
    if from_logits:
        top = max(x)
        log_sum = top + math.log(math.fsum(math.exp(v - top) for v in x))
        return [v - log_sum for v in x]
    return [math.log(clipped(v / math.fsum(x))) for v in x]


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0):
    out = np.empty(y_pred.shape[:-1])
    for i in np.ndindex(*out.shape):
        logs = log_probabilities(y_pred[i].tolist(), from_logits)
        out[i] = -math.fsum((t * (1 - label_smoothing) + label_smoothing / len(logs)) * p for t, p in zip(y_true[i].astype(float).tolist(), logs))
    return out


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None):
    out = np.zeros(y_pred.shape[:-1])
    labels = y_true.reshape(out.shape)
    for i in np.ndindex(*out.shape):
        if labels[i] != ignore_class:
            out[i] = -log_probabilities(y_pred[i].tolist(), from_logits)[int(labels[i])]
    return out


def by_row(score, y_true, y_pred):
    out = np.empty(y_pred.shape[:-1])
    for i in np.ndindex(*out.shape):
        out[i] = score(y_true[i].astype(float).tolist(), y_pred[i].tolist())
    return out


def categorical_hinge(y_true, y_pred):
    return by_row(lambda t, x: max(1 + max((1 - a) * b for a, b in zip(t, x)) - math.fsum(a * b for a, b in zip(t, x)), 0), y_true, y_pred)


def cosine_similarity(y_true, y_pred):
    return by_row(lambda t, x: -math.fsum(a * b for a, b in zip(t, x)) / (math.hypot(*t) * math.hypot(*x)), y_true, y_pred)


def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0):
    def score(t, x):
        t = t * (1 - label_smoothing) + label_smoothing / 2
        x = 1 / (1 + math.exp(-x)) if from_logits else x
        balance = t * alpha + (1 - t) * (1 - alpha) if apply_class_balancing else 1
        return balance * (1 - (t * x + (1 - t) * (1 - x))) ** gamma * -(t * math.log(clipped(x)) + (1 - t) * math.log(1 - clipped(x)))
    return by_element(score, y_true, y_pred)


def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0):
    def score(t, x):
        logs = log_probabilities(x, from_logits)
        return -math.fsum(alpha * (1 - math.exp(p)) ** gamma * (a * (1 - label_smoothing) + label_smoothing / len(t)) * p for a, p in zip(t, logs))
    return by_row(score, y_true, y_pred)


def dice(y_true, y_pred, axis=-1):
    return by_row(lambda t, x: 1 - 2 * math.fsum(a * b for a, b in zip(t, x)) / (math.fsum(t) + math.fsum(x) + SMALL), y_true, y_pred)


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=-1):
    def score(t, x):
        both, missed, false = (math.fsum(v) for v in zip(*[(a * b, a * (1 - b), (1 - a) * b) for a, b in zip(t, x)]))
        return 1 - both / (both + alpha * missed + beta * false + SMALL)
    return by_row(score, y_true, y_pred)
