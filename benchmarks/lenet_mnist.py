"""LeNet-5 on MNIST: test accuracy at least 0.990 within five epochs of Adam, batch 64, the learning rate falling along a cosine.

    python benchmarks/lenet_mnist.py [path of mnist.npz, or of a directory with the idx files]

Exits with 1 if the accuracy is not reached.
"""

import sys
import time

import numpy as np

import pydl
from pydl.demo import lenet

EPOCHS, BATCH, GOAL = 5, 64, 0.990


class Accuracy(pydl.callbacks.Callback):
    """Evaluate on the test set after each epoch."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y, self.best = x, y, 0.0

    def on_epoch_end(self, epoch, logs=None):
        _, accuracy = self.model.evaluate(self.x, self.y, batch_size=500, verbose=0)
        self.best = max(self.best, accuracy)
        pydl.callbacks.say(f"Epoch {epoch + 1}: test accuracy {accuracy:.4f}")


def main(path=None):
    (x, y), (xt, yt) = pydl.datasets.mnist.load_data(path)
    x, xt = (images[..., None].astype(np.float32) / 255 for images in (x, xt))
    pydl.utils.set_random_seed(1)
    model = lenet()
    steps = -(-len(x) // BATCH)
    rate = pydl.optimizers.schedules.CosineDecay(0.002, EPOCHS * steps)
    model.compile(optimizer=pydl.optimizers.Adam(rate), loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    accuracy = Accuracy(xt, yt)
    start = time.perf_counter()
    history = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=2, callbacks=[accuracy])
    seconds = time.perf_counter() - start
    steps *= len(history.epoch)
    print(f"Test accuracy {accuracy.best:.4f} after {len(history.epoch)} epochs ({pydl.get_num_threads()} threads, "
          f"{seconds:.1f} s, {seconds / steps * 1e3:.3f} ms a step)")
    return 0 if accuracy.best >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
