"""Bad calls of what works on sequences: states, masks, ids, labels, texts; eager and recorded.  See bad_input_rows.py."""

import numpy as np
from bad_input_rows import INF, NAN, call, values

import pydl
from pydl import layers as L
from pydl import losses, ops, text
from pydl.data.audio import spectrogram

X = np.random.default_rng(3).standard_normal((2, 5, 3)).astype("float32")
STATE, MASK = np.zeros((2, 4), "float32"), np.ones((2, 5), bool)
IDS, LABELS, LOGITS = np.array([[1, 2, 3], [3, 2, 1]]), np.array([[1, 2], [3, 1]]), np.zeros((2, 5, 4), "float32")
RECURRENT = {"SimpleRNN": L.SimpleRNN, "GRU": L.GRU, "SimplifiedGRU": L.SimplifiedGRU}


def recorded(function, good, last):
    """The function on good arguments until it is replayed, then on the last ones."""
    for _ in range(4):
        function(*good)
    return function(*last)


def both(pattern, name, function, bad, good, *mentions):
    """A row of the call as it is, and one where the same step was recorded with good arguments before."""
    call(pattern, name, lambda: function(*bad), lambda: function(*good), *mentions)
    # a function of its own each time: what it has recorded goes with it, for the process may take no more than so much memory
    call(
        pattern,
        f"recorded {name}",
        lambda: recorded(pydl.function(function), good, bad),
        lambda: recorded(pydl.function(function), good, good),
        *mentions,
    )


# ---- states and masks

WRONG_STATES = {
    "of other units": np.zeros((2, 3), "float32"),
    "of one row": STATE[:1],
    "of one axis": STATE[0],
    "of three axes": STATE[None],
    "a number": np.float32(0),
    "without rows": STATE[:0],
}
for kind, cls in RECURRENT.items():
    layer = cls(4, name=f"bad_{kind}")
    for what, state in WRONG_STATES.items():
        both("P05", f"{kind} on a state {what}", lambda x, h, layer=layer: layer(x, initial_state=h), (X, state), (X, STATE), "initial_state")
    call(
        "P16", f"{kind} on a state of text", lambda layer=layer: layer(X, initial_state="h"), lambda layer=layer: layer(X, initial_state=STATE), "initial_state"
    )
lstm, bidirectional, rnn = L.LSTM(4, name="bad_lstm"), L.Bidirectional(L.GRU(4), name="bad_both"), L.RNN(L.LSTMCell(4), name="bad_rnn")
for what, state in WRONG_STATES.items():
    both("P05", f"LSTM on a cell state {what}", lambda x, h, c: lstm(x, initial_state=[h, c]), (X, STATE, state), (X, STATE, STATE), "initial_state c")
    both("P05", f"RNN on a state {what}", lambda x, h, c: rnn(x, initial_state=[h, c]), (X, STATE, state), (X, STATE, STATE), "initial_state")
    both(
        "P05",
        f"Bidirectional on a second state {what}",
        lambda x, h, g: bidirectional(x, initial_state=[h, g]),
        (X, STATE, state),
        (X, STATE, STATE),
        "initial_state",
    )
for what, states in {
    "one": [STATE],
    "three": [STATE] * 3,
    "none": [],
    "no list": STATE,
    "a dict": {"h": STATE},
    "None in it": [STATE, None],
    "complex": [STATE, STATE + 1j],
    "objects": [STATE, np.array([[None]])],
}.items():
    call("P16", f"LSTM states, {what}", lambda s=states: lstm(X, initial_state=s), lambda: lstm(X, initial_state=[STATE] * 2), "initial_state")
    call("P16", f"RNN states, {what}", lambda s=states: rnn(X, initial_state=s), lambda: rnn(X, initial_state=[STATE] * 2), "initial_state")
for who, layer in {
    "GRU": L.GRU(4),
    "LSTM": lstm,
    "Bidirectional": bidirectional,
    "RNN": rnn,
    "GlobalAveragePooling1D": L.GlobalAveragePooling1D(),
    "GlobalMaxPooling1D": L.GlobalMaxPooling1D(),
}.items():
    for what, mask in {
        "too short": MASK[:, :4],
        "too long": np.ones((2, 6), bool),
        "of other rows": MASK[:1],
        "of the features": np.ones((2, 5, 3), bool),
    }.items():
        both("P05", f"{who} with a mask {what}", lambda x, m, layer=layer: layer(x, mask=m), (X, mask), (X, MASK), "mask")
