"""Networks drawn at random: eager, replayed, 1, 2 and 4 threads, saved, loaded and trained on, bit for bit the same."""
import random

import numpy as np
import pytest

import pydl
from pydl import layers

ANYWHERE = [lambda r: layers.Dropout(0.2), lambda r: layers.BatchNormalization(), lambda r: layers.LayerNormalization(), lambda r: layers.GaussianNoise(0.1),
            lambda r: layers.Activation(r.choice(["relu", "elu", "softmax", "mish"])), lambda r: layers.LeakyReLU(), lambda r: layers.PReLU()]
ROWS = [lambda r: layers.RepeatVector(3), lambda r: layers.Dense(r.randint(1, 20), activation=r.choice([None, "relu", "sigmoid", "softplus", "selu"]))]
SEQUENCES = [lambda r: layers.Conv1D(r.randint(1, 7), r.randint(1, 3), padding=r.choice(["same", "causal"])), lambda r: layers.MaxPooling1D(2, padding="same"),
             lambda r: layers.GlobalMaxPooling1D(), lambda r: layers.Permute((2, 1)), lambda r: layers.Flatten()]
IMAGES = [lambda r: layers.Conv2D(r.randint(1, 9), r.randint(1, 4), strides=r.choice([1, 2]), padding="same", activation=r.choice([None, "relu", "gelu"]),
                                  use_bias=r.random() < 0.7),
          lambda r: layers.DepthwiseConv2D(r.randint(1, 3), padding="same", depth_multiplier=r.randint(1, 2)), lambda r: layers.MaxPooling2D(2, padding="same"),
          lambda r: layers.AveragePooling2D(2, strides=1, padding="same"), lambda r: layers.SpatialDropout2D(0.3), lambda r: layers.ZeroPadding2D(1),
          lambda r: layers.Flatten(), lambda r: layers.GlobalAveragePooling2D(), lambda r: layers.GlobalMaxPooling2D()]


def drawn_model(seed, shape):
    """One to six layers, some with a branch around them, and three classes."""
    pydl.utils.set_random_seed(seed)
    r = random.Random(seed)
    x = at = layers.Input(shape)
    for _ in range(r.randint(1, 6)):
        after = r.choice({2: ROWS, 3: SEQUENCES, 4: IMAGES}[at.ndim] + ANYWHERE)(r)(at)
        if after.shape == at.shape and r.random() < 0.3:
            after = r.choice([layers.Add, layers.Multiply, layers.Maximum, layers.Subtract])()([after, at])
        elif r.random() < 0.15:
            after = layers.Concatenate()([after, layers.Activation("tanh")(after)])
        at = after
    if at.ndim > 2:
        at = layers.Flatten()(at)
    return pydl.Model(x, layers.Dense(3)(at))


@pytest.mark.parametrize("seed", range(40))
def test_a_random_network(seed, tmp_path):
    r = random.Random(-1 - seed)
    shape, rows, batch = r.choice([(7,), (6, 5, 2), (9, 9, 1), (8, 8, 3), (5, 4)]), r.randint(1, 23), r.randint(1, 9)
    optimizer = r.choice(["sgd", "adam", "rmsprop"])
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((rows, *shape)).astype("float32"), rng.integers(0, 3, rows)
    threads, results = pydl.get_num_threads(), []
    try:
        for count, eagerly in ((1, True), (2, False), (4, False)):
            pydl.set_num_threads(count)
            model = drawn_model(seed, shape)
            model.compile(optimizer, loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"], run_eagerly=eagerly)
            history = model.fit(x, y, batch_size=batch, epochs=3, verbose=0).history
            results.append((repr(history), [w.tobytes() for w in model.get_weights()], model.predict(x, batch_size=4).tobytes()))
    finally:
        pydl.set_num_threads(threads)
    assert results[0] == results[1] == results[2], [type(layer).__name__ for layer in model.layers]
    model.save(tmp_path / "m.pydl")
    loaded = pydl.models.load_model(tmp_path / "m.pydl")
    assert loaded.predict(x).tobytes() == model.predict(x).tobytes()
    histories = [m.fit(x, y, batch_size=batch, epochs=1, verbose=0).history for m in (loaded, model)]
    assert repr(histories[0]) == repr(histories[1])
    assert [w.tobytes() for w in loaded.get_weights()] == [w.tobytes() for w in model.get_weights()]
