"""Text: vocabularies, tokens, padding, windows, language models run step by step, their probabilities and their samples."""
import json
import random as python_random

import numpy as np
import pytest

import pydl
from pydl import layers, text
from pydl.errors import DTypeError, FormatError, ShapeError
from pydl.utils import pad_sequences

rng = np.random.default_rng(5)


# ---- vocabulary

def test_special_tokens_stand_first_and_in_order():
    v = text.Vocabulary("ab", padding="<PAD>", start="<S>", end="<EOS>")
    assert v.tokens == ["<PAD>", "<UNK>", "<S>", "<EOS>", "a", "b"] and len(v) == 6
    assert (v.padding_id, v.unknown_id, v.start_id, v.end_id) == (0, 1, 2, 3)
    assert v.encode("abz", start=True, end=True).tolist() == [2, 4, 5, 1, 3] and v.encode("").dtype == np.int32
    assert v.decode([2, 4, 0, 5, 3, 4]) == ["<S>", "a", "b"] and v.decode([4, 5], join="") == "ab" and v.decode([]) == []
    assert "a" in v and "z" not in v
    assert text.Vocabulary(["\n", "a"], unknown=None, end="\n").tokens == ["\n", "a"]       # a special token may be one of the tokens


def test_counts_decide_and_code_points_break_ties():
    sentences = [text.words(s) for s in ("The cat sat.", "the dog sat!", "A cat")]
    v = text.Vocabulary.from_sequences(sentences, padding="<PAD>")
    assert v.tokens == ["<PAD>", "<UNK>", "cat", "sat", "the", "!", ".", "a", "dog"]
    assert text.Vocabulary.from_sequences(sentences, min_count=2).tokens == ["<UNK>", "cat", "sat", "the"]
    assert text.Vocabulary.from_sequences(sentences, size=3).tokens == ["<UNK>", "cat", "sat"]
    assert text.Vocabulary.from_sequences(sentences, size=1).tokens == ["<UNK>"]
    assert text.Vocabulary.from_sequences(["ba\n", "a"], order="sorted", unknown=None, end="\n").tokens == ["\n", "a", "b"]
    assert text.Vocabulary.from_sequences([["the", "<UNK>", "the", "a"]], size=2).tokens == ["the", "<UNK>"]
    shuffled = [list(s) for s in sentences]
    python_random.Random(1).shuffle(shuffled)
    assert text.Vocabulary.from_sequences(shuffled, padding="<PAD>") == v


def test_decode_turns_encode_around():
    letters = [chr(c) for c in range(32, 500)]
    v = text.Vocabulary(letters)
    for _ in range(20):
        word = "".join(python_random.Random(3).choices(letters, k=50))
        assert v.decode(v.encode(word), join="") == word


def test_one_hot():
    v = text.Vocabulary("abc", unknown=None)
    ids = rng.integers(0, 3, (4, 5))
    rows = v.one_hot(ids, "float64")
    assert rows.dtype == np.float64 and rows.shape == (4, 5, 3) and (rows.argmax(-1) == ids).all() and (rows.sum(-1) == 1).all()
    assert v.one_hot([]).shape == (0, 3)


@pytest.mark.parametrize("make", [
    lambda: text.Vocabulary("abc"),
    lambda: text.Vocabulary(["\n", "\u4f60", '"', "\\", "\ud7ff", "x y"], unknown=None, end="\n"),
    lambda: text.Vocabulary([], padding="0", start="<", end=">"),
])
def test_save_and_load(tmp_path, make):
    v = make()
    v.save(tmp_path / "v.json")
    again = text.Vocabulary.load(tmp_path / "v.json")
    assert again == v and again.tokens == v.tokens and again.unknown == v.unknown


