"""Masks end to end: padding changes no output and no gradient, whatever layers lie between the ids and the result; and where a mask ends, it is said."""
import warnings

import numpy as np
import pytest

import pydl
from pydl import layers, ops

rng = np.random.default_rng(23)
LENGTHS, MORE = [4, 2, 3, 1], 3
F64 = {"dtype": "float64"}


def kinds():
    """(name, layers): what stands between an Embedding and the last layer."""
    for cls in (layers.SimpleRNN, layers.GRU, layers.SimplifiedGRU, layers.LSTM):
        for back in (False, True):
            for sequences in (False, True):
                for name, options in (("", {}), (" recomputing", {"recompute": True}), (" step by step", {"activation": "sigmoid"})):
                    yield (f"{cls.__name__}{' backwards' * back}{' sequences' * sequences}{name}",
                           [cls(3, go_backwards=back, return_sequences=sequences, **options, **F64)])
    for back in (False, True):
        for sequences in (False, True):
            for zeros in (False, True):
                cells = [layers.GRUCell(2, reset_after=False, **F64), layers.LSTMCell(3, **F64)]
                yield (f"cells{' backwards' * back}{' sequences' * sequences}{' zeros' * zeros}",
                       [layers.RNN(cells, go_backwards=back, return_sequences=sequences, zero_output_for_mask=zeros)])
    for mode in ("concat", "sum", "mul", "ave"):
        for sequences in (False, True):
            yield f"both ways, {mode}{' sequences' * sequences}", [layers.Bidirectional(layers.LSTM(3, return_sequences=sequences, **F64), merge_mode=mode)]
    yield "both ways with cells", [layers.Bidirectional(layers.RNN(layers.LSTMCell(3, **F64), return_sequences=True))]
    yield "reset before, then peepholes", [layers.GRU(3, reset_after=False, return_sequences=True, **F64), layers.LSTM(3, peephole=True, **F64)]
    yield "backwards and back", [cls(3, go_backwards=True, return_sequences=True, **F64) for cls in (layers.LSTM, layers.GRU)]
    yield "the mean", [layers.GlobalAveragePooling1D(**F64)]
    yield "the largest", [layers.Dense(3, **F64), layers.GlobalMaxPooling1D(keepdims=True, **F64)]
    yield "normalised by the batch", [layers.BatchNormalization(**F64)]
    yield "normalised by the batch, in steps", [layers.TimeDistributed(layers.BatchNormalization(scale=False, **F64)), layers.LeakyReLU(**F64)]
    yield "normalised by the sample", [layers.LayerNormalization(**F64), layers.TimeDistributed(layers.Dense(3, activation="tanh", **F64))]
    yield "another Masking", [layers.Masking(7.0, **F64)]


def model_of(between):
    """Ids -> Embedding -> the layers -> their steps or their last output, by way of a GRU where there are steps."""
    ids = layers.Input((None,), dtype="int32")
    x = layers.Embedding(9, 3, mask_zero=True, **F64)(ids)
    for layer in between:
        x = layer(x)
    return pydl.Model(ids, layers.GRU(2, **F64)(x) if x.ndim == 3 and x.shape[1] != 1 else x)


def run(model, ids, seeds):
    """Output and gradients of one training step."""
    def loss():
        y = model(ids, training=True)
        outputs.append(np.array(y.numpy()))
        return ops.sum(y * seeds)
    outputs = []
    gradients = pydl.grad(loss, wrt=model.trainable_weights)()
    return outputs + [g.numpy() for g in gradients] + model.get_weights()


@pytest.mark.parametrize(("name", "between"), list(kinds()), ids=[name for name, _ in kinds()])
def test_padding_changes_nothing(name, between):
    """Outputs, gradients, moving averages: of sequences of unequal lengths, as they are and with three more steps of padding."""
    ids = rng.integers(1, 9, (4, max(LENGTHS))).astype(np.int32)
    ids[np.arange(max(LENGTHS)) >= np.array(LENGTHS)[:, None]] = 0
    model = model_of(between)
    for parameter in model.weights:
        parameter.assign(rng.random(parameter.shape) + 0.5 if parameter.name == "moving_variance" else 0.7 * rng.standard_normal(parameter.shape))
    start, seeds = model.get_weights(), rng.standard_normal(model(ids).shape)
    want = run(model, ids, seeds)
    model.set_weights(start)
    got = run(model, np.pad(ids, ((0, 0), (0, MORE))), seeds)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-13)
    assert np.abs(np.asarray(model(np.pad(ids, ((0, 0), (0, MORE)), constant_values=8))) - want[0]).max() > 1e-6


