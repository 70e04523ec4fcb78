"""Winograd's form of a convolution: that it is the convolution, its gradients, its threads and what may use it."""
import numpy as np
import pytest
from contract import assert_same_bits
from test_conv import normal, same_bits_for_any_threads

import pydl
from pydl import config, layers
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.capture import Step
from pydl.layers.conv import conv2d
from pydl.tensor import Tensor

# smaller than a tile, as large, larger; one image and several; channels that fill vectors and that do not; weights that leave L2, and that pass the caches;
# (images, window, stride, padding), the window's last number is how many filters
TURNED = [((8, 8, 8, 16), (3, 16), 1, "same"), ((4, 14, 13, 33), (3, 20), 1, "valid"), ((8, 7, 9, 64), (3, 100), 1, "same"),
          ((14, 9, 9, 20), (3, 17), 1, ((2, 0), (0, 1))), ((40, 4, 4, 48), (3, 64), 1, "same"), ((1, 1, 2, 19), (3, 35), 1, "same"),
          ((3, 3, 3, 16), (3, 24), 1, "valid"), ((1, 6, 6, 40), (3, 16), 1, "same"), ((1, 6, 7, 450), (3, 420), 1, "same"),
          ((3, 27, 25, 210), (3, 160), 1, "same")]
# other windows, and strides: those of LeNet (its channels doubled), Inception, ResNet and AlexNet
OTHERS = [((9, 14, 14, 24), (5, 40), 1, "valid"), ((2, 9, 11, 40), (5, 33), 1, "same"), ((3, 9, 9, 33), (4, 48), 1, "same"),
          ((2, 40, 42, 3), (7, 64), 2, "same"), ((2, 20, 21, 12), (5, 36), 2, ((2, 2), (1, 2))), ((1, 59, 63, 3), (11, 96), 4, "valid"),
          ((9, 20, 20, 72), (5, 200), 2, "same")]


@pytest.fixture(params=[2, 4])
def tile(request):
    """Winograd's form with tiles of this size, wherever it can be."""
    config.set_winograd(request.param)
    yield request.param
    config.set_winograd(True)