for what, mask in {"text": "yes", "None in it": [[None] * 5] * 2, "ragged": [[1, 1], [1]], "a number": True}.items():
    call("P16", f"LSTM with a mask, {what}", lambda m=mask: lstm(X, mask=m), lambda: lstm(X, mask=MASK), "mask")
for who, layer in {"LSTM": lstm, "Bidirectional": bidirectional, "RNN": rnn}.items():
    both("P03", f"{who} on a sequence without steps", lambda x, layer=layer: layer(x), (X[:, :0],), (X,), "at least one step")
both("P03", "GlobalMaxPooling1D of no steps", lambda x: L.GlobalMaxPooling1D()(x), (X[:, :0],), (X,), "at least one")


def carrying():
    layer = L.GRU(4, stateful=True)
    layer(X)
    return layer


call("P05", "a stateful GRU on other rows", lambda: carrying()(X[:1]), lambda: carrying()(X), "GRU")
call("P16", "GRUCell on a sequence", lambda: L.GRUCell(4)(X, [STATE]), lambda: L.GRUCell(4)(X[:, 0], [STATE]), "GRUCell")
call("P05", "GRUCell on the state of other rows", lambda: L.GRUCell(4)(X[:, 0], [STATE[:1]]), lambda: L.GRUCell(4)(X[:, 0], [STATE]), "initial_state")
values(L.RNN, dict(cell=L.GRUCell(4)), ("P16", "cell", None, "gru", L.GRUCell, L.Dense(3), [None]), ("P16", "zero_output_for_mask", "x", 1), on=X)
values(
    L.Bidirectional,
    dict(layer=L.GRU(4), weights=None),
    ("P16", "layer", L.GRU, "gru", None),
    ("P16", "merge_mode", "cat", 3),
    ("P16", "weights", "abc", [0.5]),
    on=X,
    says=["set_weights"],
)


# ---- ids

embedding = L.Embedding(5, 2, name="words")
for what, ids in {
    "fractions": [[0.5, 1.0, 2.0]],
    "a negative fraction": [[-0.5, 1.0, 2.0]],
    "NaN": [[NAN, 1.0, 2.0]],
    "infinity": [[INF, 1.0, 2.0]],
    "large floats": [[1e30, 1, 2]],
}.items():
    both("P08", f"Embedding on {what}", lambda i: embedding(i), (np.array(ids),), (np.array([[4.0, 1.0, 2.0]]),), "Embedding")
for what, ids in {
    "uint64": np.array([[2**64 - 1, 1, 2]], np.uint64),
    "int8": np.array([[-1, 1, 2]], np.int8),
    "uint32": np.array([[2**31, 1, 2]], np.uint32),
    "bool": np.array([[True, False, True]]),
}.items():
    call("P09", f"Embedding on {what}", lambda i=ids: embedding(i), lambda: embedding(np.array([[4, 1, 2]], np.uint8)), "Embedding")
for what, ids in {"text": "ab", "None": None, "ragged": [[1], [1, 2]], "complex": [[1j]]}.items():
    call(
        "P16",
        f"embedding of {what}",
        lambda i=ids: L.embedding.embedding(i, np.zeros((5, 2))),
        lambda: L.embedding.embedding([[1]], np.zeros((5, 2))),
        r"\bids\b",
    )


# ---- labels of unaligned sequences

