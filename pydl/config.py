"""Settings of the whole library: the default dtype, epsilon, the image layout of the API, Winograd's convolution."""
from pydl.errors import boolean, in_range, one_of
from pydl.tensor import structure_changed

_settings = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last", "winograd": True}


def _set(name, value):
    if _settings[name] != value:
        _settings[name] = value
        structure_changed()             # recorded steps were made under the old setting


def floatx():
    """Return the default dtype of layers: "float32" or "float64"."""
    return _settings["floatx"]


def set_floatx(value):
    """Set the default dtype of layers built from now on."""
    _set("floatx", one_of("set_floatx", "value", value, ("float32", "float64")))


def epsilon():
    """Return the small number that keeps logarithms and divisions finite (1e-7)."""
    return _settings["epsilon"]


def set_epsilon(value):
    """Set that small number."""
    _set("epsilon", in_range("set_epsilon", "value", value, 0, 1, low_open=True))


def image_data_format():
    """Return the default layout of images in the API: "channels_last" or "channels_first"."""
    return _settings["image_data_format"]


def set_image_data_format(data_format):
    """Set the default layout of images in the API; inside, features are always last."""
    _set("image_data_format", one_of("set_image_data_format", "data_format", data_format, ("channels_last", "channels_first")))


def winograd():
    """Return where convolutions in float32 use Winograd's form: True (where it is faster), False, 2 or 4."""
    return _settings["winograd"]


def set_winograd(allowed):
    """Say where convolutions of 3x3 to 5x5 in float32, and such as 7x7 with stride 2 and 11x11 with stride 4, use Winograd's form.

    True: where it is faster, up to 3 times.  False: nowhere.  2 or 4: wherever it can be, with tiles of 2x2 or of 4x4 results, which for 3x3 needs 16 channels
    on both sides; of other windows 4 means tiles made of as many pixels, and 2 the direct sum.
    With tiles of 4x4 the rounding error of values is 3 to 5 times that of the direct sum, with tiles of 2x2 no larger.
    """
    if type(allowed) is int and allowed not in (2, 4):
        raise ValueError(f"set_winograd: allowed must be True, False, 2 or 4, got {allowed}")
    _set("winograd", allowed if type(allowed) is int else boolean("set_winograd", "allowed", allowed))
