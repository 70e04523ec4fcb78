"""The bar of fit, evaluate and predict, and of a loop of one's own: what it writes, where, and how often."""
import io
import os
import re
import sys
import time

import pytest

import pydl
from pydl import callbacks as cb


class Terminal(io.StringIO):
    def isatty(self):
        return True


def bar_run(monkeypatch, stream, verbose, epochs=2, batches=50, pause=0.0, extra=()):
    monkeypatch.setattr(sys, "stdout", stream)
    every = cb.CallbackList(list(extra), add_progbar=True, epochs=epochs, steps=batches, verbose=verbose)
    every.on_train_begin()
    for epoch in range(epochs):
        every.on_epoch_begin(epoch)
        for batch in range(batches):
            if pause:
                time.sleep(pause)
            every.on_train_batch_end(batch, {"accuracy": 0.5, "loss": 0.25})
        every.on_test_begin()
        every.on_test_batch_end(0, {"loss": 1.0})
        every.on_test_end({"loss": 1.0})
        every.on_epoch_end(epoch, {"accuracy": 0.5, "loss": 0.00012, "val_loss": 1.0})
    every.on_train_end()
    return stream.getvalue()


LINE = r"50/50 - \d+s \d+(us|ms)/step - accuracy: 0.5000 - loss: 1.2000e-04 - val_loss: 1.0000\n"


@pytest.mark.parametrize("verbose", ["auto", 1, True, 2])
def test_no_terminal_gets_one_line_an_epoch(monkeypatch, verbose):
    text = bar_run(monkeypatch, io.StringIO(), verbose, pause=0.003)
    assert re.fullmatch(f"Epoch 1/2 - {LINE}Epoch 2/2 - {LINE}", text), text


def test_verbose_2_on_a_terminal_is_one_line_an_epoch(monkeypatch):
    assert re.fullmatch(f"Epoch 1/2 - {LINE}Epoch 2/2 - {LINE}", bar_run(monkeypatch, Terminal(), 2))


@pytest.mark.parametrize("verbose", [0, False])
def test_verbose_0_is_silent(monkeypatch, verbose):
    assert bar_run(monkeypatch, Terminal(), verbose) == ""
    assert not cb.CallbackList(cb.ProgressBar(), verbose=verbose).wants("on_train_batch_end")


def test_a_terminal_gets_a_bar_at_most_ten_times_a_second(monkeypatch):
    start = time.monotonic()
    text = bar_run(monkeypatch, Terminal(), "auto", batches=100, pause=0.005)
    took = time.monotonic() - start
    drawn = text.count("ETA")
    assert 2 <= drawn <= 10 * took + 1
    assert text.isascii() and text.count("\n") == 4      # two of each epoch
    screen = [line.split("\r")[-1].rstrip() for line in text.split("\n")]
    assert screen[0] == "Epoch 1/2" and screen[2] == "Epoch 2/2"
    assert re.fullmatch(r"100/100 \[={20}\] - \d+s \d+ms/step - accuracy: 0.5000 - loss: 1.2000e-04 - val_loss: 1.0000", screen[1]), screen[1]
    for piece in text.replace("\n", "\r").split("\r"):
        assert "ETA" not in piece or (len(piece.rstrip()) < 80 and re.match(r" *\d+/100 \[=*>?\.*\] - ETA: \d+s - accuracy: 0.5000", piece)), piece


def test_what_a_callback_says_stands_on_its_own_line(monkeypatch):
    text = bar_run(monkeypatch, Terminal(), 1, epochs=1, batches=30, pause=0.01, extra=[cb.LambdaCallback(on_epoch_end=lambda epoch, logs: cb.say("hello"))])
    screen = [line.split("\r")[-1].rstrip() for line in text.split("\n")]
    assert "hello" in screen and screen[-2].startswith("30/30 [====")


def test_evaluate_and_predict_have_their_own_bar(monkeypatch):
    for kind in ("test", "predict"):
        for stream, expected in ((io.StringIO(), r"5/5 - 0s \d+us/step"), (Terminal(), r"5/5 \[={20}\] - 0s \d+us/step")):
            monkeypatch.setattr(sys, "stdout", stream)
            every = cb.CallbackList(add_progbar=True, steps=5, verbose=1)
            getattr(every, f"on_{kind}_begin")()
            for batch in range(5):
                getattr(every, f"on_{kind}_batch_end")(batch, {"loss": 0.5})
            getattr(every, f"on_{kind}_end")({"loss": 0.5})
            assert re.fullmatch(expected + (" - loss: 0.5000\n" if kind == "test" else "\n"), stream.getvalue()), stream.getvalue()


