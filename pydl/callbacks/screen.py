"""The one place that writes to the user's screen: a bar that is drawn over itself, and lines below it."""
import sys

_open_line = False     # whether the last thing on the screen is a bar without its end of line


def say(text):
    """Print a line of a callback's, below the bar if one is being drawn."""
    if _open_line:
        write("\n")
    write(text + "\n")


def write(text):
    global _open_line
    stream = sys.stdout
    if stream is None:      # a program without a console
        return
    stream.write(text)
    stream.flush()
    _open_line = not text.endswith("\n")


def is_open_line():
    return _open_line


def number(value):
    if isinstance(value, list):                 # a metric with one number a class
        return f"[{' '.join(map(number, value))}]"
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 else f"{value:.4e}"