@pytest.mark.parametrize("change,message", [
    (lambda c: c.pop("tokens"), "damaged"), (lambda c: c.update(tokens="ab"), "damaged"), (lambda c: c.update(tokens=["a", "a"]), "more than once"),
    (lambda c: c.update(tokens=["a", 1]), "must be strings"), (lambda c: c.update(version=2), "version 2"),
    (lambda c: c.update(format="x"), "not a vocabulary"),
    (lambda c: c.update(end=3), "end must be a string"), (lambda c: c.update(more=1), "damaged"), (lambda c: c.update(tokens=[], unknown=None), "no tokens"),
])
def test_damaged_files(tmp_path, change, message):
    path = tmp_path / "v.json"
    text.Vocabulary("ab").save(path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=message):
        text.Vocabulary.load(path)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[" * 100_000, b"[1]", b"nonsense"])
def test_files_that_are_something_else(tmp_path, data):
    (tmp_path / "v.json").write_bytes(data)
    with pytest.raises(FormatError, match="not a vocabulary"):
        text.Vocabulary.load(tmp_path / "v.json")


@pytest.mark.parametrize("call,error,message", [
    (lambda: text.Vocabulary(["a", "b", "a"]), ValueError, "token 'a' comes more than once"),
    (lambda: text.Vocabulary(["a", ""]), ValueError, "must not be empty"),
    (lambda: text.Vocabulary(["a", 1]), TypeError, "must be strings, got 1"),
    (lambda: text.Vocabulary(3), TypeError, "a list of strings, got 3"),
    (lambda: text.Vocabulary("a", end=""), TypeError, "end must be a string"),
    (lambda: text.Vocabulary("a", end="x", start="x"), ValueError, "must differ"),
    (lambda: text.Vocabulary([], unknown=None), ValueError, "no tokens"),
    (lambda: text.Vocabulary.from_sequences("abc"), TypeError, r"pass \[text\]"),
    (lambda: text.Vocabulary.from_sequences([["a"], 3]), TypeError, "sequence 1 must be a list of tokens"),
    (lambda: text.Vocabulary.from_sequences([["a", 3]]), TypeError, "strings that are not empty, got 3"),
    (lambda: text.Vocabulary.from_sequences(["ab"], size=1, padding="<PAD>"), ValueError, "size"),
    (lambda: text.Vocabulary.from_sequences(["ab"], min_count=0), ValueError, "min_count"),
    (lambda: text.Vocabulary.from_sequences(["ab"], order="alphabetical"), ValueError, "order must be one of"),
    (lambda: text.Vocabulary("ab", unknown=None).encode("abc"), ValueError, "'c' is none of the 2 tokens"),
    (lambda: text.Vocabulary("ab").encode(5), TypeError, "tokens must be a sequence"),
    (lambda: text.Vocabulary("ab").encode("a", end=True), ValueError, "no token of end"),
    (lambda: text.Vocabulary("ab").decode([0, 3]), ValueError, r"id 3 \(number 1\) is outside the vocabulary, 0 <= id < 3"),
    (lambda: text.Vocabulary("ab").decode([-1]), ValueError, "id -1"),
    (lambda: text.Vocabulary("ab").decode([[1]]), ShapeError, "one sequence"),
    (lambda: text.Vocabulary("ab").decode([1.0]), DTypeError, "integers"),
    (lambda: text.Vocabulary("ab").one_hot([3]), ValueError, "id 3"),
    (lambda: text.Vocabulary("ab").one_hot([1], "int32"), ValueError, "dtype"),
    (lambda: text.words(b"ab"), TypeError, "text must be a string"),
    (lambda: text.characters("ab", lower=1), TypeError, "lower must be True or False"),
])
def test_bad_vocabularies(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_words():
    wanted = ["it's", "3", ".", "14", "\u2014", "na\u00efve", "r\u00e9sum\u00e9s", ",", "(", "yes", ")", "!"]
    assert text.words("It's 3.14 \u2014 na\u00efve r\u00e9sum\u00e9s, (yes)!") == wanted
    assert text.words("It's (A) 'test'.", lower=False, punctuation=False) == ["It's", "A", "test"] and text.words("") == []


# ---- padding

def plain_padding(sequences, maxlen, padding, truncating, value):
    out = []
    for s in sequences:
        s = s[len(s) - maxlen:] if len(s) > maxlen and truncating == "pre" else s[:maxlen]
        fill = [value] * (maxlen - len(s))
        out.append(fill + s if padding == "pre" else s + fill)
    return out


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 1, 3, 9])
def test_pad_sequences(padding, truncating, maxlen):
    sequences = [[1], [], [2, 3, 4, 5], [6, 7]]
    got = pad_sequences(sequences, maxlen, padding=padding, truncating=truncating, value=-1)
    assert got.dtype == np.int32 and got.tolist() == plain_padding(sequences, maxlen or 4, padding, truncating, -1)


