"""The lessons of sequences run, in a short form, and say what they found."""
import importlib
import re

import pytest
from shared_data import SHARED, needs_shared

pytestmark = [pytest.mark.shared, needs_shared]


def said(capsys, name, path, *arguments):
    importlib.import_module(f"pydl.examples.{name}").main([str(SHARED / path), *map(str, arguments)])
    return capsys.readouterr().out


def number(pattern, out):
    found = re.search(pattern, out)
    assert found, out
    return float(found[1])


def test_dinosaurs(capsys):
    out = said(capsys, "dinosaurs", "dinos/dinos.txt", "--steps", 2000, "--epochs", 2)
    assert "1536 names, 19910 characters, 27 symbols" in out
    assert number(r"smoothed loss ([\d.]+) after 2000 names", out) < 29
    assert number(r"the recipe ([\d.]+) nats", out) < 29 and number(r"by Adam ([\d.]+) \(", out) < 31


def test_shakespeare(capsys):
    out = said(capsys, "shakespeare", "shakespeare/tinyshakespeare.txt.gz", "--epochs", 1, "--characters", 120_000, "--units", 32)
    assert number(r"on the last tenth: ([\d.]+) nats", out) < 3.3
    assert len(out.split("it writes")[1]) > 500
