"""Networks as data: published sizes, Keras's order of weights, and a published network that gives its published results."""
import io
import zipfile

import numpy as np
import pytest
from shared_data import SHARED, needs_shared

import pydl
from pydl import applications

SMALL = {"include_top": False, "input_shape": (32, 32, 3)}


@pytest.mark.parametrize(("build", "total", "trainable"), [
    (applications.LeNet5, 61_706, 61_706),
    (applications.ResNet20, 271_098, 269_722),
    (applications.ResNet50, 25_636_712, 25_583_592),
    (applications.VGG16, 138_357_544, 138_357_544),
])
def test_number_of_parameters_is_the_published_one(build, total, trainable):
    model = build()
    assert model.count_params() == total
    assert sum(w.size for w in model.trainable_weights) == trainable


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_parameters_of_the_small_residual_networks(depth, millions):
    trainable = sum(w.size for w in applications.ResNetCIFAR(depth).trainable_weights)
    assert round(trainable / 1e6, 1 if depth == 110 else 2) == millions          # table 6 of the paper


@pytest.mark.parametrize(("build", "total"), [(applications.ResNet50, 23_587_712), (applications.ResNet101, 42_658_176), (applications.ResNet152, 58_370_944),
                                              (applications.VGG16, 14_714_688), (applications.VGG19, 20_024_384)])
def test_parameters_without_the_top(build, total):
    assert build(**SMALL).count_params() == total


def test_weights_are_listed_as_keras_lists_them():
    """The projection of a block's input comes between the branches, as the graph is sorted there."""
    names = [name for name, _ in applications.ResNet50(**SMALL).named_weights()]
    assert names[:8] == ["conv1_conv/kernel", "conv1_conv/bias", "conv1_bn/gamma", "conv1_bn/beta", "conv1_bn/moving_mean", "conv1_bn/moving_variance",
                         "conv2_block1_1_conv/kernel", "conv2_block1_1_conv/bias"]
    kernels = [name for name in names if name.endswith(("kernel", "gamma"))]
    assert kernels[2:10] == [f"conv2_block1_{part}" for part in ("1_conv/kernel", "1_bn/gamma", "2_conv/kernel", "2_bn/gamma",
                                                                "0_conv/kernel", "3_conv/kernel", "0_bn/gamma", "3_bn/gamma")]
    names = [name for name, _ in applications.VGG16(classes=5, input_shape=(32, 32, 3)).named_weights()]
    assert names[::2] == [f"block{b}_conv{i}/kernel" for b, n in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, n + 1)] + \
        [f"{n}/kernel" for n in ("fc1", "fc2", "predictions")]


@pytest.mark.parametrize("model", [
    lambda: applications.LeNet5((32, 32, 1), padding="valid", activation="tanh", pooling="avg", classes=3),
    lambda: applications.ResNetCIFAR(8, shortcut="projection", classes=3, classifier_activation=None),
    lambda: applications.ResNetCIFAR(8, classes=3),
    lambda: applications.ResNetCIFAR(8, include_top=False, pooling="max"),
], ids=["lenet", "projection", "identity", "no top"])
def test_a_network_predicts_trains_and_is_saved(model, tmp_path):
    model = model()
    x = np.random.default_rng(0).random((4, *model.input_shape[1:]), np.float32)
    y = model.predict(x, verbose=0)
    assert y.shape == (4, *model.output_shape[1:])
    model.save(tmp_path / "model.pydl")
    assert np.array_equal(pydl.models.load_model(tmp_path / "model.pydl").predict(x, verbose=0), y)
    model.save_weights(tmp_path / "weights.pydl")
    model.compile(optimizer="adam", loss="mse")
    first = model.evaluate(x, np.zeros_like(y), verbose=0)
    model.fit(x, np.zeros_like(y), epochs=3, verbose=0)
    assert not np.array_equal(model.predict(x, verbose=0), y) and np.isfinite(first)
    model.load_weights(tmp_path / "weights.pydl")
    assert np.array_equal(model.predict(x, verbose=0), y)


def test_weights_of_a_file(tmp_path):
    model = applications.LeNet5()
    model.save_weights(tmp_path / "lenet.pydl")
    again = applications.LeNet5(weights=tmp_path / "lenet.pydl")
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights()))


