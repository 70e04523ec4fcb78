"""`pydl demo`: LeNet-5 learns the embedded digits, beside a plain NumPy version of the same net."""

import os
import statistics
import time
from pathlib import Path

import numpy as np

import pydl
from pydl import layers
from pydl.data.png import digit_sheet, write_png
from pydl.examples import lenet_numpy

SEED = 1
BATCH = 64
COMPARED = 20
GOAL = 0.97


def lenet():
    """Return LeNet-5: two convolutions, each followed by pooling, and three dense layers; ten logits."""
    return pydl.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(6, 5, padding="same", activation="relu", name="conv_1"), layers.MaxPooling2D(name="pool_1"),
        layers.Conv2D(16, 5, activation="relu", name="conv_2"), layers.MaxPooling2D(name="pool_2"),
        layers.Flatten(name="flatten"),
        layers.Dense(120, activation="relu", name="dense_1"), layers.Dense(84, activation="relu", name="dense_2"),
        layers.Dense(10, name="logits")], name="lenet_5")


def enlarged(x):
    """Return 8x8 images as the 28x28 that LeNet-5 takes: each pixel 3x3, and a border of two."""
    return np.pad(np.repeat(np.repeat(x, 3, axis=1), 3, axis=2), ((0, 0), (2, 2), (2, 2), (0, 0)))


def run(output=".", epochs=15):
    """Train, measure, compare, save, load, predict and draw; return the exit status: 0 if the test digits are learned.

    Args:      output: the folder for lenet_digits.pydl and lenet_digits.png.
               epochs: how often the 1,437 training images are seen.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    (x, y), (xt, yt) = pydl.datasets.digits.load_data()
    print(f"Data: {len(x)} training and {len(xt)} test images of handwritten digits (UCI, CC BY 4.0), 8x8 enlarged to 28x28")
    big, big_t = enlarged(x), enlarged(xt)

    pydl.utils.set_random_seed(SEED)
    model = lenet()
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.summary()

    print(f"\nThe first {COMPARED} steps, pydl and plain NumPy side by side: same initial weights, same batches of {BATCH}")
    agreed = compare(model, big, y)

    print(f"\nTraining for {epochs} epochs")
    pydl.utils.set_random_seed(SEED)
    model = lenet()
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    start = time.perf_counter()
    model.fit(big, y, batch_size=BATCH, epochs=epochs)
    seconds = time.perf_counter() - start
    steps = epochs * -(-len(big) // BATCH)
    _, train_accuracy = model.evaluate(big, y, verbose=0)
    _, test_accuracy = model.evaluate(big_t, yt, verbose=0)
    print(f"Training accuracy {train_accuracy:.4f}, test accuracy {test_accuracy:.4f}; "
          f"{steps} steps in {seconds:.2f} s, {seconds / steps * 1e3:.3f} ms a step")

    file, picture = output / "lenet_digits.pydl", output / "lenet_digits.png"
    model.save(file)
    again = pydl.models.load_model(file)
    logits = again.predict(big_t, verbose=0)
    same = np.array_equal(logits, model.predict(big_t, verbose=0))
    print(f"Saved to {file} ({file.stat().st_size / 1024:.0f} KiB) and loaded: predictions {'are the same bits' if same else 'DIFFER'}")
    predicted = logits.argmax(axis=1)
    wrong = np.flatnonzero(predicted != yt)
    shown = np.concatenate([wrong[:10], np.setdiff1d(np.arange(len(yt)), wrong)[:50 - len(wrong[:10])]])
    write_png(picture, digit_sheet(xt[shown], predicted[shown], yt[shown]))
    print(f"Picture of {len(shown)} test digits with their predictions, the wrong ones first: {picture}")

    if test_accuracy < GOAL:
        print(f"The test accuracy is below {GOAL}")
    return 0 if same and agreed and test_accuracy >= GOAL else 1


def compare(model, x, y):
    """Train the same net with pydl and with NumPy on the same batches; print how their losses and times compare.

    Returns:   whether all losses agree to 1e-4.
    """
    plain = lenet_numpy.LeNet(model.get_weights())
    batches = [slice(i * BATCH, i * BATCH + BATCH) for i in range(COMPARED)]
    ours, our_times = timed(lambda xb, yb: model.train_on_batch(xb, yb, return_dict=True)["loss"], x, y, batches)
    theirs, their_times = timed(plain.train, x, y, batches)
    gaps = np.abs(np.subtract(ours, theirs))
    for step in (0, 1, 4, 9, COMPARED - 1):
        print(f"  step {step + 1:2d}   loss pydl {ours[step]:.6f}   NumPy {theirs[step]:.6f}   difference {gaps[step]:.1e}")
    a, b = statistics.median(our_times[2:]) * 1e3, statistics.median(their_times[2:]) * 1e3     # the first two of a model are recorded
    agreed = bool(gaps.max() <= 1e-4)
    print(f"  largest difference of the losses {gaps.max():.1e} ({'agree' if agreed else 'DO NOT AGREE'} to 1e-4)")
    print(f"  a step takes {a:.3f} ms with pydl ({pydl.get_num_threads()} threads), {b:.3f} ms with NumPy ({blas_threads()}): "
          f"{b / a:.1f} times faster")
    if os.getloadavg()[0] > len(os.sched_getaffinity(0)):
        print("  (the machine is busy with other work, so these times are rough)")
    return agreed


def timed(train, x, y, batches):
    """Return the losses and the seconds of a step on each batch."""
    losses, seconds = [], []
    for rows in batches:
        start = time.perf_counter()
        losses.append(train(x[rows], y[rows]))
        seconds.append(time.perf_counter() - start)
    return losses, seconds


def blas_threads():
    """Return what is known of the number of threads of NumPy's BLAS."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name):
            return f"{name}={os.environ[name]}"
    return f"its BLAS may use {len(os.sched_getaffinity(0))}"
