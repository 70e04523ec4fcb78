"""Decoding: CTC with a beam, tokens drawn from scores, and a character model that writes; the opponents are what is installed.

    python benchmarks/bench_decode.py [--threads 1] [--rounds 9]

The best paths of the beams are compared first, and that both writers are one LSTM.
"""
import argparse
import os

from turns import race, setting, torch_or_none, with_threads


def tensorflow_or_none():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow
    except ImportError:
        return None
    return tensorflow


def beams(tf, n, steps, classes, width, rounds):
    """Beam search on random scores; TensorFlow's takes the blank as the last class."""
    import numpy as np

    from pydl import ops

    x, lengths = (2 * np.random.default_rng(1).standard_normal((n, steps, classes))).astype("float32"), np.full(n, steps)
    opponents = [("pydl", lambda: ops.ctc_decode(x, lengths, "beam_search", beam_width=width, mask_index=-1))]
    if tf:
        across, sizes = tf.constant(x.swapaxes(0, 1)), tf.constant(lengths.astype("int32"))

        def theirs():
            return tf.nn.ctc_beam_search_decoder(across, sizes, beam_width=width, top_paths=1)
        found, mine = tf.sparse.to_dense(theirs()[0][0], default_value=-1).numpy(), opponents[0][1]()[0].numpy()[0]
        same = np.mean([np.array_equal(a[a >= 0], b[b >= 0]) for a, b in zip(found, mine)])
        assert same > 0.9, f"only {same:.0%} of the best paths agree"
        opponents.append(("TensorFlow", theirs))
    race(f"CTC beam of {width}, scores ({n}, {steps}, {classes})", opponents, rounds)


def draws(torch, n, classes, rounds):
    """The 40 best, of them 0.9 of the probability."""
    import numpy as np

    from pydl import random, text

    x, seed, rng = np.random.default_rng(1).standard_normal((n, classes)).astype("float32"), random.SeedGenerator(1), np.random.default_rng(2)

    def plain():
        out = []
        for row in x:
            order = np.argsort(-row, kind="stable")[:40]
            p = np.exp(row[order] - row[order[0]])
            kept = np.searchsorted(np.cumsum(p) / p.sum(), 0.9) + 1
            out.append(order[rng.choice(kept, p=p[:kept] / p[:kept].sum())])
        return out
    opponents = [("pydl", lambda: text.sample_ids(x, top_k=40, top_p=0.9, seed=seed)), ("NumPy", plain)]
    if torch:
        scores = torch.from_numpy(x)

        def theirs():
            values, ids = scores.topk(40)
            p = values.softmax(-1)
            p = torch.where(p.cumsum(-1) - p < 0.9, p, 0)
            return ids.gather(1, torch.multinomial(p, 1))
        opponents.append(("PyTorch", theirs))
    race(f"tokens drawn from scores ({n}, {classes}), top_k 40, top_p 0.9", opponents, rounds)


def writers(torch, vocabulary, units, length, rounds):
    """A text of so many characters, one step of an LSTM for each."""
    import numpy as np

    import pydl
    from pydl import layers, text

    model = pydl.Sequential([layers.Input((None,), dtype="int32"), layers.Embedding(vocabulary, 32), layers.LSTM(units, return_sequences=True),
                             layers.Dense(vocabulary)])
    runner = text.Stepwise(model)
    opponents = [("pydl", lambda: text.generate(runner, [1], length, seed=1))]

    def anew():
        ids, generator = [1], pydl.random.SeedGenerator(1)
        for _ in range(length):
            with pydl.no_grad():
                scores = model(np.array([ids], np.int32)).numpy()[0, -1]
            ids.append(int(text.sample_ids(scores, seed=generator)))
        return np.array(ids[1:])
    assert (anew() == opponents[0][1]()).all()
    opponents.append(("pydl, the prefix anew", anew))
    if torch:
        embed, cell, choose = torch.nn.Embedding(vocabulary, 32), torch.nn.LSTM(32, units, batch_first=True), torch.nn.Linear(units, vocabulary)

        @torch.no_grad()
        def theirs():
            token, state, written = torch.tensor([[1]]), None, []
            for _ in range(length):
                out, state = cell(embed(token), state)
                token = torch.multinomial(choose(out[:, 0]).softmax(-1), 1)
                written.append(token.item())
            return written
        opponents.append(("PyTorch", theirs))
    race(f"{length} characters of {vocabulary} kinds by an LSTM of {units}", opponents, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with_threads(given.threads)
    torch, tf = torch_or_none(given.threads), tensorflow_or_none()
    print(setting(given.threads))
    for shape in ((16, 100, 30), (4, 300, 60)):
        for width in (10, 100):
            beams(tf, *shape, width, given.rounds)
    draws(torch, 64, 65, given.rounds)
    draws(torch, 8, 30_000, given.rounds)
    writers(torch, 65, 128, 200, given.rounds)


if __name__ == "__main__":
    main()
