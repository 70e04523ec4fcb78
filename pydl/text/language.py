"""Language models: the probability of a sentence, and texts drawn from a model."""
import numpy as np

from pydl import random
from pydl.backends import cpu as B
from pydl.data.arrays import as_array
from pydl.data.sequences import pad_sequences
from pydl.errors import DTypeError, ShapeError, boolean, in_range, integer, non_negative_int, positive_int, show
from pydl.kernels._common import KernelError
from pydl.losses import SparseCategoricalCrossentropy
from pydl.text.stepwise import Stepwise, twin_of


def _logits(who, scores, from_logits):
    """Scores (n, classes) as logits; probabilities taken for logits are the one mistake that would pass unseen."""
    if not from_logits:
        if not (scores >= 0).all():
            raise ValueError(f"{who}: the model's output has negative numbers, so they are no probabilities; pass from_logits=True")
        with np.errstate(divide="ignore"):
            return np.log(scores)
    if scores.size and scores.shape[-1] > 1 and (scores >= 0).all() and np.allclose(scores.sum(-1), 1, atol=1e-4):
        raise ValueError(f"{who}: the model's output looks like probabilities (softmax); pass from_logits=False")
    return scores


def sample_ids(logits, temperature=1.0, top_k=None, top_p=None, seed=None):
    """Draw a class of each row from softmax(logits / temperature).

    Args:      temperature: above 1 evens the probabilities out, below 1 sharpens them; 0 takes the largest (of equal ones the first).
               top_k: draw among the k largest.
               top_p: draw among the fewest largest whose probabilities (after top_k) add up to at least top_p.
               seed: an integer, for the same draw each time; a `pydl.random.SeedGenerator`, which moves on; or None for the global stream.
    Shapes:    logits (..., classes) -> (...) int64
    Dtypes:    float32, float64; computed in float64.
    Raises:    ValueError for a row of NaN, +infinity or nothing but -infinity, naming it.
    Source:    Holtzman et al., The curious case of neural text degeneration, 2020 (top_p).
    Example:
        >>> from pydl.text import sample_ids
        >>> sample_ids([[0.0, 9.0, 1.0], [5.0, 0.0, 0.0]], temperature=0).tolist()
        [1, 0]
    """
    who = "sample_ids"
    logits = as_array(who, "logits", logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ShapeError(f"{who}: logits must be (..., classes) with at least one class, got shape {logits.shape}")
    if logits.dtype.kind != "f":
        logits = logits.astype(np.float32)
    temperature, top_k, top_p = _settings(who, temperature, top_k, top_p)
    rows, shape = logits.reshape(-1, logits.shape[-1]), logits.shape[:-1]
    ids = B.empty((len(rows),), "int64")
    uniform = random.uniform((len(rows),), dtype="float64", seed=seed)
    try:
        B.sample_logits(B.from_numpy(rows), uniform.array, temperature, top_k, top_p, ids)
    except KernelError as error:
        raise ValueError(f"{who}: row {error.where} of logits has no finite largest score: NaN, infinity or nothing that can be") from None
    return np.array(ids).reshape(shape)


def _settings(who, temperature, top_k, top_p):
    """The three, checked; None stands for all."""
    temperature = in_range(who, "temperature", temperature, 0)
    top_k = 2**62 if top_k is None else positive_int(who, "top_k", top_k)
    return temperature, top_k, 1.0 if top_p is None else in_range(who, "top_p", top_p, 0, 1, low_open=True)


def generate(model, prefix, length, temperature=1.0, top_k=None, top_p=None, stop=None, seed=None, from_logits=True):
    """Let a language model go on: draw token after token, each fed back, one step of the model for each.

    Args:      model: a recurrent model (N, T) -> (N, T, vocab) or (N, vocab), of numbers or of one-hot rows; or a `Stepwise` of one, whose weights are
                   refreshed: making it once and drawing often saves time.
               prefix: the numbers to begin with, at least one, or several rows of them.  For a model of one-hot rows -1 is a row of zeros.
               length: how many tokens to draw at most.
               temperature, top_k, top_p, seed: as in `sample_ids`; an integer seed gives the same text each time.
               stop: the number that ends a text; behind it a row is filled up with it.
               from_logits: whether the model returns logits; False for probabilities.
    Shapes:    prefix (P,) or (rows, P) -> (n,) or (rows, n), n <= length: what was drawn, int64; less than length only if every row has stopped.
    Raises:    ValueError for a number outside the vocabulary, and for a model that cannot be run step by step.
    Example:
        >>> import pydl
        >>> from pydl import layers
        >>> model = pydl.Sequential([layers.Input((None,), dtype="int32"), layers.Embedding(5, 4), layers.GRU(8, return_sequences=True), layers.Dense(5)])
        >>> pydl.text.generate(model, [1, 2], 10, seed=1).shape
        (10,)
    """
    who = "generate"
    prefix, length = as_array(who, "prefix", prefix), non_negative_int(who, "length", length)
    if prefix.dtype.kind not in "iu" or prefix.ndim not in (1, 2) or not prefix.size:
        raise ShapeError(f"{who}: prefix must be numbers of tokens, (P,) or (rows, P), at least one; got {show(prefix)}")
    if len(prefix.shape) == 2 and isinstance(model, Stepwise) and model.rows != len(prefix):
        raise ShapeError(f"{who}: prefix has {len(prefix)} rows, the Stepwise runs {model.rows}")
    temperature, from_logits = in_range(who, "temperature", temperature, 0), boolean(who, "from_logits", from_logits)
    single, rows = prefix.ndim == 1, 1 if prefix.ndim == 1 else len(prefix)
    runner = model if isinstance(model, Stepwise) else Stepwise(model, rows)
    if runner.rows != rows:
        raise ShapeError(f"{who}: prefix has {rows} row, the Stepwise runs {runner.rows}")
    seed = random.SeedGenerator(seed) if not isinstance(seed, random.SeedGenerator) else seed
    runner.refresh()
    runner.reset()
    drawn = np.empty((rows, length), np.int64)
    running = np.ones(rows, bool)
    scores = runner.feed(_inputs(who, runner, prefix.reshape(rows, -1))) if length else None
    for t in range(length):
        if scores.ndim != 2:
            raise ShapeError(f"{who}: the model must return scores (N, T, vocab) or (N, vocab), got {scores.shape} for a step")
        if stop is not None:
            stop = integer(who, "stop", stop, 0, scores.shape[1] - 1)
        ids = sample_ids(_logits(who, scores, from_logits), temperature, top_k, top_p, seed)
        drawn[:, t] = np.where(running, ids, stop) if stop is not None else ids
        if stop is not None:
            running &= ids != stop
            if not running.any():
                drawn = drawn[:, :t + 1]
                break
        if t + 1 < length:
            scores = runner.step(_inputs(who, runner, drawn[:, t]))
    return drawn[0] if single else drawn


def _inputs(who, runner, ids):
    """What the model is fed for these numbers: themselves, or one-hot rows."""
    return ids if runner.takes_ids else _one_hot(who, ids, runner.width, runner.model.dtype)


def _one_hot(who, ids, width, dtype):
    wrong = np.flatnonzero((ids < -1) | (ids >= width))
    if wrong.size:
        raise ValueError(f"{who}: id {ids.reshape(-1)[wrong[0]]} is outside the vocabulary, -1 <= id < {width} (-1 is a row of zeros)")
    rows = np.zeros((*ids.shape, width + 1), dtype)
    np.put_along_axis(rows, ids[..., None].astype(np.int64) % (width + 1), 1, -1)       # -1 marks the column that is cut off
    return rows[..., :width]


def log_probability(model, sequences, start, from_logits=True, batch_size=32):
    """Return the log of the probability that a language model gives each sequence: sum over t of log p(y_t | start, y_1 ... y_t-1).

    Args:      model: a recurrent model (N, T) -> (N, T, vocab), of numbers or of one-hot rows, that does not look ahead.
               sequences: lists of numbers of tokens; with the number of the end, if the model was trained to say it.
               start: the number that is fed before the first token; -1 is a row of zeros, for a model of one-hot rows.
               from_logits: whether the model returns logits; False for probabilities.
               batch_size: sequences at a time.
    Returns:   an ndarray (n,) of float64; 0 for an empty sequence.
    Raises:    ValueError for a number outside the vocabulary, and for a layer that reads backwards.
    Source:    Deep Learning Specialization, course 5, week 1: language model and sequence generation.
    Example:
        >>> import numpy as np, pydl
        >>> from pydl import layers
        >>> model = pydl.Sequential([layers.Input((None, 2)), layers.SimpleRNN(3, return_sequences=True), layers.Dense(2)])
        >>> model.set_weights([np.zeros(w.shape) for w in model.get_weights()])
        >>> bool(np.allclose(pydl.text.log_probability(model, [[0], [1, 0]], start=-1), np.log([1 / 2, 1 / 4])))
        True
    """
    who = "log_probability"
    from_logits, batch_size = boolean(who, "from_logits", from_logits), positive_int(who, "batch_size", batch_size)
    rows = [as_array(who, f"sequence {i}", s) if len(s) else np.zeros(0, np.int64) for i, s in enumerate(_sequences(who, sequences))]
    for i, row in enumerate(rows):
        if row.dtype.kind not in "iu":
            raise DTypeError(f"{who}: sequence {i} must hold the numbers of tokens, got {row.dtype}")
        if row.ndim != 1:
            raise ShapeError(f"{who}: sequence {i} must be one sequence, got shape {row.shape}")
    twin = twin_of(who, model, False)
    shape = twin.input_shape
    if not isinstance(shape, tuple) or len(shape) not in (2, 3):
        raise ShapeError(f"{who}: the model must have one input, (N, T) numbers or (N, T, D) vectors, got {show(shape)}")
    start = integer(who, "start", start, 0 if len(shape) == 2 else -1)
    loss, result = SparseCategoricalCrossentropy(from_logits=from_logits, reduction="none"), np.zeros(len(rows))
    for begin in range(0, len(rows), batch_size):
        part = rows[begin:begin + batch_size]
        y = pad_sequences(part, dtype="int64", padding="post")
        if not y.size:
            continue
        x = np.concatenate([np.full((len(y), 1), start), y[:, :-1]], axis=1)
        scores = twin.predict(x if len(shape) == 2 else _one_hot(who, x, shape[-1], twin.dtype), batch_size=batch_size)
        if scores.shape[:-1] != y.shape:
            raise ShapeError(f"{who}: the model must return scores (N, T, vocab), got {scores.shape} for {y.shape} tokens")
        _logits(who, scores, from_logits)
        live = np.arange(y.shape[1]) < np.array([len(row) for row in part])[:, None]
        result[begin:begin + len(part)] = -(np.asarray(loss(y, scores), np.float64) * live).sum(axis=1)
    return result


def _sequences(who, sequences):
    """A list of sequences, each of a length."""
    if not isinstance(sequences, (list, tuple, np.ndarray)) or not all(hasattr(s, "__len__") for s in sequences):
        raise TypeError(f"{who}: sequences must be a list of sequences of numbers, got {show(sequences)}")
    return sequences


def perplexity(model, sequences, start, from_logits=True, batch_size=32):
    """Return exp(-mean log p) over all tokens of the sequences: how many tokens the model wavers between.  Arguments as in `log_probability`.

    Example:
        >>> import numpy as np, pydl
        >>> from pydl import layers
        >>> model = pydl.Sequential([layers.Input((None, 2)), layers.SimpleRNN(3, return_sequences=True), layers.Dense(2)])
        >>> model.set_weights([np.zeros(w.shape) for w in model.get_weights()])
        >>> round(pydl.text.perplexity(model, [[0], [1, 0]], start=-1), 5)
        2.0
    """
    total = sum(len(sequence) for sequence in _sequences("perplexity", sequences))
    if not total:
        raise ValueError("perplexity: the sequences hold no token")
    return float(np.exp(-log_probability(model, sequences, start, from_logits, batch_size).sum() / total))
