"""The UCI handwritten digits: 1,797 images of 8x8 pixels, part of the package.

Source:    E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, its test set;
           licence CC BY 4.0 (digits.LICENSE.txt).
"""

from pathlib import Path

import numpy as np

from pydl.datasets.idx import read_idx
from pydl.errors import FormatError

TRAINING = 1437
ROWS = 1797


def load_data():
    """Return ((x_train, y_train), (x_test, y_test)): 1,437 images to train on and 360 to test with.

    The rows are in the order of the SHA-256 of their number ("0", "1", ...) in the UCI file, which mixes writers and classes and
    depends on nothing.  The test set is the first 36 rows of each class in that order; the other rows train.

    Shapes:    x (N, 8, 8, 1) in [0, 1] (the original values 0..16 divided by 16), y (N,) classes 0..9
    Dtypes:    x float32, y int64
    Example:   (x, y), (xt, yt) = pydl.datasets.digits.load_data()
    """
    here = Path(__file__).parent
    images, labels = read_idx(here / "digits_images.idx3.gz"), read_idx(here / "digits_labels.idx1.gz")
    if images.shape != (ROWS, 8, 8) or labels.shape != (ROWS,) or images.max() > 16 or labels.max() > 9:
        raise FormatError(f"{here}: the digits of this installation are damaged; install pydl again")
    x = (images[..., None] / np.float32(16)).astype(np.float32)
    y = labels.astype(np.int64)
    return (x[:TRAINING], y[:TRAINING]), (x[TRAINING:], y[TRAINING:])
