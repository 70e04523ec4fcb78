"""What the libraries are compared on: rows, their inputs, how much arithmetic and traffic each needs at least.

A row is (family, name, settings, goal).  `inputs` draws a family's arrays, features last, the same for every library.
goal: time of the best other library / time of pydl, what pydl sets itself; a family may have several passes, each a row of its own.
"""
import numpy as np
from networks import NETWORKS, operations

SMALL, BIG = (8, 28, 28, 32), (32, 56, 56, 64)     # 0.8 MB, in the L2 cache; 26 MB, in memory

GEMM = [((m, k, n), 0.97 if min(m, k, n) >= 512 else 1.0) for m, k, n in (
    (64, 400, 120), (64, 120, 84), (32, 128, 512), (128, 784, 512), (1, 4096, 1000), (512, 512, 512), (1024, 1024, 1024))]

# name: images (n, h, w, c), window, filters, stride, padding, whether it is a first layer (nobody wants the gradient by its input); goals of forward and both
CONV = {
    "3x3 28x28x128 b1": ((1, 28, 28, 128), 3, 128, 1, 1, False, 2.5, 2.2), "3x3 28x28x128 b16": ((16, 28, 28, 128), 3, 128, 1, 1, False, 2.5, 2.2),
    "3x3 56x56x128 b8": ((8, 56, 56, 128), 3, 128, 1, 1, False, 2.5, 2.2), "3x3 14x14x512 b8": ((8, 14, 14, 512), 3, 512, 1, 1, False, 1.8, 2.2),
    "3x3 8x8x64 b128": ((128, 8, 8, 64), 3, 64, 1, 1, False, 2.5, 2.2), "3x3 32x32x16 b128": ((128, 32, 32, 16), 3, 16, 1, 1, False, 1.5, 1.7),
    "1x1 56x56x64->256 b1": ((1, 56, 56, 64), 1, 256, 1, 0, False, 1.1, 1.4), "1x1 56x56x64->256 b16": ((16, 56, 56, 64), 1, 256, 1, 0, False, 1.1, 1.4),
    "7x7/2 224x224x3->64 b1": ((1, 224, 224, 3), 7, 64, 2, 3, True, 1.0, 1.8), "7x7/2 224x224x3->64 b16": ((16, 224, 224, 3), 7, 64, 2, 3, True, 1.0, 1.8),
    "3x3 224x224x3->64 b8": ((8, 224, 224, 3), 3, 64, 1, 1, True, 1.1, 1.5),
    "5x5 32x32x3->8 b64": ((64, 32, 32, 3), 5, 8, 1, 0, False, 1.6, 2.5), "5x5 14x14x8->16 b64": ((64, 14, 14, 8), 5, 16, 1, 0, False, 1.6, 2.5),
}
PASSES = ("forward", "both")


def rows():
    """Every row: dicts of family, name, passes, settings, goals (one a pass), flops and bytes (one a pass)."""
    found = []

    def add(family, name, settings, goals, flops, nbytes, passes=PASSES, tolerance=1e-3):
        found.append({"family": family, "name": name, "settings": settings, "passes": passes, "goals": goals, "flops": flops, "bytes": nbytes,
                      "tolerance": tolerance})
    for (m, k, n), goal in GEMM:
        add("gemm", f"product {m}x{k}x{n}", (m, k, n), (goal,), (2 * m * k * n,), (4 * (m * k + k * n + m * n),), ("forward",))
    for name, (shape, window, filters, stride, padding, first, *goals) in CONV.items():
        size = [(s + 2 * padding - window) // stride + 1 for s in shape[1:3]]
        work = 2 * shape[0] * size[0] * size[1] * window * window * shape[3] * filters
        x, y, w = np.prod(shape), shape[0] * size[0] * size[1] * filters, window * window * shape[3] * filters
        add("conv", f"convolution {name}", (shape, window, filters, stride, padding, first), goals,
            (work, work * (2 if first else 3)), (4 * int(x + y + w), 4 * int((2 if first else 3) * x + 3 * y + 3 * w)))
    for where, shape in (("small", SMALL), ("large", BIG)):
        goal, size = 2 if where == "small" else 1.1, 4 * int(np.prod(shape))
        for kind, window in (("max", 2), ("max", 3), ("average", 2), ("average", 3)):
            part = size * (shape[1] - window) // 2 // shape[1] * (shape[2] - window) // 2 // shape[2]
            add("pool", f"{kind} pooling {window}x{window}/2 {where}", (shape, kind, window), (goal, goal), (0, 0), (size + part, 2 * size + 2 * part))
        add("batch_norm", f"batch normalisation {where}", (shape,), (goal, goal), (0, 0), (3 * size, 6 * size))
    add("cross_entropy", "softmax cross-entropy 128x10", (128, 10), (4,), (0,), (4 * 128 * 21,), ("both",))
    for size, count, goal in (("100 k", 100_000, 1.5), ("10 M", 10_000_000, 1.0)):
        add("adam", f"Adam {size}", (count,), (goal,), (0,), (28 * count,), ("step",), 1e-2)
    for name, batch, goal in (("MLP 784-512-512-10", 128, 1.25), ("LeNet-5", 64, 2.5), ("ResNet-20", 128, 1.8)):
        add("train", f"train {name} b{batch}", (name, batch), (goal,), (3 * batch * operations(name),), (0,), ("step",), 2e-2)
    for name, goal in (("LeNet-5", 1.5), ("ResNet-20", 1.7), ("VGG-16", 2.0), ("ResNet-50", 1.25)):
        add("infer", f"infer {name} b1", (name,), (goal,), (operations(name),), (0,), ("forward",), 2e-2)
    return found


def inputs(family, settings):
    """The arrays a row starts from."""
    rng = np.random.default_rng(1)

    def normal(*shape):
        return rng.standard_normal(shape, np.float32)
    if family == "gemm":
        m, k, n = settings
        return normal(m, k), normal(k, n)
    if family == "conv":
        shape, window, filters, stride, padding, _ = settings
        size = [(s + 2 * padding - window) // stride + 1 for s in shape[1:3]]
        weight = normal(window, window, shape[3], filters) / np.float32(np.sqrt(window * window * shape[3]))
        return normal(*shape), weight, normal(filters), normal(shape[0], *size, filters)
    if family == "pool":
        shape, _, window = settings
        return normal(*shape), normal(shape[0], *((s - window) // 2 + 1 for s in shape[1:3]), shape[3])
    if family == "batch_norm":
        (shape,) = settings
        return normal(*shape), rng.uniform(0.5, 1.5, shape[3]).astype(np.float32), normal(shape[3]), normal(*shape)
    if family == "cross_entropy":
        rows_, classes = settings
        return normal(rows_, classes), rng.integers(0, classes, rows_)
    if family == "adam":
        return normal(*settings), normal(*settings)
    if family == "train":
        name, batch = settings
        return normal(batch, *NETWORKS[name][1]), rng.integers(0, 10, batch)
    return (normal(1, *NETWORKS[settings[0]][1]),)
