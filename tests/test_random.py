"""Random numbers: known answers, statistics, and that nothing but (seed, counter, position) enters."""
import statistics

import numpy as np
import pytest

import pydl
from pydl import random
from pydl.backends import cpu as B
from pydl.capture import function
from pydl.kernels._common import set_cpu_level

# Random123, kat_vectors: philox4x32 10: counter (4 words), key (2 words), result (4 words)
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


def reference(counter, key):
    """Philox4x32-10 in Python integers, from the paper."""
    a, b, c, d = counter
    k, m = key
    for _ in range(10):
        p, q = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (q >> 32) ^ b ^ k, q & 0xFFFFFFFF, (p >> 32) ^ d ^ m, p & 0xFFFFFFFF
        k, m = (k + 0x9E3779B9) & 0xFFFFFFFF, (m + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


def words(seed, counter, n):
    y = B.empty((n // 2,), "uint64")
    B.random_words(B.from_numpy(np.array([seed, counter], np.uint64)), y)
    return np.array(y).view(np.uint32)


def test_the_reference_knows_the_published_answers():
    for counter, key, want in KNOWN:
        assert reference(counter, key) == want


def test_words_are_those_of_philox(level):
    assert words(0, 0, 64)[::16].tolist() == list(KNOWN[0][2])
    seed, counter = 0x299F31D0A4093822, 0x0370734413198A2E
    got = words(seed, counter, 1024)
    for block in (0, 1, 15, 16, 100, 255):
        group, lane = divmod(block, 16)
        want = reference((block, 0, counter & 0xFFFFFFFF, counter >> 32), (seed & 0xFFFFFFFF, seed >> 32))
        assert tuple(got[64 * group + lane:64 * (group + 1):16].tolist()) == want


DRAWS = {
    "uniform": lambda n, dtype, seed: random.uniform((n,), -1, 3, dtype=dtype, seed=seed),
    "normal": lambda n, dtype, seed: random.normal((n,), 1, 2, dtype=dtype, seed=seed),
    "truncated": lambda n, dtype, seed: random.truncated_normal((n,), 1, 2, dtype=dtype, seed=seed),
    "integers": lambda n, dtype, seed: random.randint((n,), -3, 1000, seed=seed),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_levels_threads_and_lengths_do_not_enter(name, dtype, level):
    whole = DRAWS[name](70001, dtype, 5).numpy()
    try:
        for threads in (1, 2, 4):
            pydl.set_num_threads(threads)
            for n in (0, 1, 31, 32, 33, 70001):
                assert DRAWS[name](n, dtype, 5).numpy().tobytes() == whole[:n].tobytes()
    finally:
        pydl.set_num_threads(2)
    set_cpu_level("base")
    assert DRAWS[name](70001, dtype, 5).numpy().tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", ["normal", "truncated"])
def test_float32_numbers_are_the_float64_ones_rounded(name):
    assert np.array_equal(DRAWS[name](5000, "float32", 5).numpy(), DRAWS[name](5000, "float64", 5).numpy().astype(np.float32))


def test_uniform_numbers_fill_their_range_evenly():
    n, cells = 1_000_000, 100
    for dtype in ("float32", "float64"):
        u = random.uniform((n,), dtype=dtype, seed=11).numpy()
        assert u.min() >= 0 and u.max() < 1
        counts = np.bincount((u * cells).astype(int), minlength=cells)
        chi2 = ((counts - n / cells) ** 2 / (n / cells)).sum()        # mean 99, deviation 14
        assert 50 < chi2 < 160
        assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.005
        assert abs(np.corrcoef(u[:-64], u[64:])[0, 1]) < 0.005


def test_normal_numbers_have_the_quantiles_of_a_normal_distribution():
    n = 1_000_000
    z = random.normal((n,), dtype="float64", seed=12).numpy()
    assert abs(z.mean()) < 0.005 and abs(z.std() - 1) < 0.005
    assert abs((z**3).mean()) < 0.02 and abs((z**4).mean() - 3) < 0.05
    edges = [statistics.NormalDist().inv_cdf(i / 50) for i in range(1, 50)]
    counts = np.histogram(z, [-np.inf, *edges, np.inf])[0]
    assert 15 < ((counts - n / 50) ** 2 / (n / 50)).sum() < 110       # mean 49, deviation 10


def test_normal_numbers_are_the_inverse_of_the_distribution_function():
    """The same stream as uniform and as normal numbers, each in double: z = inverse(u), tails included."""
    w = words(9, 0, 400_000 * 2).reshape(-1, 4, 16)
    half = [(w[:, 2 * i + 1].astype(np.uint64) << np.uint64(32) | w[:, 2 * i]) for i in range(2)]
    u = (np.stack(half, 1).reshape(-1) >> np.uint64(12)).astype(np.float64) + 0.5
    z = random.normal((400_000,), dtype="float64", seed=9).numpy()
    inverse = statistics.NormalDist().inv_cdf
    odd = np.concatenate([np.argsort(u)[:200], np.argsort(u)[-200:], np.arange(3000)])
    want = np.array([inverse(v * 2.0**-52) for v in u[odd]])
    assert np.allclose(z[odd], want, rtol=2e-14, atol=1e-15)


def test_truncated_numbers_stop_at_two_deviations():
    z = random.truncated_normal((1_000_000,), 3, 2, dtype="float64", seed=13).numpy()
    assert np.abs(z - 3).max() <= 4
    assert abs(z.mean() - 3) < 0.01 and abs(z.std() / 2 - 0.87962566103423978) < 0.002


def test_integers_are_even_and_in_range():
    y = random.randint((600_000,), -2, 4, seed=14).numpy()
    counts = np.bincount(y + 2, minlength=6)
    assert y.dtype == np.int64 and counts.size == 6 and ((counts - 1e5) ** 2 / 1e5).sum() < 25
    assert random.randint((5,), 7, 8).numpy().tolist() == [7] * 5
    wide = random.randint((1000,), -2**62, 2**62, seed=1).numpy()
    assert wide.min() < -2**61 and wide.max() > 2**61


def test_a_permutation_holds_everything_once_and_depends_on_seed_and_epoch():
    for n in (0, 1, 2, 33, 1000):
        order = random.permutation(n, seed=3, epoch=4)
        assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(random.permutation(1000, seed=3, epoch=4), order)
    assert not np.array_equal(random.permutation(1000, seed=3, epoch=5), order)
    assert not np.array_equal(random.permutation(1000, seed=4, epoch=4), order)


def test_every_permutation_is_as_likely():
    counts = {}
    for epoch in range(12000):
        key = tuple(random.permutation(4, seed=1, epoch=epoch))
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 24 and sum((c - 500) ** 2 / 500 for c in counts.values()) < 60      # mean 23, deviation 6.8


def test_streams_and_seeds_are_unlike():
    a = random.normal((10000,), seed=1).numpy()
    b = random.normal((10000,), seed=2).numpy()
    generator = random.SeedGenerator(1)
    c, d = (random.normal((10000,), seed=generator).numpy() for _ in range(2))
    assert np.array_equal(a, c)
    for x, y in ((a, b), (c, d)):
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.04


def test_the_global_seed_repeats_a_program_and_hands_out_distinct_seeds():
    runs = []
    for _ in range(2):
        random.set_random_seed(42)
        seeds = [random.next_seed() for _ in range(1000)]
        assert len(set(seeds)) == 1000 and all(0 <= s < 2**63 for s in seeds)
        runs.append((seeds, random.normal((5,)).numpy().tolist(), random.normal((5,)).numpy().tolist()))
    assert runs[0] == runs[1]
    assert runs[0][1] != runs[0][2]
    random.set_random_seed(43)
    assert random.next_seed() != runs[0][0][0]


def test_a_replayed_function_draws_what_an_eager_one_draws():
    def draw(generator): return random.uniform((4,), seed=generator)
    eager, recorded = random.SeedGenerator(5), random.SeedGenerator(5)
    step = function(lambda x: x + draw(recorded), strict=True)
    x = np.zeros(4, np.float32)
    for _ in range(6):
        assert np.array_equal(step(x).numpy(), draw(eager).numpy())


BAD = [
    (lambda: random.set_random_seed(-1), "seed"), (lambda: random.set_random_seed(1.5), "seed"), (lambda: random.set_random_seed("1"), "seed"),
    (lambda: random.set_random_seed(2**64), "seed"), (lambda: random.SeedGenerator(True), "seed"), (lambda: random.uniform((2,), 1, 0), "maxval"),
    (lambda: random.uniform((2,), float("nan")), "minval"), (lambda: random.normal((2,), stddev=-1), "stddev"), (lambda: random.normal((-2,)), "normal"),
    (lambda: random.normal("ab"), "shape"), (lambda: random.normal((2,), dtype="int32"), "dtype"), (lambda: random.randint((2,), 3, 3), "maxval"),
    (lambda: random.randint((2,), 0.5, 3), "minval"), (lambda: random.permutation(-1), "n"), (lambda: random.permutation(3, seed=-1), "seed"),
    (lambda: random.permutation(3, seed=1, epoch=-1), "epoch"), (lambda: random.truncated_normal((2,), mean=float("inf")), "mean"),
    (lambda: random.uniform((2**40, 2**40)), "uniform"),
]


@pytest.mark.parametrize("call, word", BAD, ids=[word + str(i) for i, (_, word) in enumerate(BAD)])
def test_bad_arguments_are_named(call, word):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert word in str(error.value)


def test_the_boundary_refuses_what_does_not_fit():
    stream, y = B.from_numpy(np.array([1, 0], np.uint64)), B.zeros((3,))
    with pytest.raises(ValueError, match="stream"):
        B.random_uniform(B.from_numpy(np.array([1], np.uint64)), 0, 1, y)
    with pytest.raises(TypeError, match="stream"):
        B.random_uniform(B.zeros((2,)), 0, 1, y)
    with pytest.raises(TypeError):
        B.random_normal(stream, 0, 1, B.zeros((3,), "int64"))
    with pytest.raises(TypeError, match="y"):
        B.random_integers(stream, 0, 3, y)
    with pytest.raises(ValueError, match="low"):
        B.random_integers(stream, 3, 3, B.zeros((3,), "int64"))
