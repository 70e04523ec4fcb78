"""Lesson: a character model of Shakespeare: train, save, load, write.

One LSTM of 128 units on the first nine tenths of the text, cut into 32 streams whose state is carried on from window to window (back-propagation
through time, truncated after 64 steps); the last tenth is what it is measured on, in nats a character.

Run:       python -m pydl.examples.shakespeare tinyshakespeare.txt.gz [--epochs 12] [--units 128] [--characters 1115394]
Measured:  1.6251 nats a character on the last tenth, perplexity 5.08, after 12 epochs; 86 s of processor time; writes at 63 us a character.
"""
import gzip
import os
import sys
import tempfile
import time

import pydl
from pydl import layers, text
from pydl.examples import lesson

STREAMS, WINDOW = 32, 64


def read_text(path):
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        return file.read()


def character_model(vocabulary, units, steps):
    """Characters in, logits of the next one out; the state goes on from call to call."""
    model = pydl.Sequential([
        layers.Input((None,), dtype="int32"),
        layers.Embedding(len(vocabulary), 32),
        layers.LSTM(units, return_sequences=True, stateful=True),
        layers.Dense(len(vocabulary)),
    ])
    optimizer = pydl.optimizers.Adam(pydl.schedules.CosineDecay(0.006, steps), global_clipnorm=5.0)
    model.compile(optimizer, pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[pydl.metrics.Perplexity(from_logits=True)])
    return model


def run(path, epochs=12, units=128, characters=None, length=600):
    """Print the loss of each epoch and a sample written by the model read back from its file; return the loss on the last tenth."""
    pydl.utils.set_random_seed(1)
    whole = read_text(path)[:characters]
    vocabulary = text.Vocabulary.from_sequences([whole], order="sorted", unknown=None)
    ids = vocabulary.encode(whole)
    cut = len(ids) * 9 // 10
    x, y = text.streams(ids[:cut], STREAMS, WINDOW)
    held = text.streams(ids[cut:], STREAMS, WINDOW)
    print(f"{len(ids)} characters, {len(vocabulary)} kinds; {len(x) // STREAMS} steps of {STREAMS} x {WINDOW} characters an epoch", flush=True)
    model = character_model(vocabulary, units, epochs * (len(x) // STREAMS))
    wall, processor = time.perf_counter(), time.process_time()
    history = model.fit(x, y, batch_size=STREAMS, epochs=epochs, shuffle=False, callbacks=[text.ResetStates()], validation_data=held, verbose=2)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    loss, perplexity = history.history["val_loss"][-1], history.history["val_perplexity"][-1]
    print(f"on the last tenth: {loss:.4f} nats a character, perplexity {perplexity:.3f}; trained for {wall:.0f} s ({processor:.0f} s of processor time)")

    with tempfile.TemporaryDirectory() as temporary:
        where = os.path.join(temporary, "shakespeare")
        model.save(where + ".pydl")
        vocabulary.save(where + ".json")
        model, vocabulary = pydl.models.load_model(where + ".pydl"), text.Vocabulary.load(where + ".json")
    runner = text.Stepwise(model)
    begin = time.perf_counter()
    written = text.generate(runner, vocabulary.encode("\n"), length, temperature=0.7, seed=1)
    took = time.perf_counter() - begin
    print(f"read back from its file, it writes ({took / length * 1e6:.0f} us a character):")
    print(vocabulary.decode(written, join=""))
    return {"loss": loss, "perplexity": perplexity, "seconds": wall}


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("shakespeare", arguments, data="a text, gzipped or not", epochs=12, units=128, characters=10**9)
    run(options.data, options.epochs, options.units, options.characters)


if __name__ == "__main__":
    sys.exit(main())