for loss, who in ((losses.ctc, "ctc"), (losses.CTC(), "CTC")):
    for what, labels in {
        "that are no class": [[1, 4], [1, 1]],
        "below 0": [[1, 2], [-1, 2]],
        "longer than the inputs": [[1] * 6] * 2,
        "with too many repeats": [[1, 1, 1, 1]] * 2,
        "of other rows": [[1, 2]] * 3,
        "of one axis": [1, 2],
        "of three axes": [[[1]], [[2]]],
    }.items():
        both("P09", f"{who} of labels {what}", lambda y, x, loss=loss: loss(y, x), (np.array(labels), LOGITS), (LABELS, LOGITS), rf"\b{who}\b")
    for what, labels in {"None": None, "text": "ab", "objects": [[None, 1]] * 2, "ragged": [[1], [1, 2]], "fractions": [[0.5, 1]] * 2}.items():
        call("P16", f"{who} of labels, {what}", lambda y=labels, loss=loss: loss(y, LOGITS), lambda loss=loss: loss(LABELS, LOGITS), "y_true", "label")
    for what, mask in {"of other steps": MASK[:, :4], "of other rows": MASK[:1], "of classes": np.ones((2, 5, 4), bool)}.items():
        both("P05", f"{who} with a mask {what}", lambda y, x, m, loss=loss: loss(y, x, mask=m), (LABELS, LOGITS, mask), (LABELS, LOGITS, MASK), "mask")
    call("P03", f"{who} without classes", lambda loss=loss: loss(LABELS * 0, LOGITS[..., :0]), lambda loss=loss: loss(LABELS * 0, LOGITS[..., :1]), "y_pred")
values(
    lambda **options: ops.ctc_decode(LOGITS, **options),
    dict(sequence_lengths=[5, 5], strategy="beam_search", beam_width=3, top_paths=1, mask_index=0),
    ("P09", "sequence_lengths", [6, 5], [-1, 5], np.array([2**63, 5], np.uint64)),
    ("P05", "sequence_lengths", [5], [[5, 5]]),
    ("P16", "sequence_lengths", [2.5, 5.0], None),
    ("P01", "beam_width", 0),
    ("P02", "beam_width", 2**50),
    ("P01", "top_paths", 0),
    ("P17", "top_paths", 4),
    ("P16", "strategy", "beam"),
    ("P17", "mask_index", 4, -5),
    name="ctc_decode",
    says=["paths", "sequence_lengths", "a beam", "ctc_decode: expected numbers"],
)


# ---- models, replayed


def tagger():
    model = pydl.Sequential([L.Input((None,), dtype="int32"), L.Embedding(5, 3, mask_zero=True), L.LSTM(4, return_sequences=True), L.Dense(5)])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


for what, ids in {"past the vocabulary": IDS + 9, "below 0": -IDS, "fractions": IDS + 0.5, "without steps": IDS[:, :0]}.items():
    call(
        "P09",
        f"replayed predict on ids {what}",
        lambda i=ids: recorded(tagger().predict, (IDS,), (i,)),
        lambda: recorded(tagger().predict, (IDS,), (IDS,)),
        "Embedding",
        "at least one step",
    )
    call(
        "P09",
        f"replayed training on ids {what}",
        lambda i=ids: recorded(tagger().train_on_batch, (IDS, IDS), (i, IDS[:, : i.shape[1]])),
        lambda: recorded(tagger().train_on_batch, (IDS, IDS), (IDS, IDS)),
        "Embedding",
        "at least one step",
    )
call(
    "P09",
    "replayed training on labels past the vocabulary",
    lambda: recorded(tagger().train_on_batch, (IDS, IDS), (IDS, IDS + 9)),
    lambda: recorded(tagger().train_on_batch, (IDS, IDS), (IDS, IDS)),
    "label 10",
)


# ---- texts

MODEL = tagger()
values(
    lambda **o: text.Vocabulary.from_sequences(**o),
    dict(sequences=["ab", "c"]),
    ("P16", "sequences", None, 3, "abc"),
    ("P16", "sequences", [None], [3]),
    ("P01", "min_count", 0),
    ("P01", "size", 0),
    ("P16", "order", "up"),
    name="from_sequences",
    says=["sequence 0"],
)
values(
    lambda **o: text.log_probability(MODEL, **o),
    dict(sequences=[[1, 2]], start=1),
    ("P16", "sequences", None, [1, 2], "ab", 3),
    ("P16", "start", None, "a", 1.5),
    ("P04", "start", -1),
    ("P01", "batch_size", 0),
    name="log_probability",
)
values(
    lambda **o: text.perplexity(MODEL, **o),
    dict(sequences=[[1, 2]], start=1),
    ("P16", "sequences", None, [1, 2]),
    ("P03", "sequences", [], [[]]),
    name="perplexity",
)
values(
    lambda **o: text.generate(MODEL, **o),
    dict(prefix=[1], length=2),
    ("P03", "prefix", [], [[]]),
    ("P16", "prefix", None, [1.5], "a"),
    ("P06", "prefix", [[[1]]]),
    ("P04", "length", -1),
    ("P16", "length", 1.5, None),
    ("P09", "stop", 5, -1),
    ("P17", "temperature", -1),
    ("P08", "temperature", NAN),
    ("P01", "top_k", 0),
    ("P17", "top_p", 0, 1.5),
    ("P16", "seed", "x"),
    name="generate",
)
call("P09", "generate from a token past the vocabulary", lambda: text.generate(MODEL, [9], 2), lambda: text.generate(MODEL, [4], 2), "id 9")
for what, row in {"NaN": [[NAN, 1.0]], "infinity": [[INF, 1.0]], "nothing that can be": [[-INF, -INF]]}.items():
    call("P08", f"sample_ids of {what}", lambda r=row: text.sample_ids(r), lambda: text.sample_ids([[-INF, 1.0]]), "logits")
