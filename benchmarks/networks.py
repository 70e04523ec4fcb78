"""Networks as data, the same for every library: a list of steps, and the numbers that fill them.

    ("conv", filters, window, stride, padding)     ("bn",)    ("relu",)    ("max", window, stride, padding)    ("mean",)    ("flatten",)    ("dense", units)
    ("add", [steps of the one branch], [steps of the other])         an empty branch is the identity

`filled` puts the weights in, layout (kh, kw, in, out) and (in, out), features last, so that each library starts from the same network:

    ("conv", weight, bias or None, stride, padding)     ("bn", gamma, beta, mean, variance)     ("dense", weight, bias, (h, w, c) of a flattened image or None)
A convolution before a batch normalisation has no bias.
"""
import numpy as np


def lenet5():
    return [("conv", 6, 5, 1, 2), ("relu",), ("max", 2, 2, 0), ("conv", 16, 5, 1, 0), ("relu",), ("max", 2, 2, 0), ("flatten",),
            ("dense", 120), ("relu",), ("dense", 84), ("relu",), ("dense", 10)]


def mlp():
    return [("dense", 512), ("relu",), ("dense", 512), ("relu",), ("dense", 10)]


def _unit(filters, window, stride):
    return [("conv", filters, window, stride, window // 2), ("bn",)]


def resnet20():
    """He et al. 2015, section 4.2, with a projection where the size changes."""
    steps = [*_unit(16, 3, 1), ("relu",)]
    for filters, first in ((16, 1), (32, 2), (64, 2)):
        for stride in (first, 1, 1):
            shortcut = _unit(filters, 1, stride) if stride > 1 else []
            steps += [("add", [*_unit(filters, 3, stride), ("relu",), *_unit(filters, 3, 1)], shortcut), ("relu",)]
    return [*steps, ("mean",), ("dense", 10)]


def resnet50():
    """He et al. 2015, table 1; the stride stands in the 3x3 window's place."""
    steps = [*_unit(64, 7, 2), ("relu",), ("max", 3, 2, 1)]
    for filters, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(blocks):
            stride = first if i == 0 else 1
            main = [*_unit(filters, 1, 1), ("relu",), *_unit(filters, 3, stride), ("relu",), *_unit(4 * filters, 1, 1)]
            steps += [("add", main, _unit(4 * filters, 1, stride) if i == 0 else []), ("relu",)]
    return [*steps, ("mean",), ("dense", 1000)]


def vgg16():
    steps = []
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        steps += [("conv", filters, 3, 1, 1), ("relu",)] * count + [("max", 2, 2, 0)]
    return [*steps, ("flatten",), ("dense", 4096), ("relu",), ("dense", 4096), ("relu",), ("dense", 1000)]


NETWORKS = {"LeNet-5": (lenet5, (28, 28, 1)), "MLP 784-512-512-10": (mlp, (784,)), "ResNet-20": (resnet20, (32, 32, 3)),
            "ResNet-50": (resnet50, (224, 224, 3)), "VGG-16": (vgg16, (224, 224, 3))}


def filled(name):
    """(steps with weights, the shape of one input)."""
    make, shape = NETWORKS[name]
    steps, _, _ = _fill(make(), shape, np.random.default_rng(7))
    return steps, shape


def _fill(steps, shape, rng):
    """(steps with weights, shape after them, multiply-adds of one input)."""
    out, work, flattened = [], 0, None
    for i, (kind, *how) in enumerate(steps):
        if kind == "conv":
            filters, window, stride, padding = how
            scale = np.sqrt(2 / (window * window * shape[2]))
            weight = (rng.standard_normal((window, window, shape[2], filters), np.float32) * scale).astype(np.float32)
            plain = i + 1 < len(steps) and steps[i + 1][0] == "bn"
            out.append(("conv", weight, None if plain else np.zeros(filters, np.float32), stride, padding))
            shape = (*((n + 2 * padding - window) // stride + 1 for n in shape[:2]), filters)
            work += shape[0] * shape[1] * weight.size
        elif kind == "bn":
            c = shape[-1]
            out.append(("bn", np.ones(c, np.float32), np.zeros(c, np.float32), np.zeros(c, np.float32), np.ones(c, np.float32)))
        elif kind == "dense":
            weight = (rng.standard_normal((shape[-1], how[0]), np.float32) * np.sqrt(2 / shape[-1])).astype(np.float32)
            out.append(("dense", weight, np.zeros(how[0], np.float32), flattened))
            shape, flattened = (how[0],), None
            work += weight.size
        elif kind == "add":
            branches = [_fill(branch, shape, rng) for branch in how]
            out.append(("add", *(branch for branch, _, _ in branches)))
            shape, work = branches[0][1], work + sum(w for _, _, w in branches)
        else:
            out.append((kind, *how))
            if kind == "max":
                window, stride, padding = how
                shape = (*((n + 2 * padding - window) // stride + 1 for n in shape[:2]), shape[2])
            elif kind == "mean":
                shape = shape[2:]
            elif kind == "flatten":
                flattened, shape = shape, (int(np.prod(shape)),)
    return out, shape, work


def operations(name):
    """Multiplications and additions of one input, forward."""
    make, shape = NETWORKS[name]
    return 2 * _fill(make(), shape, np.random.default_rng(7))[2]
