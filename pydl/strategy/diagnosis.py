"""What to do next: bias and variance from the errors of a few sets, and one model chosen by one number."""
import math

from pydl.errors import in_range, one_of, show, string
from pydl.models.report import table

ADVICE = {
    "avoidable bias": ("a bigger model", "longer training, or a better optimizer (Adam, momentum)", "another architecture or a search for hyperparameters",
                       "less regularisation"),
    "variance": ("more training data, or augmentation", "regularisation: L2, dropout, early stopping", "another architecture or a search for hyperparameters"),
    "data mismatch": ("an error analysis of dev against training examples",
                      "training data more like the dev set: collect it, or make it (noise, blur, synthesis)"),
    "overfitting to the dev set": ("a bigger dev set", "a new dev set, if it was tried against often"),
}


class Diagnosis:
    """What `bias_variance` found.  `print(diagnosis)` shows the errors, the gaps between them, and what to try.

    gaps: {name: gap} in the order of the sets: "avoidable bias", "variance", "data mismatch", "overfitting to the dev set".
    problems: those above the tolerance, the largest first.    focus: the first of them, or None.    advice: what to try, a list.
    """

    def __init__(self, errors, gaps, tolerance, notes):
        self.errors, self.gaps, self.tolerance, self.notes = errors, gaps, tolerance, notes
        self.problems = sorted((name for name, gap in gaps.items() if gap > tolerance + 1e-12), key=lambda name: -gaps[name])

    focus = property(lambda self: self.problems[0] if self.problems else None, doc="The largest problem, or None.")
    advice = property(lambda self: list(dict.fromkeys(a for name in self.problems for a in ADVICE[name])), doc="What to try, for the largest problem first.")

    def __str__(self):
        names, gaps = list(self.errors), list(self.gaps.items())
        rows = [(name, f"{100 * self.errors[name]:.2f} %", *((f"{100 * gaps[i - 1][1]:+.2f} %", gaps[i - 1][0]) if i else ("", "")))
                for i, name in enumerate(names)]
        lines = table(rows, ("error of", "", "more than above", "which is"), right=(1, 2))
        if self.focus is None:
            lines.append(f"No gap is above {100 * self.tolerance:g} %: the model does what is asked of it.")
        for name in self.problems:
            lines.append(f"{name} ({100 * self.gaps[name]:.2f} %): try {'; '.join(ADVICE[name])}.")
        return "\n".join(lines + self.notes)

    def __repr__(self):
        return f"<Diagnosis: {', '.join(self.problems) or 'no problem'}>"


def bias_variance(train, dev, human=0.0, train_dev=None, test=None, tolerance=0.01):
    """Tell bias from variance, and both from data that differ, by the errors on a few sets.

    avoidable bias = train - human;  variance = train_dev - train (dev - train, without a train-dev set);
    data mismatch = dev - train_dev;  overfitting to the dev set = test - dev.

    Args:      train, dev: shares of wrong answers, 0 to 1.
               human: what the best one can hope for errs (Bayes error, or that of people who take care).
               train_dev: of examples drawn as the training set is, but not trained on: needed where dev is drawn otherwise.
               test: of a set nobody looked at while choosing.
               tolerance: the gap that is still no problem.
    Returns:   a Diagnosis.
    Raises:    ValueError for errors outside 0 to 1: 8 % is 0.08.
    Source:    Deep Learning Specialization, course 3: human-level performance; bias and variance with mismatched data.
    Example:
        >>> from pydl import strategy
        >>> strategy.bias_variance(train=0.08, dev=0.10, human=0.01).focus, strategy.bias_variance(train=0.08, dev=0.10, human=0.075).focus
        ('avoidable bias', 'variance')
    """
    given = {"human level": ("human", human), "training set": ("train", train), "train-dev set": ("train_dev", train_dev), "dev set": ("dev", dev),
             "test set": ("test", test)}
    errors = {name: in_range("bias_variance", argument, value, 0, 1) for name, (argument, value) in given.items() if value is not None}
    tolerance = in_range("bias_variance", "tolerance", tolerance, 0, 1)
    gaps = {"avoidable bias": errors["training set"] - errors["human level"]}
    if train_dev is None:
        gaps["variance"] = errors["dev set"] - errors["training set"]
    else:
        gaps["variance"], gaps["data mismatch"] = errors["train-dev set"] - errors["training set"], errors["dev set"] - errors["train-dev set"]
    if test is not None:
        gaps["overfitting to the dev set"] = errors["test set"] - errors["dev set"]
    notes = []
    if gaps["avoidable bias"] < -1e-12:
        notes.append("The model does better than the human level given: it is no bound any more, and advice by it is uncertain.")
    if errors["dev set"] < errors["training set"] - 1e-12:
        notes.append("The dev set is easier than the training set: check that both are drawn alike.")
    return Diagnosis(errors, gaps, tolerance, notes)


def choose(candidates, optimize, goal="max", **satisfice):
    """Choose the best of several models by one number, among those for which others are good enough.

    Args:      candidates: a list of dicts, a model each.
               optimize: the name of the number to make as large (goal="max") or small ("min") as can be.
               satisfice: bounds by name: milliseconds=100 is at most 100, accuracy=(0.9, None) from 0.9, (low, high) between.
    Returns:   the dict of the one chosen, the first of equals; None if none is good enough.
    Source:    Deep Learning Specialization, course 3: satisficing and optimizing metrics.
    Example:
        >>> from pydl import strategy
        >>> models = [{"name": "A", "accuracy": 0.90, "ms": 80}, {"name": "B", "accuracy": 0.92, "ms": 95}, {"name": "C", "accuracy": 0.95, "ms": 1500}]
        >>> strategy.choose(models, "accuracy", ms=100)["name"]
        'B'
    """
    who = "choose"
    string(who, "optimize", optimize)
    one_of(who, "goal", goal, ("min", "max"))
    bounds = {}
    for name, bound in satisfice.items():
        low, high = bound if isinstance(bound, (tuple, list)) and len(bound) == 2 else (None, bound)
        bounds[name] = [None if end is None else in_range(who, name, end) for end in (low, high)]
    best = None
    for i, candidate in enumerate(candidates):
        if not isinstance(candidate, dict):
            raise TypeError(f"{who}: candidates must be dicts, got {show(candidate)}")
        missing = [name for name in (optimize, *bounds) if name not in candidate]
        if missing:
            raise ValueError(f"{who}: candidate {i} has no {missing[0]!r}, only {', '.join(map(repr, candidate))}")
        value = float(candidate[optimize])
        if math.isnan(value) or not all((low is None or candidate[n] >= low) and (high is None or candidate[n] <= high) for n, (low, high) in bounds.items()):
            continue
        if best is None or (value > best[0] if goal == "max" else value < best[0]):
            best = (value, candidate)
    return None if best is None else best[1]