def test_a_bar_for_a_loop_of_ones_own(monkeypatch):
    """Values are averaged over the steps they stand for, stateful ones shown as they are; a line at the end where there is no terminal."""
    for stream, bar in ((io.StringIO(), ""), (Terminal(), r" \[={10}\]")):
        monkeypatch.setattr(sys, "stdout", stream)
        shown = pydl.utils.Progbar(10, width=10, interval=0, stateful_metrics=["rate"], unit_name="sample")
        for loss in (4.0, 1.0):
            shown.update(int(8 - 2 * (loss == 4.0)), values=[("loss", loss), ("rate", loss / 10)])
        shown.add(2, values=[("loss", 2.0), ("rate", 0.5)])
        *earlier, last = [piece for piece in re.split(r"[\r\n]", stream.getvalue()) if piece.strip()]
        assert re.fullmatch(rf"10/10{bar} - 0s \d+[mu]s/sample - loss: 3.0000 - rate: 0.5000", last.rstrip()), last      # (6 * 4 + 2 * 1 + 2 * 2) / 10
        assert bool(earlier) is bool(bar)
    assert any(re.match(r" 8/10 .* - loss: 3.2500 - rate: 0.1000", piece) for piece in earlier), earlier
    for verbose, text in ((0, ""), (2, "3/3 - ")):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        quiet = pydl.utils.Progbar(None, verbose=verbose, stateless_metrics=["loss"])
        quiet.add(3, values=[("loss", 1.0), ("rate", 2.0)])
        assert stream.getvalue() == ""
        quiet.update(3, values=[("loss", 5.0)], finalize=True)
        assert stream.getvalue().startswith(text) and ("loss: 5.0000 - rate: 2.0000\n" in stream.getvalue()) is bool(verbose)
    for options, word in ((dict(target=0), "target"), (dict(width=0), "width"), (dict(verbose=3), "verbose"), (dict(interval=-1), "interval"),
                          (dict(stateful_metrics="loss"), "stateful_metrics"), (dict(stateful_metrics=[], stateless_metrics=[]), "not both"),
                          (dict(unit_name=""), "unit_name")):
        with pytest.raises((ValueError, TypeError), match=f"Progbar: .*{word}"):
            pydl.utils.Progbar(**{"target": 3, **options})


def test_no_console_an_unknown_length_and_no_steps(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    every = cb.CallbackList(add_progbar=True, epochs=1, verbose=1)
    every.on_train_begin()
    every.on_epoch_begin(0)
    every.on_epoch_end(0, {"loss": 1.0})
    stream = io.StringIO()
    assert re.fullmatch(r"Epoch 1/1 - 50/50 - .*\n", bar_run(monkeypatch, stream, 1, epochs=1))
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    every = cb.CallbackList(add_progbar=True, epochs=1, steps=None, verbose=1)
    every.on_epoch_begin(0)
    for batch in range(3):
        time.sleep(0.06)
        every.on_train_batch_end(batch, {"loss": 1.0})
    every.on_epoch_end(0, {"loss": 1.0})
    assert "2/Unknown - loss: 1.0000" in stream.getvalue() and "3/3 [====" in stream.getvalue()


@pytest.mark.parametrize("verbose", [3, -1, "Auto", 1.0, None, []])
def test_unknown_verbose(verbose):
    with pytest.raises((ValueError, TypeError), match="^fit: verbose must be one of 'auto', 0, 1, 2, got "):
        cb.CallbackList(add_progbar=True, verbose=verbose)


def test_a_bar_costs_little_per_batch(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    every = cb.CallbackList(add_progbar=True, epochs=1, steps=20_000, verbose=1)
    every.on_train_begin()
    every.on_epoch_begin(0)
    logs = {"loss": 1.0}
    start = time.perf_counter()
    for batch in range(20_000):
        every.on_train_batch_end(batch, logs)
    assert (time.perf_counter() - start) / 20_000 < 20e-6


def test_columns_of_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda descriptor: os.terminal_size((40, 20)))
    stream = Terminal()
    monkeypatch.setattr(stream, "fileno", lambda: 1, raising=False)
    text = bar_run(monkeypatch, stream, 1, epochs=1, batches=30, pause=0.01)
    assert all(len(piece) < 40 for piece in re.split("[\r\n]", text) if "ETA" in piece) and "ETA" in text
