"""Data sets: one that comes with the package, and readers for those that do not."""

from pydl.datasets import digits, mnist
from pydl.datasets.idx import read_idx

__all__ = ["digits", "mnist", "read_idx"]
