"""Metrics in float64: the weighted mean over samples of what each one scores."""
import math

import numpy as np


def weighted(scores, weights=None):
    """sum(w * score) / sum(w), 0 where there are no weights; weights have the leading axes of the scores."""
    scores = np.asarray(scores, np.float64)
    w = np.ones(scores.shape) if weights is None else np.asarray(weights, np.float64)
    w = np.broadcast_to(w.reshape(w.shape + (1,) * (scores.ndim - w.ndim)), scores.shape)
    total = math.fsum(w.ravel().tolist())
    return math.fsum((w * scores).ravel().tolist()) / total if total else 0.0


def rows(score, y_true, y_pred, sparse=False):
    out = np.empty(y_pred.shape[:-1])
    targets = y_true.reshape(out.shape) if sparse else y_true
    for i in np.ndindex(*out.shape):
        out[i] = score(targets[i], y_pred[i].tolist())
    return out


def sparse_accuracy(y_true, y_pred): return rows(lambda t, x: x.index(max(x)) == t, y_true, y_pred, sparse=True)
def categorical_accuracy(y_true, y_pred): return rows(lambda t, x: x.index(max(x)) == t.tolist().index(max(t)), y_true, y_pred)
def binary_accuracy(y_true, y_pred, threshold=0.5): return rows(lambda t, x: sum((v > threshold) == u for u, v in zip(t, x)) / len(x), y_true, y_pred)
def accuracy(y_true, y_pred): return rows(lambda t, x: sum(u == v for u, v in zip(t, x)) / len(x), y_true, y_pred)


def sparse_top_k(y_true, y_pred, k):
    return rows(lambda t, x: 0 <= t < len(x) and sum(v > x[int(t)] for v in x) < k, y_true, y_pred, sparse=True)


def categorical_top_k(y_true, y_pred, k):
    return rows(lambda t, x: sum(v > x[t.tolist().index(max(t))] for v in x) < k, y_true, y_pred)
