"""Training killed by SIGKILL at random moments and run again until it is done: the same bits at the end as uninterrupted.

    python tests/kill_resume.py 20          20 trainings of every kind in turn, each killed up to three times; exit status 0 if all are equal

A training here has dropout, shuffling, a validation, an optimizer with slots, and callbacks that remember; its digest is over the weights,
the optimizer, the history, what the callbacks hold, and the log file.  tests/test_resume.py runs a short form.
"""
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import pydl
from pydl import callbacks, layers, optimizers

RNG = np.random.default_rng(5)
X = RNG.standard_normal((210, 12)).astype("float32")
Y = (X[:, :3].argmax(1) + (X[:, 4] > 1)) % 3
EPOCHS = 7


class Pairs(pydl.utils.PyDataset):
    """Batches with noise that is a function of the epoch and the batch."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        noise = np.random.default_rng((self.epoch, i)).standard_normal((16, 12)) * 0.1
        rows = np.arange(i * 16, (i + 1) * 16)
        return X[rows] + noise.astype("float32"), Y[rows]


def stream():
    """An endless generator."""
    i = 0
    while True:
        rows = np.random.default_rng(i).integers(0, len(X), 16)
        i += 1
        yield X[rows], Y[rows]


KINDS = {
    "epochs": dict(save_freq="epoch", optimizer=lambda: optimizers.Adam(0.01, amsgrad=True)),
    "batches": dict(save_freq=3, optimizer=lambda: optimizers.SGD(optimizers.schedules.CosineDecayRestarts(0.1, 20), momentum=0.9, nesterov=True)),
    "dataset": dict(save_freq=5, optimizer=lambda: optimizers.Nadam(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=7)),
    "generator": dict(save_freq=4, optimizer=lambda: optimizers.RMSprop(0.01, momentum=0.5, gradient_accumulation_steps=3)),
}


def network(kind):
    pydl.utils.set_random_seed(3)
    model = pydl.Sequential([layers.Input((12,)), layers.Dense(24, activation="relu", kernel_regularizer="l2"), layers.BatchNormalization(),
                             layers.Dropout(0.3), layers.GaussianNoise(0.1), layers.Dense(3)])
    model.compile(KINDS[kind]["optimizer"](), pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def train(kind, folder, pause=0.0):
    """The whole training, or what is left of it; returns its digest."""
    folder = Path(folder)
    model, save_freq = network(kind), KINDS[kind]["save_freq"]
    stop = callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True)
    watch = [callbacks.BackupAndRestore(folder / "backup", save_freq=save_freq, double_checkpoint=kind == "dataset"), stop,
             callbacks.CSVLogger(folder / "log.csv"), callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(pause)),
             callbacks.LambdaCallback(on_train_begin=lambda logs: print("at", model._place.epoch, model._place.batch, flush=True))]
    if kind != "batches":                       # a schedule is nobody else's to set
        watch.append(callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.5, min_delta=0.02))
    data = {"dataset": dict(x=Pairs(workers=2)), "generator": dict(x=stream(), steps_per_epoch=11)}.get(kind, dict(x=X[:180], y=Y[:180], batch_size=16))
    history = model.fit(**data, epochs=EPOCHS, validation_data=(X[180:], Y[180:]), callbacks=watch, verbose=0)
    said = json.dumps([history.history, history.epoch, stop.best, stop.wait, stop.best_epoch, (folder / "log.csv").read_text(),
                       pydl.random.get_state(), model.epochs_trained])
    digest = hashlib.sha256(said.encode())
    for array in [*model.get_weights(), *model.optimizer.get_state(), *[np.asarray(a) for _, a in model.named_states()]]:
        digest.update(np.ascontiguousarray(array).tobytes())
    assert not os.listdir(folder / "backup"), "the backup is deleted when training is done"
    return digest.hexdigest()


def child(kind, folder, pause):
    """A process that runs `train`."""
    home = Path(pydl.__file__).resolve().parent.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(home), str(Path(__file__).parent)]), "PYDL_NUM_THREADS": "1"}
    code = f"import kill_resume; print(kill_resume.train({kind!r}, {str(folder)!r}, {pause}), flush=True)"
    return subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, env=environment, text=True)


def interrupted(kind, chance, kills, pause=0.004):
    """(digest, where it was taken up again) of a training that is killed up to so many times."""
    killed, places = 0, []
    with tempfile.TemporaryDirectory() as folder:
        while True:
            with child(kind, folder, pause) as process:
                at, epoch, batch = process.stdout.readline().split()
                if killed:
                    places.append((int(epoch), int(batch)))
                if killed < kills:
                    time.sleep(chance.uniform(0.02, 0.35))
                    process.send_signal(signal.SIGKILL)
                said = process.stdout.read().strip()
                process.wait()
            if process.returncode == 0:
                return said, places
            assert process.returncode == -signal.SIGKILL, f"{kind}: exit status {process.returncode}"
            killed += 1


def main(count):
    chance, equal, kills, resumed = random.Random(1), 0, 0, 0
    whole = {}
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        if kind not in whole:
            with tempfile.TemporaryDirectory() as folder:
                whole[kind] = train(kind, folder)
        digest, places = interrupted(kind, chance, chance.randint(1, 3))
        equal, kills, resumed = equal + (digest == whole[kind]), kills + len(places), resumed + sum(place != (0, 0) for place in places)
        print(f"{number + 1:3d} {kind:10s} killed {len(places)} times, taken up at (epoch, batch) {places}: "
              f"{'equal' if digest == whole[kind] else 'DIFFERENT'}", flush=True)
    print(f"{equal} of {count} equal, {kills} kills, {resumed} of them after the first backup")
    return equal == count and kills >= count and resumed >= count // 2


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