# ---- the ways of a mask

X = rng.standard_normal((2, 4, 3))
MASK = np.array([[True, True, False, False], [True, True, True, False]])


def masked():
    return layers.Embedding(9, 3, mask_zero=True)(np.array([[1, 2, 0, 0], [1, 2, 3, 0]]))


@pytest.mark.parametrize("make", [lambda **o: layers.LSTM(3, **o), lambda **o: layers.RNN(layers.LSTMCell(3), **o)])
def test_backwards_the_mask_is_turned_as_the_steps_are(make):
    y = make(go_backwards=True, return_sequences=True)(masked())
    np.testing.assert_array_equal(y.mask.numpy(), MASK[:, ::-1])
    np.testing.assert_array_equal(make(return_sequences=True)(masked()).mask.numpy(), MASK)


def test_a_mask_comes_with_the_first_of_a_list_through_another_dtype_and_to_both_directions():
    layer, h, x = layers.LSTM(3, return_sequences=True), np.ones((2, 3), "float32"), masked()
    np.testing.assert_array_equal(layer([x, h, h]).numpy(), layer(x, initial_state=[h, h]).numpy())
    np.testing.assert_array_equal(layers.LSTM(3, return_sequences=True, dtype="float64")(masked()).mask.numpy(), MASK)
    for y in layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode=None)(masked()):
        np.testing.assert_array_equal(y.mask.numpy(), MASK)
    assert getattr(layers.Bidirectional(layers.GRU(3))(masked()), "mask", None) is None


