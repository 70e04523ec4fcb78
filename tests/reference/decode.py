"""Decoding of connectionist temporal classification in float64: every path one by one, and a beam over dictionaries of prefixes."""
import itertools
import math

import numpy as np


def log_softmax(x):
    x = np.asarray(x, np.float64)
    top = x.max(-1, keepdims=True)
    return x - top - np.log(np.exp(x - top).sum(-1, keepdims=True))


def collapse(path, blank, merge=True):
    """Repeats first, then blanks."""
    kept = [c for c, _ in itertools.groupby(path)] if merge else path
    return tuple(int(c) for c in kept if c != blank)


def sequences(logits, blank):
    """{label sequence: log of the sum over all its alignments}, of every sequence there is."""
    p, found = np.exp(log_softmax(logits)), {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        found.setdefault(collapse(path, blank), []).append(math.prod(p[t, c] for t, c in enumerate(path)))
    return {labels: math.log(math.fsum(ways)) if math.fsum(ways) else -math.inf for labels, ways in found.items()}


def greedy(logits, blank, merge=True):
    """(labels, minus the sum of the best logits)."""
    return collapse(np.argmax(logits, axis=-1), blank, merge), -float(np.sum(np.max(logits, axis=-1)))


def beam(logits, blank, width):
    """[(labels, log probability)], the best first: of equal ones the prefix whose beginning ranked higher, itself before its extensions."""
    kept = [((), 0.0, -math.inf)]                                    # prefix, log of ending in a blank, log of ending in its last label
    for step in log_softmax(logits):
        blanks, ends, order = {}, {}, {}
        for rank, (prefix, in_blank, in_label) in enumerate(kept):
            order[prefix] = (rank, -1)
            blanks[prefix] = np.logaddexp(in_blank, in_label) + step[blank]
            ends[prefix] = np.logaddexp(ends.get(prefix, -math.inf), in_label + step[prefix[-1]]) if prefix else -math.inf
            for c in range(len(step)):
                if c == blank:
                    continue
                longer = (*prefix, c)
                order.setdefault(longer, (rank, c))
                source = in_blank if prefix and prefix[-1] == c else np.logaddexp(in_blank, in_label)
                ends[longer] = np.logaddexp(ends.get(longer, -math.inf), source + step[c])
        totals = {prefix: np.logaddexp(blanks.get(prefix, -math.inf), ends[prefix]) for prefix in ends}
        best = sorted((p for p in totals if totals[p] > -math.inf), key=lambda p: (-totals[p], order[p]))[:width]
        kept = [(p, blanks.get(p, -math.inf), ends[p]) for p in best]
    return [(prefix, float(np.logaddexp(b, e))) for prefix, b, e in kept]


def shares(logits, temperature, top_k, top_p):
    """The probabilities with which each class of a row is drawn."""
    p = np.exp(log_softmax(np.asarray(logits, np.float64) / temperature))
    order = sorted(range(len(p)), key=lambda j: (-p[j], j))[:top_k]
    if top_p < 1:
        passed = np.cumsum(p[order]) / p[order].sum()
        order = order[:int(np.argmax(passed >= top_p - 1e-12)) + 1]
    kept = np.zeros(len(p))
    kept[order] = p[order]
    return kept / kept.sum()