@pytest.mark.parametrize(("call", "said"), [
    (lambda: applications.ResNetCIFAR(21), "depth must be 6 n"),
    (lambda: applications.ResNetCIFAR(20, shortcut="C"), "shortcut"),
    (lambda: applications.ResNet50(weights="imagenet"), "fetches nothing"),
    (lambda: applications.ResNet50(input_shape=(16, 16, 3)), "input_shape"),
    (lambda: applications.ResNet50(input_shape=(224, 224)), "input_shape"),
    (lambda: applications.VGG16(input_shape=(None, None, 3)), "known size"),
    (lambda: applications.VGG16(include_top=False, pooling="mean"), "pooling"),
    (lambda: applications.VGG16(classes=0), "classes"),
    (lambda: applications.resnet.Subsample(2)(np.ones((1, 4, 4, 3))), "cannot hold"),
])
def test_a_bad_argument_is_named(call, said):
    with pytest.raises((ValueError, TypeError), match=said):
        call()


# ---- the published ResNet-32

def published():
    with np.load(SHARED / "resnet_cifar" / "resnet32.npz") as file:
        return {name: file[name] for name in file.files}


def resnet32(w):
    """Our ResNet-32 with the published weights: kernels turned from (F, C, kh, kw), the linear layer transposed."""
    model = applications.ResNetCIFAR(32, classifier_activation=None)
    layers = [("conv1", "bn1")] + [(f"layer{s}.{b}.conv{i}", f"layer{s}.{b}.bn{i}") for s in (1, 2, 3) for b in range(5) for i in (1, 2)]
    values = []
    for conv, bn in layers:
        values += [w[f"{conv}.weight"].transpose(2, 3, 1, 0), *[w[f"{bn}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]]
    model.set_weights([*values, w["linear.weight"].T, w["linear.bias"]])
    return model


def plain(w, x):
    """The same network in NumPy and float64, as its authors write it: x (N, 32, 32, 3) -> logits (N, 10)."""
    w = {name: value.astype(np.float64) for name, value in w.items()}

    def conv(x, name, stride):
        x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::stride, ::stride]     # (N, H, W, C, 3, 3)
        return np.tensordot(windows, w[f"{name}.weight"], ((3, 4, 5), (1, 2, 3)))

    def norm(x, name):
        return (x - w[f"{name}.running_mean"]) / np.sqrt(w[f"{name}.running_var"] + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]
    x = np.maximum(norm(conv(x, "conv1", 1), "bn1"), 0)
    for s in (1, 2, 3):
        for b in range(5):
            name, stride = f"layer{s}.{b}", 2 if s > 1 and b == 0 else 1
            y = np.maximum(norm(conv(x, f"{name}.conv1", stride), f"{name}.bn1"), 0)
            y = norm(conv(y, f"{name}.conv2", 1), f"{name}.bn2")
            if stride == 2:
                missing = y.shape[-1] - x.shape[-1]
                x = np.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (missing // 2, missing // 2)))
            x = np.maximum(x + y, 0)
    return x.mean((1, 2)) @ w["linear.weight"].T + w["linear.bias"]


@needs_shared
def test_published_resnet32_agrees_with_plain_numpy():
    w = published()
    x = np.random.default_rng(1).standard_normal((3, 32, 32, 3))
    expected, got = plain(w, x), resnet32(w).predict(x.astype(np.float32), verbose=0)
    assert np.abs(got - expected).max() < 2e-4 * np.abs(expected).max()


@needs_shared
def test_published_resnet32_recognises_cifar():
    """The images are JPEGs of low quality: 92.63 % is published for the originals, 82.75 % was found on 2,000 such JPEGs."""
    image = pytest.importorskip("PIL.Image", reason="no Pillow here to read JPEGs with")
    with zipfile.ZipFile(SHARED / "cifar10_jpeg" / "cifar10_jpeg_5000_1000.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("test/") and name.endswith(".jpg"))
        x = np.stack([np.asarray(image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in names])
    classes = sorted({name.split("/")[1] for name in names})
    y = np.array([classes.index(name.split("/")[1]) for name in names])
    assert len(x) == 1000 and len(classes) == 10
    x = ((x / 255.0 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).astype(np.float32)
    accuracy = np.mean(resnet32(published()).predict(x, verbose=0).argmax(1) == y)
    assert abs(accuracy - 0.8275) < 0.03            # of 1,000 images: 2.5 standard deviations
