"""Spectrograms: against sums of sines written out, tones where they belong, energy, the course's sizes, refusals."""
import numpy as np
import pytest
from shared_data import SHARED, needs_shared

from pydl.data.audio import mel_bands, spectrogram
from pydl.errors import ShapeError

rng = np.random.default_rng(3)


def plain(x, frame, hop, window):
    """Frame by frame and frequency by frequency, from the formula."""
    t = np.arange(frame)
    w = {"hann": np.sin(np.pi * t / frame) ** 2, "hamming": 0.54 - 0.46 * np.cos(2 * np.pi * t / frame), "rectangular": np.ones(frame)}[window]
    return np.array([[abs(np.sum(w * x[s:s + frame] * np.exp(-2j * np.pi * k * t / frame))) ** 2 / np.sum(w * w) for k in range(frame // 2 + 1)]
                     for s in range(0, len(x) - frame + 1, hop)])


@pytest.mark.parametrize("window", ["hann", "hamming", "rectangular"])
@pytest.mark.parametrize("n,frame,hop", [(50, 16, 8), (33, 7, 3), (8, 8, 5), (40, 10, 40)])
def test_against_the_formula(window, n, frame, hop):
    x = rng.standard_normal(n)
    wanted = plain(x, frame, hop, window)
    got = spectrogram(x, frame, hop, window, log=False)
    assert got.shape == ((n - frame) // hop + 1, frame // 2 + 1) and got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(spectrogram(x, frame, hop, window), np.log(np.maximum(wanted, 1e-10)), atol=1e-3)
    bands = mel_bands(frame, 8000, 3)
    np.testing.assert_allclose(spectrogram(x, frame, hop, window, 8000, 3, log=False), wanted @ bands, rtol=1e-5, atol=1e-6)


def test_the_energy_of_a_frame():
    """Parseval: without a window the powers of all frequencies add up to the sum of squares."""
    x = rng.standard_normal(64)
    power = spectrogram(x, 64, 64, "rectangular", log=False)[0]
    assert power[0] + power[-1] + 2 * power[1:-1].sum() == pytest.approx(np.sum(x * x), rel=1e-5)


@pytest.mark.parametrize("frequency", [400, 1000, 3000])
def test_a_tone_is_where_it_belongs(frequency):
    tone = np.sin(2 * np.pi * frequency * np.arange(4000) / 8000)
    assert (spectrogram(tone, 200, 80).argmax(axis=1) == frequency * 200 // 8000).all()
    bands = mel_bands(200, 8000, 20)
    assert (spectrogram(tone, 200, 80, rate=8000, bands=20).argmax(axis=1) == bands[frequency * 200 // 8000].argmax()).all()


def test_bands():
    bands = mel_bands(256, 8000, 20)
    inside = (np.arange(129) * 8000 / 256 > 80) & (np.arange(129) * 8000 / 256 < 3500)
    np.testing.assert_allclose(bands[inside].sum(axis=1), 1, atol=1e-12)                  # neighbouring triangles add up to 1 between the outer peaks
    assert (bands >= 0).all() and (bands <= 1).all() and (np.diff(bands.argmax(axis=0)) > 0).all()


def test_integers_and_short_sounds():
    x = (1000 * rng.standard_normal(500)).astype(np.int16)
    np.testing.assert_allclose(spectrogram(x), spectrogram(x / 32768.0))
    assert spectrogram(np.zeros(10)).shape == (0, 129) and spectrogram(np.zeros(10), rate=8000, bands=7).shape == (0, 7)
    assert spectrogram(np.zeros(300)).shape == (1, 129) and np.isfinite(spectrogram(np.zeros(300))).all()


@pytest.mark.shared
@needs_shared
def test_the_course_s_sizes():
    """Ten seconds at 44.1 kHz in windows of 200, 120 of them shared: 101 frequencies at 5511 times."""
    with np.load(SHARED / "trigger_word_audio" / "clips_44k_mono.npz") as file:
        assert spectrogram(file["background_2"], frame=200, hop=80).shape == (5511, 101)


@pytest.mark.parametrize("arguments,error,message", [
    (dict(samples=np.zeros((2, 300))), ShapeError, "one sound"), (dict(samples="abc"), TypeError, "text"),
    (dict(samples=[0.0, np.nan]), ValueError, "sample 1 is nan"), (dict(frame=0), ValueError, "frame"), (dict(hop=-1), ValueError, "hop"),
    (dict(window="han"), ValueError, "did you mean 'hann'"), (dict(bands=10), ValueError, "pass rate"),
    (dict(bands=10, rate=0), ValueError, "rate"), (dict(bands=0, rate=8000), ValueError, "bands"),
])
def test_bad_calls(arguments, error, message):
    with pytest.raises(error, match=message):
        spectrogram(**{"samples": np.zeros(300), **arguments})
