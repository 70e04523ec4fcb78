"""Lesson: whether a sentence about a film praises it: many words in, one number out.

An LSTM reads the words both ways, and what it remembers at the ends decides.  10,662 sentences are few for a vocabulary of ten thousand words, so it learns
them by heart within three epochs, though half of what it sees of a word is dropped: course 5, weeks 1 and 2.

Run:       python -m pydl.examples.sentiment rt_polarity/ [--epochs 3]
Measured:  accuracy 77.13 % on a tenth of the sentences, 92.32 % in training; 3 s of processor time.
"""
import gzip
import sys
from pathlib import Path

import numpy as np

import pydl
from pydl import layers, text
from pydl.examples import lesson


def read(folder):
    """(sentences as lists of words, 1 for praise) of rt-polarity.pos.gz and rt-polarity.neg.gz."""
    sentences, labels = [], []
    for label, part in enumerate(("neg", "pos")):
        with gzip.open(Path(folder) / f"rt-polarity.{part}.gz", "rt", encoding="latin-1") as file:
            found = [text.words(line) for line in file]
        sentences += found
        labels += [label] * len(found)
    return sentences, np.array(labels)


def network(words):
    """Numbers of words (N, T), 0 is padding -> the logit of praise."""
    return pydl.Sequential([
        layers.Input((None,), dtype="int32"),
        layers.Embedding(words, 64, mask_zero=True),
        layers.SpatialDropout1D(0.4, seed=1),
        layers.Bidirectional(layers.LSTM(48)),
        layers.Dropout(0.4, seed=2),
        layers.Dense(1),
    ])


def run(folder, epochs):
    """Print and return the accuracy on a tenth of the sentences that was held back."""
    pydl.utils.set_random_seed(0)
    sentences, y = read(folder)
    vocabulary = text.Vocabulary.from_sequences(sentences, min_count=2, padding="<PAD>")
    x = pydl.utils.pad_sequences([vocabulary.encode(s) for s in sentences], maxlen=50, padding="post", truncating="post")
    x, held, y, wanted = pydl.utils.train_test_split(x, y, test_size=0.1, stratify=y, seed=0)
    print(f"{len(sentences)} sentences, {len(vocabulary)} words that occur twice; {len(held)} sentences held back")
    model = network(len(vocabulary))
    rate = pydl.schedules.CosineDecay(0.002, epochs * -(-len(x) // 50))
    model.compile(pydl.optimizers.Adam(rate), pydl.losses.BinaryCrossentropy(from_logits=True), metrics=[pydl.metrics.BinaryAccuracy(threshold=0.0)])
    history = model.fit(x, y, batch_size=50, epochs=epochs, verbose=0)
    loss, right = model.evaluate(held, wanted, batch_size=200, verbose=0)
    print(f"accuracy on them {right:.2%} (loss {loss:.3f}); in training {history.history['binary_accuracy'][-1]:.2%}")
    for sentence in ("a warm and moving film , beautifully acted", "dull , predictable and far too long"):
        score = model.predict(vocabulary.encode(text.words(sentence))[None]).item()
        print(f"   {1 / (1 + np.exp(-score)):.2f} praise: {sentence}")
    return right


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("sentiment", arguments, data="the folder of rt-polarity.pos.gz and rt-polarity.neg.gz", epochs=3)
    run(options.data, options.epochs)


if __name__ == "__main__":
    sys.exit(main())
