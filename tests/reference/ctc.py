"""Connectionist temporal classification in float64: every path of classes, one by one."""
import itertools
import math

import numpy as np


def ctc(y_true, y_pred):
    """-log of the summed probability of all paths that collapse to the labels (repeats first, then blanks)."""
    out = []
    for labels, logits in zip(y_true, y_pred):
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        wanted = [c for c in labels.tolist() if c != 0]
        ways = [math.prod(p[t, c] for t, c in enumerate(path)) for path in itertools.product(range(logits.shape[1]), repeat=len(logits))
                if [c for c, _ in itertools.groupby(path) if c != 0] == wanted]
        out.append(-math.log(math.fsum(ways)) if ways else math.inf)
    return np.array(out)
