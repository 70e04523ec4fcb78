"""The lessons of sequences run, in a short form, and say what they found."""
import importlib
import re

import numpy as np
import pytest
from shared_data import SHARED, needs_shared


def said(capsys, name, path, *arguments):
    importlib.import_module(f"pydl.examples.{name}").main([*([str(SHARED / path)] if path else []), *map(str, arguments)])
    return capsys.readouterr().out


def number(pattern, out):
    found = re.search(pattern, out)
    assert found, out
    return float(found[1])


@pytest.mark.shared
@needs_shared
def test_dinosaurs(capsys):
    out = said(capsys, "dinosaurs", "dinos/dinos.txt", "--steps", 2000, "--epochs", 2)
    assert "1536 names, 19910 characters, 27 symbols" in out
    assert number(r"smoothed loss ([\d.]+) after 2000 names", out) < 29
    assert number(r"the recipe ([\d.]+) nats", out) < 29 and number(r"by Adam ([\d.]+) \(", out) < 31


@pytest.mark.shared
@needs_shared
def test_shakespeare(capsys):
    out = said(capsys, "shakespeare", "shakespeare/tinyshakespeare.txt.gz", "--epochs", 1, "--characters", 120_000, "--units", 32)
    assert number(r"on the last tenth: ([\d.]+) nats", out) < 3.3
    assert len(out.split("it writes")[1]) > 500


@pytest.mark.shared
@needs_shared
def test_nationality(capsys):
    out = said(capsys, "nationality", "names_by_nationality/names.tsv.gz", "--epochs", 1)
    assert "20050 names of 18 nations" in out and number(r"accuracy ([\d.]+)%", out) > 62 and len(re.findall(r"^   \S+: \w+$", out, re.M)) == 5


@pytest.mark.shared
@needs_shared
def test_sentiment(capsys):
    out = said(capsys, "sentiment", "rt_polarity", "--epochs", 1)
    assert number(r"accuracy on them ([\d.]+)%", out) > 60 and len(re.findall(r"praise: ", out)) == 2


@pytest.mark.shared
@needs_shared
def test_chunking(capsys):
    out = said(capsys, "chunking", "conll2000", "--epochs", 4, "--sentences", 800)
    assert "2012 sentences to test with" in out and number(r"F1 ([\d.]+)%", out) > 50 and "[NP" in out


def test_melodies(capsys):
    out = said(capsys, "melodies", None, "--epochs", 6, "--units", 24)
    assert number(r"loss ([\d.]+) nats", out) < 4 and number(r"alone, (\d+)% of the tunes", out) <= 100
    assert len(re.findall(r"at temperature [\d.]+: \S", out)) == 4


@pytest.mark.shared
@needs_shared
def test_dates(capsys):
    out = said(capsys, "dates", "human_dates/dates_train.tsv.gz", "--epochs", 1, "--units", 32)
    assert number(r"([\d.]+)% of the characters", out) > 30 and len(re.findall(r" -> [0-9-]{9,10}$", out, re.M)) == 4


@pytest.mark.shared
@needs_shared
def test_trigger_word(capsys):
    out = said(capsys, "trigger_word", "spoken_digits/fsdd_6_per_speaker.npz", "--scenes", 40, "--epochs", 2)
    assert "spectrograms (398, 32), 96 steps" in out and number(r"steps right ([\d.]+)%\n", out) > 60
    assert len(re.findall(r"^[.#]{96}$", out, re.M)) == 2


def test_alarms_are_counted():
    from pydl.examples import trigger_word
    wanted = [[0] * 10 + [1] * 5 + [0] * 15 + [1] * 5 + [0] * 5]
    given = [[0] * 12 + [1] * 2 + [0] * 10 + [1] + [0] * 15]                      # one inside the first word's steps, one six before the second's
    assert trigger_word.score(np.array(wanted), np.array(given), slack=5) == (1, 2, 1, 2)
    assert trigger_word.score(np.array(wanted), np.array(given), slack=6) == (2, 2, 2, 2)
    assert trigger_word.runs(np.array([1, 1, 0, 1])) == [(0, 2), (3, 4)] and trigger_word.runs(np.zeros(3)) == []


def test_the_steps_of_a_scene():
    """A labelled step is the first whose window holds the end of the word: what the network reads there ends behind it, the step before ends before it."""
    from pydl.examples import trigger_word as t
    for sample in (3000, 8001, 31000):
        step = t.step_at(sample)

        def last_sample(s):
            return (t.STRIDE * s + t.WINDOW - 1) * t.HOP + t.FRAME
        assert last_sample(step) >= sample > last_sample(step - 1)
