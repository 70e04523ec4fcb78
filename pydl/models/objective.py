"""Objective: the losses, their weights and the metrics of a model's outputs, as `compile` was told."""
import numpy as np

from pydl import losses as losses_
from pydl import metrics as metrics_
from pydl.errors import ShapeError, in_range, show
from pydl.ops import add, cast, multiply, reshape
from pydl.tensor import as_tensor


def per_output(who, what, value, names):
    """`value` for each output: one for all, a list in their order, or a dict by name."""
    if isinstance(value, dict):
        unknown = [n for n in value if n not in names]
        if unknown:
            raise ValueError(f"{who}: {what} names {show(unknown[0])}, which is no output; the outputs are {', '.join(names)}")
        return [value.get(n) for n in names]
    if len(names) == 1:
        return [value]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise ValueError(f"{who}: {what} must have one entry for each of the {len(names)} outputs, got {len(value)}")
        return list(value)
    return [value] * len(names)


class Objective:
    """What a step computes beside the prediction: one scalar to descend, and running means to report."""

    def __init__(self, who, output_names, loss, loss_weights, metrics, weighted_metrics):
        self.who, self.names = who, list(output_names)
        several = len(self.names) > 1
        if not several and isinstance(loss, (list, tuple)) and len(loss) == 1:
            loss = loss[0]
        self.losses = [None if entry is None else losses_.get(entry) for entry in per_output(who, "loss", loss, self.names)]
        weights = per_output(who, "loss_weights", loss_weights, self.names)
        self.weights = [1.0 if w is None else in_range(who, "loss_weights", w) for w in weights]
        self.total = metrics_.Mean(name="loss")
        self.parts = [metrics_.Mean(name=f"{n}_loss") if several and entry is not None else None
                      for n, entry in zip(self.names, self.losses)]
        self.groups = [self._group(who, what, given, several) for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics))]
        given = [metric for group in self.groups for metric, _ in group]
        twice = next((m for m in given if sum(m is other for other in given) > 1), None)
        if twice is not None:
            raise ValueError(f"{who}: the metric {twice!r} counts for more than one entry of metrics; make one for each, or give its name")
        self.keys = self._keys(several)

    def _group(self, who, what, given, several):
        """[(metric, output index)]: a metric or a list of them, an output."""
        if given is None:
            return []
        if not several and isinstance(given, (list, tuple)) and not any(isinstance(m, (list, tuple)) for m in given):
            given = [list(given)]
        found = []
        for i, entry in enumerate(per_output(who, what, given[0] if not several and isinstance(given, list) and len(given) == 1 else given, self.names)):
            for one in entry if isinstance(entry, (list, tuple)) else [entry]:
                if one is not None:
                    found.append((metrics_.get(one), i))
        return found

    def _keys(self, several):
        """The name of every running mean in the log: its own behind that of its output; of several alike, the later ones are told apart as in Keras."""
        own = [mean.name for mean in (*self.parts, self.total) if mean is not None]
        taken, keys = set(own), []
        for prefix, group in zip(("", "weighted_"), self.groups):
            for metric, i in group:
                output = f"{self.names[i]}_" if several else ""
                name = output + metric.name
                if name in taken:
                    name = output + prefix + metric.name
                key, count = name, 0
                while key in taken:
                    count += 1
                    key = f"{name}_{count}"
                taken.add(key)
                keys.append(key)
        return keys + own

    @property
    def metrics(self):
        """Every running mean, in the order of the log."""
        return [m for group in self.groups for m, _ in group] + [p for p in self.parts if p is not None] + [self.total]

    def reset(self):
        for metric in self.metrics:
            metric.reset_state()

    def kept(self):
        """Copies of all running means, for `put_back`."""
        return [np.array(v) for m in self.metrics for v in m.variables]

    def put_back(self, kept):
        """Set the running means to what they were."""
        for variable, values in zip([v for m in self.metrics for v in m.variables], kept):
            np.asarray(variable)[...] = values

    def results(self):
        """{name: float} of the running means, as of now; a list of floats where a metric has one number a class."""
        values = [metric.result() for metric in self.metrics]
        return {key: float(value) if np.ndim(value) == 0 else np.asarray(value).tolist() for key, value in zip(self.keys, values)}

    def loss(self, ys, predictions, sample_weights):
        """The weighted sum of the outputs' losses: a scalar Tensor; None if no output has one."""
        total = None
        for entry, part, factor, y, prediction, w in zip(self.losses, self.parts, self.weights, ys, predictions, sample_weights):
            if entry is None:
                continue
            mask = step_mask(prediction) if getattr(entry, "takes_mask", False) else None
            value = entry(y, prediction, sample_weight=w) if mask is None else entry(y, prediction, sample_weight=w, mask=mask)
            if value.ndim:
                raise ShapeError(f"{self.who}: the loss {entry!r} must come to one number, got {value.shape}: its reduction is "
                                 f"{show(getattr(entry, 'reduction', None))}, training needs one like 'sum_over_batch_size'")
            if part is not None:
                part.update_state(value, batch_weight(prediction))
            if factor != 1.0:
                value = multiply(value, factor)
            total = value if total is None else add(total, value)
        return total

    def update(self, ys, predictions, sample_weights, total):
        """Take a batch into the running means, inside the recorded step."""
        for metric, i in self.groups[0]:
            mask = step_mask(predictions[i])
            if mask is None:
                metric.update_state(ys[i], predictions[i])
            else:
                metric.update_state(ys[i], predictions[i], sample_weight=cast(mask, predictions[i].dtype))
        for metric, i in self.groups[1]:
            metric.update_state(ys[i], predictions[i], sample_weight=masked_weights(sample_weights[i], predictions[i]))
        self.total.update_state(total, batch_weight(predictions[0]))


def step_mask(prediction):
    """The mask (N, T) of a prediction (N, T, ...) for every step of padded sequences; None where there is none."""
    mask = getattr(prediction, "mask", None)
    return mask if mask is not None and mask.shape == prediction.shape[:-1] else None


def masked_weights(weights, prediction):
    """Sample weights, 0 where a step is masked."""
    mask = step_mask(prediction)
    if mask is None:
        return weights
    mask = cast(mask, prediction.dtype)
    if weights is None:
        return mask
    weights = cast(as_tensor(weights), prediction.dtype)
    return multiply(reshape(weights, (*weights.shape[:1], 1)) if weights.size == weights.shape[0] else weights, mask)


def batch_weight(prediction):
    """A batch's mean counts as often as the batch has rows."""
    return float(prediction.shape[0])