values(
    text.windows,
    dict(ids=[1, 2, 3, 4], length=2),
    ("P07", "length", 4),
    ("P01", "length", 0),
    ("P01", "stride", 0),
    ("P16", "ids", None, "abcd", [1.5, 2.0, 3.0]),
    ("P06", "ids", [[1, 2, 3]]),
    ("P16", "targets", "last"),
    says=["windows: 4 numbers"],
)
values(
    text.streams,
    dict(ids=range(9), batch_size=2, length=2),
    ("P07", "length", 5),
    ("P01", "length", 0),
    ("P01", "batch_size", 0),
    ("P16", "ids", None, "abc"),
    says=["streams: 9 numbers"],
)
values(
    pydl.utils.pad_sequences,
    dict(sequences=[[1], [2, 3]], maxlen=4),
    ("P16", "sequences", None, "ab", 3),
    ("P16", "sequences", [1, 2], [[1j]], [[None]]),
    ("P01", "maxlen", 0),
    ("P04", "maxlen", -1),
    ("P02", "maxlen", 2**62),
    ("P08", "value", NAN, INF),
    ("P16", "value", 0.5, None, [1, 2]),
    ("P02", "value", 2**40),
    ("P16", "padding", "left"),
    ("P16", "truncating", "end"),
    ("P16", "dtype", "foo"),
    says=["sequence 0"],
)
values(
    pydl.utils.timeseries_dataset_from_array,
    dict(data=np.arange(9), targets=np.arange(9), sequence_length=3),
    ("P16", "data", None, "abc", ["a", "b"], [[1], [1, 2]], np.zeros(9, complex)),
    ("P06", "data", 3.0),
    ("P03", "data", [], np.zeros((0, 2))),
    ("P16", "targets", "abc", {}, object()),
    ("P03", "targets", []),
    ("P01", "sequence_length", 0),
    ("P04", "sequence_length", -1),
    ("P07", "sequence_length", 10, 2**62),
    ("P16", "sequence_length", None, 2.5, "3", True),
    ("P01", "sequence_stride", 0),
    ("P07", "sequence_stride", 9),
    ("P16", "sequence_stride", None, 1.5),
    ("P01", "sampling_rate", 0),
    ("P07", "sampling_rate", 5, 2**62),
    ("P16", "sampling_rate", None, "1"),
    ("P01", "batch_size", 0),
    ("P16", "batch_size", 2.0, "all"),
    ("P16", "shuffle", "yes", 1, None),
    ("P04", "seed", -1),
    ("P16", "seed", 1.5, "x"),
    ("P04", "start_index", -1),
    ("P07", "start_index", 9),
    ("P01", "end_index", 0),
    ("P07", "end_index", 10),
    ("P16", "end_index", 2.5),
)
values(text.chunks, dict(tags=["B-x", "O"]), ("P16", "tags", None, "O", 3, ["X"], [None]), says=["tag 0"])
values(text.chunk_scores, dict(true=[["O"]], predicted=[["O"]]), ("P16", "true", None, ["O"], [None]), ("P05", "predicted", [], [["O", "O"]]))
values(
    spectrogram,
    dict(samples=np.zeros(600), rate=8000),
    ("P16", "samples", None, "x", np.zeros(600, complex)),
    ("P06", "samples", np.zeros((2, 300))),
    ("P08", "samples", np.full(600, NAN)),
    ("P01", "frame", 0),
    ("P01", "hop", 0),
    ("P16", "window", "square"),
    ("P16", "log", "x", 1),
    says=["sample 0"],
)