@pytest.mark.parametrize(("x_shape", "window", "strides", "padding"), TURNED + OTHERS, ids=str)
def test_winograd_is_the_convolution(x_shape, window, strides, padding, level):
    x, w, b = (Tensor(normal(*s, dtype=np.float32), needs_gradient=True) for s in (x_shape, (window[0], window[0], x_shape[3], window[1]), window[1:]))
    options = {"strides": strides, "padding": padding}
    exact = [Tensor(t.numpy().astype(np.float64), needs_gradient=True) for t in (x, w, b)]
    want = conv2d(*exact, **options, activation="relu")
    v = normal(*want.shape, dtype=np.float32)
    v[np.abs(conv2d(*exact, **options).numpy()) < 1e-3] = 0              # rounding decides whether these count
    wanted = [want.numpy(), *map(np.asarray, backward(want, exact, seed=Tensor(v.astype(np.float64)).array))]
    results, errors = {}, {}
    for allowed in (True, False, 2, 4):
        config.set_winograd(allowed)
        try:
            y = conv2d(x, w, b, **options, activation="relu")
            got = [np.array(y.numpy()), *(np.array(g) for g in backward(y, [x, w, b], seed=Tensor(v).array))]
        finally:
            config.set_winograd(True)
        results[allowed] = [g.tobytes() for g in got[:3]]
        errors[allowed] = [np.abs(g - e).max() / np.abs(e).max() for g, e in zip(got, wanted)]
    assert max(errors[4]) < 3e-5
    assert max(errors[2]) < 3e-6
    assert max(errors[False]) < 3e-6
    forms = 3 if window[0] == 3 or -(-window[0] // strides) == 3 else 2         # tiles of 2x2 are of 3x3 windows only, ...
    for wanted_forms, (chosen, *of_forms) in zip((forms, forms if strides == 1 else 1, forms), zip(*results.values())):      # ... and dx has no strides
        assert len(set(of_forms)) == wanted_forms, "a form was not used"
        assert chosen in of_forms


@pytest.mark.parametrize(("x_shape", "window", "strides", "padding"), TURNED + OTHERS, ids=str)
def test_gradients_of_winograds_form_are_its_adjoints(x_shape, window, strides, padding, tile, level):
    x, w = (Tensor(normal(*s, dtype=np.float32), needs_gradient=True) for s in (x_shape, (window[0], window[0], x_shape[3], window[1])))
    y = conv2d(x, w, strides=strides, padding=padding)
    v = normal(*y.shape, dtype=np.float32)
    dx, dw = backward(y, [x, w], seed=Tensor(v).array)
    product = np.vdot(y.numpy().astype(np.float64), v)
    size = np.linalg.norm(y.numpy()) * np.linalg.norm(v)
    for t, gradient in ((x, dx), (w, dw)):
        assert abs(np.vdot(t.numpy().astype(np.float64), np.asarray(gradient)) - product) < {2: 1e-6, 4: 5e-6}[tile] * size


@pytest.mark.parametrize(("x_shape", "window", "strides", "padding"), TURNED[1:5] + TURNED[-1:] + OTHERS[:1] + OTHERS[3:], ids=str)
def test_threads_do_not_change_a_bit_of_winograds_form(x_shape, window, strides, padding, tile):
    x, w, b = (Tensor(normal(*s, dtype=np.float32), needs_gradient=True) for s in (x_shape, (window[0], window[0], x_shape[3], window[1]), window[1:]))
    same_bits_for_any_threads(x, w, b, strides=strides, padding=padding)


@pytest.mark.parametrize(("x_shape", "padding"), [((13, 8, 8, 64), "same"), ((13, 4, 4, 40), "same"), ((1, 20, 22, 16), "same"), ((1, 28, 28, 128), "same"),
                                                  ((8, 9, 9, 144), "same"), ((9, 9, 9, 24), "valid")], ids=str)
def test_a_program_of_winograds_form_runs_on_fewer_threads_than_it_was_recorded_for(x_shape, padding, tile):
    """How tiles are cut depends on the threads: what all of them need is room enough for fewer."""
    w, before, room = Tensor(normal(3, 3, x_shape[3], x_shape[3], dtype=np.float32)), pydl.get_num_threads(), []

    def results(x):
        x = Tensor(x, needs_gradient=True)
        y = conv2d(x, w, padding=padding)
        return [y.array, *backward(y, [x], seed=y.array)]
    try:
        for recorded in (1, 2, 3, 4):
            pydl.set_num_threads(recorded)
            step = Step(results, [B.from_numpy(np.random.default_rng(4).standard_normal(x_shape).astype(np.float32))], "test", strict=True)
            want = [[np.array(a) for a in step.run()] for _ in range(3)][0]
            room.append(step.arena.peak)
            for threads in range(recorded, 0, -1):
                pydl.set_num_threads(threads)
                for _ in range(3):
                    assert_same_bits([np.array(a) for a in step.run()], want, f"recorded for {recorded} threads, run on {threads}")
        assert room == sorted(room)
    finally:
        pydl.set_num_threads(before)


def test_kept_weights_serve_the_form_they_were_made_for(level):
    """One layer, sizes of images that get each of the forms, in turn: their weights are kept side by side."""
    layer, found = layers.Conv2D(64, 3, padding="same", activation="relu"), []
    images = [normal(*shape, dtype=np.float32) for shape in ((1, 3, 3, 64), (1, 6, 6, 64), (2, 28, 28, 64))]
    for _ in range(2):
        for x in images:
            with pydl.no_grad():
                kept = layer(x).numpy().copy()
            weights = [Tensor(w) for w in layer.get_weights()]
            for form in (False, 2, 4):
                config.set_winograd(form)
                try:
                    if np.array_equal(conv2d(Tensor(x), *weights, padding="same", activation="relu").numpy(), kept):
                        found.append(form)
                finally:
                    config.set_winograd(True)
    assert found == [False, 2, 4] * 2


def test_float64_never_uses_winograd():
    """So gradient checking, which is in float64, never does."""
    x, w = normal(2, 12, 12, 16), normal(3, 3, 16, 16)
    allowed = conv2d(x, w).numpy().copy()
    try:
        for form in (False, 2, 4):
            config.set_winograd(form)
            assert_same_bits([conv2d(x, w).numpy()], [allowed])
    finally:
        config.set_winograd(True)
    for wrong in (1, 3, -4):
        with pytest.raises(ValueError, match="set_winograd: allowed must be True, False, 2 or 4, got"):
            config.set_winograd(wrong)
    with pytest.raises(TypeError, match="set_winograd"):
        config.set_winograd("2")