def test_pad_sequences_of_vectors_reals_and_texts():
    got = pad_sequences([np.ones((2, 3)), np.zeros((0, 3)), np.full((1, 3), 2.5)], dtype="float32")
    assert got.shape == (3, 2, 3) and got.dtype == np.float32 and got[2].tolist() == [[0] * 3, [2.5] * 3] and not got[1].any()
    assert pad_sequences([["a"], ["b", "cd"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "cd"]]
    assert pad_sequences([], maxlen=3).shape == (0, 3) and pad_sequences([[], []]).shape == (2, 0)
    assert pydl.preprocessing.sequence.pad_sequences is pad_sequences


@pytest.mark.parametrize("arguments,error,message", [
    (dict(sequences=5), TypeError, "a list of sequences"), (dict(sequences="abc"), TypeError, "a list of sequences"),
    (dict(sequences=[[1], 2]), TypeError, "sequence 1 must be a sequence, got 2"), (dict(sequences=[]), ShapeError, "pass it"),
    (dict(maxlen=0), ValueError, "maxlen must be a positive integer"), (dict(padding="before"), ValueError, "padding must be one of"),
    (dict(truncating="end"), ValueError, "truncating must be one of"), (dict(dtype="int33"), TypeError, "dtype must name"),
    (dict(value="x"), DTypeError, "is text"), (dict(sequences=[[1.5]]), DTypeError, "sequence 0 holds numbers that int32 does not .1.5."),
    (dict(sequences=[[1], [2**40]]), DTypeError, "sequence 1"), (dict(sequences=[["a"]]), ValueError, "sequence 0 cannot be turned into int32"),
    (dict(sequences=[[[1, 2]], [3]]), ShapeError, r"sequence 1 has elements of shape \(\), those before have \(2,\)"),
])
def test_bad_padding(arguments, error, message):
    with pytest.raises(error, match=message):
        pad_sequences(**{"sequences": [[1], [2, 3]], **arguments})


# ---- windows

@pytest.mark.parametrize("n,length,stride", [(10, 3, None), (10, 3, 1), (10, 9, 4), (4, 3, 2), (101, 7, 3)])
def test_windows(n, length, stride):
    ids = rng.integers(0, 50, n)
    starts = range(0, n - length, stride or length)
    x, y = text.windows(ids, length, stride)
    assert x.tolist() == [ids[s:s + length].tolist() for s in starts] and y.tolist() == [ids[s + 1:s + length + 1].tolist() for s in starts]
    assert text.windows(ids, length, stride, targets="next")[1].tolist() == [int(ids[s + length]) for s in starts]
    assert len(x) == (n - 1 - length) // (stride or length) + 1


@pytest.mark.parametrize("n,batch,length", [(21, 2, 5), (22, 2, 5), (1000, 7, 13), (3, 2, 1)])
def test_streams_follow_on(n, batch, length):
    """Batch k's row i is followed by batch k + 1's row i, and y is x one step later."""
    ids = np.arange(n)
    x, y = text.streams(ids, batch, length)
    assert x.shape == y.shape == (((n - 1) // batch // length) * batch, length)
    grid = x.reshape(-1, batch, length)
    for i in range(batch):
        stream = grid[:, i].reshape(-1)
        assert (np.diff(stream) == 1).all() and stream[0] == i * ((n - 1) // batch)
    assert (y == x + 1).all()


@pytest.mark.parametrize("call,error,message", [
    (lambda: text.windows([1, 2, 3], 3), ShapeError, "3 numbers hold no window of 3 and its next one"),
    (lambda: text.windows([1.0, 2.0], 1), DTypeError, "integers"), (lambda: text.windows([[1, 2]], 1), ShapeError, "one sequence"),
    (lambda: text.windows([1, 2], 1, stride=0), ValueError, "stride"), (lambda: text.windows([1, 2], 1, targets="last"), ValueError, "targets"),
    (lambda: text.streams([1, 2, 3, 4], 2, 2), ShapeError, "hold no 2 streams"), (lambda: text.streams([1, 2], 0, 1), ValueError, "batch_size"),
])
def test_bad_windows(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- models step by step

def language_model(kind=layers.LSTM, vocabulary=7, ids=True, **options):
    first = [layers.Input((None,), dtype="int32"), layers.Embedding(vocabulary, 5)] if ids else [layers.Input((None, vocabulary))]
    return pydl.Sequential([*first, kind(6, return_sequences=True, **options), layers.Dense(vocabulary)])


class Doubled(layers.Layer):
    """A layer of a user's, not registered."""

    def call(self, x):
        return x * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape


def functional():
    given = layers.Input((9,), dtype="int32")                                             # a declared length is open in the copy
    h = layers.Embedding(7, 5)(given)
    a = layers.GRU(6, return_sequences=True)(h)
    b = layers.SimpleRNN(5, return_sequences=True, stateful=True)(layers.LayerNormalization()(a))
    return pydl.Model(given, layers.Dense(7)(layers.Dropout(0.5)(Doubled()(layers.Concatenate()([a, b, h])))))


MODELS = {
    "lstm": language_model, "gru": lambda: language_model(layers.GRU), "gru before": lambda: language_model(layers.GRU, reset_after=False),
    "rnn": lambda: language_model(layers.SimpleRNN), "relu": lambda: language_model(layers.SimpleRNN, activation="relu"),
    "stateful": lambda: language_model(stateful=True), "functional": functional,
    "nested": lambda: pydl.Sequential([layers.Input((None,), dtype="int32"), language_model(), layers.TimeDistributed(layers.Dense(7))]),
    "dropout": lambda: language_model(dropout=0.5, recurrent_dropout=0.5),
}


@pytest.mark.parametrize("name", MODELS)
def test_stepwise_is_the_whole(name):
    model = MODELS[name]()
    x = rng.integers(0, 7, (3, 9)).astype(np.int32)
    whole = model.predict(x)
    runner = text.Stepwise(model, rows=3)
    for _ in range(2):                                                                    # reset begins anew
        got = [runner.feed(x[:, :4])] + [runner.step(x[:, t]) for t in range(4, 9)]
        np.testing.assert_allclose(np.stack(got, 1), whole[:, 3:], rtol=1e-4, atol=1e-5)
        runner.reset()
    alone = text.Stepwise(model)
    np.testing.assert_allclose([alone.step(x[1:2, t])[0] for t in range(9)], whole[1], rtol=1e-4, atol=1e-5)


def test_stepwise_of_vectors_and_of_the_last_step_alone():
    model = pydl.Sequential([layers.Input((None, 3)), layers.GRU(4), layers.Dense(2)])
    x = rng.standard_normal((2, 6, 3)).astype("float32")
    runner = text.Stepwise(model, 2)
    for t in range(6):
        np.testing.assert_allclose(runner.step(x[:, t]), model.predict(x[:, :t + 1]), rtol=1e-4, atol=1e-5)


def test_stepwise_takes_over_new_weights_and_leaves_the_model_alone():
    model = language_model(stateful=True)
    x = rng.integers(0, 7, (1, 4)).astype(np.int32)
    before = model.predict(x)
    model.layers[1].reset_states()
    runner = text.Stepwise(model)
    runner.feed(x)
    np.testing.assert_array_equal(model.predict(x), before)                               # the runner's state is its own
    model.set_weights([w * 0.5 for w in model.get_weights()])
    runner.reset()
    old = runner.feed(x)
    runner.refresh()
    runner.reset()
    model.layers[1].reset_states()
    assert not np.allclose(old, before[:, -1] * 0, atol=1e-9)
    np.testing.assert_allclose(runner.feed(x), model.predict(x)[:, -1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make,error,message", [
    (lambda: text.Stepwise(3), TypeError, "expected a model"),
    (lambda: text.Stepwise(pydl.Sequential([layers.LSTM(3)])), ValueError, "not built"),
    (lambda: text.Stepwise(language_model(), rows=0), ValueError, "rows"),
    (lambda: text.Stepwise(language_model(go_backwards=True)), ValueError, "reads the sequence backwards"),
    (lambda: text.Stepwise(pydl.Sequential([layers.Input((None, 3)), layers.Bidirectional(layers.LSTM(3, return_sequences=True))])), ValueError, "backwards"),
    (lambda: text.Stepwise(pydl.Sequential([layers.Input((None, 3)), layers.GlobalAveragePooling1D(), layers.Dense(3)])), ValueError, "step by step"),
    (lambda: text.Stepwise(pydl.Sequential([layers.Input((None, 3)), layers.Conv1D(3, 2, padding="causal"), layers.LSTM(3)])), ValueError, "step by step"),
    (lambda: text.Stepwise(pydl.Sequential([layers.Input((None, 3)), layers.Conv1D(3, 2), layers.LSTM(3)])), ValueError, "step by step"),
    (lambda: text.Stepwise(pydl.Sequential([layers.Input((4, 3)), layers.LSTM(3, return_sequences=True), layers.Flatten(), layers.Dense(3)])),
     ValueError, "step by step"),
    (lambda: text.Stepwise(pydl.Sequential([layers.Input((4,)), layers.Dense(3)])), ValueError, "step by step"),
    (lambda: text.Stepwise(pydl.Sequential([layers.Input((4, 4, 3)), layers.Conv2D(3, 1)])), ShapeError, "one input"),
    (lambda: text.Stepwise(language_model()).step([7]), ValueError, "id 7"),
    (lambda: text.Stepwise(language_model()).step([1, 2]), ShapeError, r"x of shape \(1,\), got \(2,\)"),
    (lambda: text.Stepwise(language_model()).feed([1, 2]), ShapeError, r"x of shape \(1, T\), got \(2,\)"),
    (lambda: text.Stepwise(language_model()).feed(np.zeros((1, 0), int)), ShapeError, "got"),
    (lambda: text.Stepwise(language_model()).step([1.0]), DTypeError, "numbers of tokens"),
    (lambda: text.Stepwise(language_model(ids=False)).step(np.zeros((1, 5))), ShapeError, r"\(1, 7\), got \(1, 5\)"),
])
def test_bad_steps(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- language models

def log_softmax(x):
    x = np.asarray(x, np.float64)
    return x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True))


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("logits", [True, False])
def test_the_probability_of_a_sentence(ids, logits):
    model = language_model(ids=ids)
    if not logits:
        model = pydl.Sequential([*([layers.Input((None,), dtype="int32")] if ids else [layers.Input((None, 7))]), *model.layers, layers.Softmax()])
    start, sequences = (6 if ids else -1), [[1, 2, 3], [], [0], [5, 5, 5, 5, 2, 1]]
    wanted = []
    for s in sequences:
        total, runner = 0.0, text.Stepwise(model)
        for before, token in zip([start, *s], s):
            scores = runner.step(np.array([before]) if ids else np.eye(8, 7)[[before]])[0]
            total += (log_softmax(scores) if logits else np.log(scores))[token]
        wanted.append(total)
    for batch_size in (1, 2, 32):
        np.testing.assert_allclose(text.log_probability(model, sequences, start, logits, batch_size), wanted, rtol=1e-5, atol=1e-6)
    assert text.perplexity(model, sequences, start, logits) == pytest.approx(np.exp(-sum(wanted) / 10), rel=1e-5)


def test_all_sentences_of_a_length_add_up_to_one():
    model = language_model(vocabulary=3)
    every = [[a, b, c] for a in range(3) for b in range(3) for c in range(3)]
    assert np.exp(text.log_probability(model, every, start=0)).sum() == pytest.approx(1, abs=1e-5)


def trained(stride=1):
    """A model that has learned to count modulo 5."""
    pydl.utils.set_random_seed(3)
    x, y = text.windows(np.arange(400) % 5, 8, stride=stride)
    model = language_model(layers.GRU, vocabulary=5)
    model.compile(pydl.optimizers.Adam(0.02), pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[pydl.metrics.Perplexity(from_logits=True)])
    history = model.fit(x, y, batch_size=32, epochs=8, verbose=0)
    assert history.history["perplexity"][-1] < 1.5 < 3 < history.history["perplexity"][0]
    return model


def test_generate():
    model = trained()
    assert text.generate(model, [1], 12, temperature=0).tolist() == [(2 + i) % 5 for i in range(12)]
    assert text.generate(model, [[1, 2], [3, 4]], 4, temperature=0).tolist() == [[3, 4, 0, 1], [0, 1, 2, 3]]
    assert text.generate(model, [[1], [3]], 9, temperature=0, stop=4).tolist() == [[2, 3, 4], [4, 4, 4]]      # until every row has stopped
    assert text.generate(model, [1], 0).shape == (0,) and text.generate(model, [[1], [2]], 0).shape == (2, 0)
    a, b, c = (text.generate(model, [1], 40, temperature=3.0, seed=s) for s in (1, 1, 2))
    assert (a == b).all() and (a != c).any()
    runner = text.Stepwise(model)
    assert (text.generate(runner, [1], 40, temperature=3.0, seed=1) == a).all() and (text.generate(runner, [1], 40, temperature=3.0, seed=1) == a).all()
    generator = pydl.random.SeedGenerator(1)
    assert (text.generate(model, [1], 40, 3.0, seed=generator) != text.generate(model, [1], 40, 3.0, seed=generator)).any()
    assert text.generate(model, [1], 20, temperature=5.0, top_k=1, seed=3).tolist() == text.generate(model, [1], 20, temperature=0).tolist()


def test_what_is_generated_is_what_the_model_says():
    """Drawing from the outputs of the whole prefix, computed anew for every step, gives the same text."""
    model = language_model()
    got = text.generate(model, [2, 3], 15, temperature=1.5, top_p=0.9, seed=7)
    prefix, generator = [2, 3], pydl.random.SeedGenerator(7)
    for token in got:
        scores = model.predict(np.array([prefix], np.int32))[0, -1]
        assert text.sample_ids(scores, 1.5, top_p=0.9, seed=generator) == token
        prefix.append(int(token))


def test_a_step_costs_the_same_after_any_prefix():
    """The model is run on one step at a time: every replayed program has one step, none the length of the prefix."""
    runner = text.Stepwise(language_model())
    text.generate(runner, [1], 50, seed=1)
    assert {step.inputs[0].shape for _, step in runner.model._steps.items()} == {(1, 1)}


def test_one_hot_models_begin_with_zeros():
    model = language_model(ids=False)
    first = log_softmax(model.predict(np.zeros((1, 1, 7), np.float32))[0, 0])
    draws = [int(text.generate(text.Stepwise(model), [-1], 1, seed=s)[0]) for s in range(3)]
    assert draws == [int(text.sample_ids(first, seed=pydl.random.SeedGenerator(s))) for s in range(3)]


@pytest.mark.parametrize("arguments,error,message", [
    (dict(prefix=[]), ShapeError, "at least one"), (dict(prefix=[1.5]), ShapeError, "numbers of tokens"), (dict(prefix=[7]), ValueError, "id 7"),
    (dict(prefix=[-1]), ValueError, "id -1"), (dict(length=-1), ValueError, "length"), (dict(temperature=-1), ValueError, "temperature"),
    (dict(top_k=0), ValueError, "top_k"), (dict(top_p=2.0), ValueError, "top_p"), (dict(stop=7), ValueError, r"stop must be an integer in \[0, 6\]"),
    (dict(from_logits=False), ValueError, "no probabilities; pass from_logits=True"), (dict(model=text), TypeError, "expected a model"),
])
def test_bad_generation(arguments, error, message):
    pydl.utils.set_random_seed(1)
    with pytest.raises(error, match=message):
        text.generate(**{"model": language_model(), "prefix": [1], "length": 3, **arguments})


def softmaxed(model):
    return pydl.Sequential([layers.Input((None,), dtype="int32"), *model.layers, layers.Softmax()])


@pytest.mark.parametrize("call,error,message", [
    (lambda m: text.log_probability(m, [[1, 7]], 0), ValueError, "label 7"),
    (lambda m: text.log_probability(m, [[1]], 9), ValueError, "id 9"),
    (lambda m: text.log_probability(m, [[1]], -1), ValueError, "start must be an integer >= 0"),
    (lambda m: text.log_probability(m, [[1.0]], 0), DTypeError, "sequence 0"),
    (lambda m: text.log_probability(m, [[[1]]], 0), ShapeError, "sequence 0"),
    (lambda m: text.perplexity(m, [[]], 0), ValueError, "no token"),
    (lambda m: text.log_probability(softmaxed(m), [[1]], 0), ValueError, "looks like probabilities"),
    (lambda m: text.generate(softmaxed(m), [1], 2), ValueError, "looks like probabilities"),
    (lambda m: text.generate(text.Stepwise(m, 2), [1], 2), ShapeError, "1 row, the Stepwise runs 2"),
    (lambda m: text.generate(text.Stepwise(m, 2), [[1]], 2), ShapeError, "1 rows, the Stepwise runs 2"),
])
def test_bad_probabilities(call, error, message):
    with pytest.raises(error, match=message):
        call(language_model())


# ---- chunks

def plain_chunks(tags):
    """A chunk is begun by every B- and by an I- that nothing of its name stands before, and goes on while I- of its name follow."""
    found, i = [], 0
    while i < len(tags):
        if tags[i] == "O":
            i += 1
            continue
        name, j = tags[i][2:], i + 1
        while j < len(tags) and tags[j] == f"I-{name}":
            j += 1
        found.append((name, i, j))
        i = j
    return found


def test_chunks():
    for _ in range(200):
        tags = [str(t) for t in rng.choice(["O", "B-NP", "I-NP", "B-VP", "I-VP"], rng.integers(0, 9))]
        assert text.chunks(tags) == plain_chunks(tags)
    assert text.chunks(["B-A-B", "I-A-B"]) == [("A-B", 0, 2)]


def test_chunk_scores():
    true = [["B-NP", "I-NP", "O", "B-VP"], ["B-NP", "B-NP"], []]
    said = [["B-NP", "I-NP", "I-NP", "B-VP"], ["B-NP", "I-VP"], []]
    scores = text.chunk_scores(true, said)                                                # found: VP of the first, the first NP of the second
    assert scores == pytest.approx({"precision": 2 / 4, "recall": 2 / 4, "f1": 0.5})
    assert text.chunk_scores(true, true) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert text.chunk_scores([["O"]], [["O"]]) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


@pytest.mark.parametrize("call,error,message", [
    (lambda: text.chunks(["B-NP", "NP"]), ValueError, "tag 1 must be 'O', 'B-name' or 'I-name', got 'NP'"),
    (lambda: text.chunks(["B-"]), ValueError, "tag 0"), (lambda: text.chunks([3]), ValueError, "tag 0"),
    (lambda: text.chunk_scores([["O"]], []), ShapeError, "1 true sequences, 0 predicted"),
    (lambda: text.chunk_scores([["O"]], [["O", "O"]]), ShapeError, "sequence 0 has 1 true tags and 2"),
])
def test_bad_chunks(call, error, message):
    with pytest.raises(error, match=message):
        call()