@pytest.mark.parametrize("layer", [layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_pooling_of_the_live_steps(layer, keepdims, first):
    mask = np.concatenate([MASK, [[False] * 4]])
    x = np.where(mask[..., None], rng.standard_normal((3, 4, 5)), np.nan)                          # what lies in the padding is not looked at
    made = layer(data_format="channels_first" if first else "channels_last", keepdims=keepdims, dtype="float64")
    axis = 2 if first else 1
    y = made(np.swapaxes(x, 1, 2) if first else x, mask=pydl.Tensor(mask)).numpy()
    function = np.mean if layer is layers.GlobalAveragePooling1D else np.max
    want = np.array([function(row[live], axis=0) if live.any() else np.zeros(5) for row, live in zip(x, mask)])
    np.testing.assert_allclose(y, np.expand_dims(want, axis) if keepdims else want, rtol=1e-14)
    assert pydl.gradcheck(lambda t: ops.sum(ops.square(made(t, mask=pydl.Tensor(mask)))), [rng.standard_normal((3, 5, 4) if first else (3, 4, 5))])
    with pytest.raises(ValueError, match=r"mask must have shape \(3, 4\), one value for each step, got \(3, 2\)"):
        made(rng.standard_normal((3, 5, 4) if first else (3, 4, 5)), mask=pydl.Tensor(mask[:, :2]))


def test_gradients_through_the_statistics_of_the_live_steps():           # their values: test_norm.py
    layer = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, dtype="float64")
    layer(X)
    layer.set_weights([np.array([1.0, 2.0, 0.5]), np.array([0.1, 0.2, 0.3]), np.array([3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0])])
    assert pydl.gradcheck(lambda t: ops.sum(ops.square(layer(t, training=True, mask=pydl.Tensor(MASK)) + t)), [X], parameters=layer.trainable_weights)
    with pytest.raises(ValueError, match="mask must have shape"):
        layer(X, training=True, mask=pydl.Tensor(MASK[:, :2]))


def test_masked_statistics_are_recorded():
    """A model with a masked batch normalisation trains from a recording, to the same numbers as without."""
    ids, found = np.array([[1, 2, 0, 0], [3, 4, 5, 0]], np.int32), []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(1)
        model = pydl.Sequential([layers.Input((4,), dtype="int32"), layers.Embedding(9, 3, mask_zero=True), layers.BatchNormalization(),
                                 layers.ReLU(), layers.GlobalMaxPooling1D(), layers.Dense(1)])
        model.compile(pydl.optimizers.SGD(0.1), "mse", run_eagerly=eagerly)
        found.append([model.train_on_batch(ids, np.ones((2, 1))) for _ in range(6)] + [w.sum() for w in model.get_weights()])
        assert len(model.recorded_steps()) == (0 if eagerly else 1)
    assert found[0] == found[1]


def test_it_is_said_once_where_a_mask_ends():
    flatten, x = layers.Flatten(name="flat"), masked()
    with pytest.warns(UserWarning, match="Flatten 'flat': its input says by a mask which steps are padding"):
        flatten(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flatten(x)
        for layer in (layers.Dense(3), layers.Dropout(0.1), layers.GRU(3), layers.GlobalAveragePooling1D(), layers.Bidirectional(layers.GRU(3)),
                      layers.TimeDistributed(layers.Dense(3)), layers.RNN(layers.GRUCell(3)), pydl.Sequential([layers.GRU(3)])):
            layer(x)
        layers.Add()([x, x])


# ---- compute_mask

class Halved(layers.Layer):
    """Every second step."""
    supports_masking = True

    def call(self, x):
        return x[:, ::2]

    def compute_mask(self, inputs, previous_mask=None):
        return None if previous_mask is None else previous_mask[:, ::2]


class Marks(layers.Layer):
    """What is 0 is padding."""

    def __init__(self, **options):
        super().__init__(**options)
        self.supports_masking = True

    def call(self, x):
        return x * 1

    def compute_mask(self, inputs, mask=None):
        return ops.any(inputs != 0, axis=-1)


def test_a_layer_of_ones_own_says_which_mask_its_output_has():
    np.testing.assert_array_equal(Halved()(masked()).mask.numpy(), MASK[:, ::2])
    assert getattr(Halved()(X), "mask", None) is None
    x = np.where(MASK[..., None], X, 0)
    y = Marks()(x)
    np.testing.assert_array_equal(y.mask.numpy(), MASK)
    np.testing.assert_array_equal(layers.GRU(2, return_sequences=True)(y).mask.numpy(), MASK)
    pool = layers.GlobalAveragePooling1D()
    np.testing.assert_array_equal(pool(Halved()(y)).numpy(), pool(x[:, ::2], mask=MASK[:, ::2]).numpy())


class Both(layers.Layer):
    """Two results, the second without steps."""
    supports_masking = True

    def call(self, x):
        return [x * 2, ops.mean(x, axis=1)]

    def compute_mask(self, inputs, previous_mask=None):
        return [previous_mask, None]


def test_a_layer_of_ones_own_with_several_results():
    y, mean = Both()(masked())
    np.testing.assert_array_equal(y.mask.numpy(), MASK)
    assert getattr(mean, "mask", None) is None and [getattr(t, "mask", None) for t in Both()(X)] == [None, None]


def test_masks_of_ones_own_are_recorded():
    found = []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(1)
        model = pydl.Sequential([layers.Input((4, 3)), Marks(), Halved(), layers.GRU(3), layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=eagerly)
        found.append([model.train_on_batch(np.where(MASK[..., None], X, 0), np.ones((2, 1))) for _ in range(5)])
        assert len(model.recorded_steps()) == (0 if eagerly else 1)
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore:Flatten")
@pytest.mark.parametrize(("layer", "want"), [
    (layers.Dense(3), MASK), (layers.Flatten(), None), (layers.GRU(3), None), (layers.GRU(3, return_sequences=True), MASK),
    (layers.LSTM(3, return_sequences=True, go_backwards=True), MASK[:, ::-1]), (layers.RNN(layers.GRUCell(3), return_sequences=True), MASK),
    (layers.Bidirectional(layers.GRU(3, return_sequences=True)), MASK), (layers.Bidirectional(layers.GRU(3)), None),
    (layers.TimeDistributed(layers.Dense(3)), MASK), (layers.GlobalMaxPooling1D(), None), (layers.Masking(7.0), MASK),
], ids=lambda value: getattr(value, "name", ""))
def test_compute_mask_tells_what_a_call_does(layer, want):
    mask = pydl.Tensor(MASK)
    called = getattr(layer(masked()), "mask", None)
    for got in (layer.compute_mask(X, mask), called):
        assert (got is None) == (want is None)
        if want is not None:
            np.testing.assert_array_equal(np.asarray(got), want)
    alone = layer.compute_mask(X)
    assert alone is None or isinstance(layer, layers.Masking)


def test_compute_mask_of_ids_and_of_several_inputs():
    ids, a, b = np.array([[1, 0], [2, 3]]), pydl.Tensor(MASK), pydl.Tensor(~MASK)
    np.testing.assert_array_equal(layers.Embedding(4, 2, mask_zero=True).compute_mask(ids).numpy(), ids != 0)
    assert layers.Embedding(4, 2).compute_mask(ids, None) is None
    assert layers.Add().compute_mask([X, X], [a, b]).numpy().all() and layers.Add().compute_mask([X, X], [a, None]) is None
    assert layers.Add().compute_mask([X, X]) is None
    assert not layers.Concatenate().compute_mask([X, X], [a, b]).numpy().any()
