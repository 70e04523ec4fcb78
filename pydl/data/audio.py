"""Sound: spectrograms."""
import numpy as np

from pydl.data.arrays import as_array
from pydl.errors import ShapeError, boolean, in_range, one_of, positive_int

WINDOWS = {"hann": lambda n: 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n), "hamming": lambda n: 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(n) / n),
           "rectangular": np.ones}                        # of period n, as frames that overlap want them
LOWEST = 1e-10                                              # power below which the logarithm does not look


def spectrogram(samples, frame=256, hop=128, window="hann", rate=None, bands=None, log=True):
    """Return the power of each frequency over time: what a recurrent network reads of a sound.

    Frames of `frame` samples, `hop` apart, are windowed and Fourier-transformed: |rfft(w * x)|^2 / sum w^2; with `bands` the powers are gathered by
    triangles that are equally wide on the mel scale, m = 2595 log10(1 + f / 700); with `log` the natural logarithm is taken.

    Args:      samples: a sound, integers or real numbers; int16 is divided by 32768.
               frame, hop: in samples.    window: "hann", "hamming" or "rectangular".
               rate: samples a second; needed for bands.    bands: how many mel bands; by default all frequencies, frame // 2 + 1.
    Shapes:    samples (n,) -> (T, F) float32, T = (n - frame) // hop + 1; none of a sound shorter than a frame.
    Raises:    ShapeError unless samples is one sequence; ValueError for NaN, infinity, and for bands without a rate.
    Example:
        >>> import numpy as np
        >>> from pydl.data.audio import spectrogram
        >>> tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
        >>> int(spectrogram(tone, frame=160, hop=80).mean(axis=0).argmax()) * 8000 // 160
        1000
    """
    who = "spectrogram"
    x, log = as_array(who, "samples", samples), boolean(who, "log", log)
    if x.ndim != 1:
        raise ShapeError(f"{who}: samples must be one sound (n,), got shape {x.shape}")
    frame, hop, window = positive_int(who, "frame", frame), positive_int(who, "hop", hop), one_of(who, "window", window, WINDOWS)
    x = x / 32768.0 if np.asarray(samples).dtype == np.int16 else x.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{who}: sample {int(np.argmin(np.isfinite(x)))} is {x[np.argmin(np.isfinite(x))]}")
    weights, gather = WINDOWS[window](frame), None
    if bands is not None:
        if rate is None:
            raise ValueError(f"{who}: bands are frequencies: pass rate, the samples a second")
        gather = mel_bands(frame, in_range(who, "rate", rate, 0, low_open=True), positive_int(who, "bands", bands))
    if len(x) < frame:
        return np.zeros((0, frame // 2 + 1 if gather is None else gather.shape[1]), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, frame)[::hop]
    power = np.abs(np.fft.rfft(frames * weights)) ** 2 / np.sum(weights**2)
    power = power if gather is None else power @ gather
    return (np.log(np.maximum(power, LOWEST)) if log else power).astype(np.float32)


def mel_bands(frame, rate, bands):
    """Return the weights with which `bands` gather the frequencies of frames: (frame // 2 + 1, bands), triangles of height 1.

    Source:    O'Shaughnessy, Speech communication: human and machine, 1987, page 150.
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    frequencies = np.arange(frame // 2 + 1)[:, None] * rate / frame
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    return np.maximum(np.minimum(rising, falling), 0)
