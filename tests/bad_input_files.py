"""Bad files, data sets and settings of the library.  See bad_input_rows.py."""
import json
import os
import pickle
import shutil
import struct
import tempfile
import zipfile
import zlib

import numpy as np
from bad_input_models import Fine, regressor, tiny
from bad_input_rows import NAN, SCRATCH, call, values

import pydl
from pydl import layers as L
from pydl import registry, saving

# ---------------------------------------------------------------------------------------------------- files

GOOD_FILE = os.path.join(SCRATCH, "good.pydl")
pydl.utils.set_random_seed(0)                          # the file, and with it the names of the rows, are the same in every process
tiny().save(GOOD_FILE)
with open(GOOD_FILE, "rb") as _file:
    GOOD_BYTES = _file.read()
TOUCHED = os.path.join(SCRATCH, "code-has-run")


def file_of(content, name="bad.pydl"):
    path = os.path.join(SCRATCH, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def load_bad(content):
    """load_model of a file; a file that ran code or wrote beside itself ends the process: that is a crash."""
    before = sorted(os.listdir(os.path.dirname(SCRATCH)))
    try:
        pydl.models.load_model(file_of(content))
    finally:
        if os.path.exists(TOUCHED) or any(name.startswith("evil") for name in set(os.listdir(os.path.dirname(SCRATCH))) - set(before)):
            os.abort()


def load_good():
    pydl.models.load_model(GOOD_FILE)


def file_row(pattern, name, content):
    call(pattern, f"load_model of {name}", lambda: load_bad(content), load_good, "bad.pydl", "config", "file")


class Evil:
    def __reduce__(self):
        return os.mkdir, (TOUCHED,)


for cut in (0, 1, 4, 30, 100, len(GOOD_BYTES) // 2, len(GOOD_BYTES) - 22, len(GOOD_BYTES) - 1):
    file_row("P13", f"the first {cut} bytes", GOOD_BYTES[:cut])
for at in (0, 10, 40, 200, len(GOOD_BYTES) // 3, len(GOOD_BYTES) // 2, len(GOOD_BYTES) - 10):
    file_row("P13", f"a flipped bit at {at}", GOOD_BYTES[:at] + bytes([GOOD_BYTES[at] ^ 16]) + GOOD_BYTES[at + 1 :])
file_row("P13", "bytes behind the end", GOOD_BYTES + b"more")
file_row("P13", "bytes before the start", b"x" + GOOD_BYTES)
file_row("P13", "zeros", bytes(1000))
file_row("P13", "text", b"this is no model at all, but a sentence")
file_row("P14", "a pickle", pickle.dumps(Evil()))
file_row(
    "P14",
    "an .npz with objects",
    (lambda path: (np.savez(path, weights=np.array([Evil()], object)), open(path, "rb").read())[1])(os.path.join(SCRATCH, "objects.npz")),
)


def zip_of(*members, compression=zipfile.ZIP_STORED):
    path = os.path.join(SCRATCH, "made.zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, compress_type=compression)
    with open(path, "rb") as file:
        return file.read()


def good_members():
    with zipfile.ZipFile(GOOD_FILE) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


MEMBERS = good_members()
JSON = next(i for i, (name, _) in enumerate(MEMBERS) if name.endswith("config.json") or name.endswith(".json"))


def npy_header(shape, descr="<f4"):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


file_row("P15", "a member ../x", zip_of(*MEMBERS, ("../evil-outside", b"x")))
file_row("P15", "a member /tmp/x", zip_of(*MEMBERS, ("/tmp/evil-absolute", b"x")))
file_row("P15", "a member with a backslash", zip_of(*MEMBERS, ("..\\evil", b"x")))
file_row("P15", "an empty archive", zip_of())
file_row("P15", "a bomb of zeros", zip_of(*MEMBERS, ("weights/bomb.npy", bytes(50_000_000)), compression=zipfile.ZIP_DEFLATED))
file_row("P15", "a bomb of shape", zip_of(*[(n, npy_header((2**40, 2**20)) if n.endswith(".npy") else c) for n, c in MEMBERS]))
file_row("P15", "a shape that overflows", zip_of(*[(n, npy_header((2**32, 2**32)) if n.endswith(".npy") else c) for n, c in MEMBERS]))
file_row("P15", "a negative shape", zip_of(*[(n, npy_header((-1, 4))) if n.endswith(".npy") else (n, c) for n, c in MEMBERS]))
file_row("P14", "weights that are objects", zip_of(*[(n, npy_header((1,), "|O") + pickle.dumps(Evil())) if n.endswith(".npy") else (n, c) for n, c in MEMBERS]))


def resigned(change):
    """The good model's file under a changed config, with checksums as they should be."""
    from pydl.models.model_file import read_model_file, write_model_file

    config, arrays = read_model_file(GOOD_FILE)
    path = os.path.join(SCRATCH, "resigned.pydl")
    config = json.loads(json.dumps(config))
    change(config, arrays)
    write_model_file(path, config, arrays)
    with open(path, "rb") as file:
        return file.read()


def config_row(pattern, name, change):
    def bad():
        load_bad(resigned(change))

    call(pattern, f"load_model {name}", bad, lambda: load_bad(resigned(lambda config, arrays: None)), "config", "class", "weights", "bad.pydl", "unknown")


def class_named(name):
    def change(config, arrays):
        config["model"]["config"]["layers"][0]["class_name"] = name

    return change


for name in (
    "os.system",
    "builtins.eval",
    "posix.system",
    "subprocess.Popen",
    "pydl.models.training.Training",
    "layers.Densee",
    "__import__",
    "",
    "numpy.load",
    "pickle.loads",
):
    config_row("P14", f"a class named {name or 'nothing'}", class_named(name))
config_row("P14", "a function named eval", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(activation={"function": "eval"}))
config_row("P14", "a class that is a list", lambda c, a: c["model"].update(class_name=["Sequential"]))
config_row("P13", "without a model", lambda c, a: c.pop("model"))
config_row("P13", "without layers", lambda c, a: c["model"]["config"].pop("layers"))
config_row("P13", "units are text", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units="5"))
config_row("P13", "units are negative", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units=-5))
config_row("P02", "units are 2**61", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units=2**61))
config_row("P13", "units do not fit the weights", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units=6))
config_row("P13", "an unknown argument", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(unit=5))
config_row("P13", "a model that is a layer", lambda c, a: c.update(model=c["model"]["config"]["layers"][0]))
config_row("P13", "a weight missing", lambda c, a: a.pop(next(n for n in a if n.startswith("weights"))))
config_row("P13", "a weight too many", lambda c, a: a.update({"weights/more": np.zeros(3)}))
config_row("P13", "a weight of another shape", lambda c, a: a.update({next(n for n in a if n.startswith("weights")): np.zeros(3, "float32")}))
config_row("P13", "the optimizer is text", lambda c, a: c["compile"].update(optimizer="adam"))


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def deep_json(text):
    return zip_of(*[(n, text if i == JSON else c) for i, (n, c) in enumerate(MEMBERS)])


file_row("P19", "a config nested 200000 deep", deep_json(b'{"a":' * 200_000 + b"1" + b"}" * 200_000))
file_row("P19", "a config of 200000 lists", deep_json(b"[" * 200_000 + b"]" * 200_000))
file_row("P19", "a config that is not closed", deep_json(b'{"model": {"class_name": "Sequential"'))
file_row("P19", "a number of a million digits", deep_json(b'{"a": ' + b"9" * 1_000_000 + b"}"))
call(
    "P19",
    "deserialize nested 100000 deep",
    lambda: registry.deserialize(nested(100_000)),
    lambda: registry.deserialize(registry.serialize(L.Dense(3))),
    "config",
)
call("P16", "load_model of a number", lambda: pydl.models.load_model(3), load_good, "path")
call("P16", "load_model of None", lambda: pydl.models.load_model(None), load_good, "path")
call(
    "P16",
    "load_model custom_objects",
    lambda: pydl.models.load_model(GOOD_FILE, custom_objects=[Fine]),
    lambda: pydl.models.load_model(GOOD_FILE, custom_objects={"Fine": Fine}),
    "custom_objects",
)
call("P16", "save to a number", lambda: tiny().save(3), lambda: tiny().save(GOOD_FILE), "path")
call(
    "P18",
    "save before it is built",
    lambda: pydl.Sequential([L.Dense(2)], name="unbuilt").save(os.path.join(SCRATCH, "u.pydl")),
    lambda: tiny().save(GOOD_FILE),
    "unbuilt",
)
call(
    "P18",
    "load_weights before it is built",
    lambda: pydl.Sequential([L.Dense(2)], name="unbuilt").load_weights(GOOD_FILE),
    lambda: tiny().load_weights(GOOD_FILE),
    "unbuilt",
)
call("P05", "load_weights of another model", lambda: regressor().load_weights(GOOD_FILE), lambda: tiny().load_weights(GOOD_FILE), "regressor")
call(
    "P05",
    "load_weights of another shape",
    lambda: pydl.Sequential([L.Input((4,)), L.Dense(6), L.Dense(3)], name="wider").load_weights(GOOD_FILE),
    lambda: tiny().load_weights(GOOD_FILE),
    "wider",
)


def custom_saved():
    model = pydl.Sequential([L.Input((4,)), Fine()], name="custom")
    path = os.path.join(SCRATCH, "custom.pydl")
    model.save(path)
    return path


call(
    "P14",
    "load_model of an unregistered class",
    lambda: pydl.models.load_model(custom_saved()),
    lambda: pydl.models.load_model(custom_saved(), custom_objects={"Fine": Fine}),
    "custom_objects",
)
call("P16", "register something", lambda: saving.register_serializable()(3), lambda: saving.register_serializable()(Fine), "register")


# ---------------------------------------------------------------------------------------------------- data sets, config


def idx(magic=0x803, sizes=(2, 28, 28), data=bytes(1568)):
    return struct.pack(">I", magic) + b"".join(struct.pack(">I", s) for s in sizes) + data


def mnist_folder(**files):
    folder = tempfile.mkdtemp(dir=SCRATCH)
    good = {"train_images": idx(), "train_labels": idx(0x801, (2,), bytes(2)), "t10k_images": idx(), "t10k_labels": idx(0x801, (2,), bytes(2))}
    for name, content in {**good, **files}.items():
        part, kind = name.split("_")
        if content is not None:
            with open(os.path.join(folder, f"{part}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"), "wb") as file:
                file.write(content)
    return folder


def mnist(**files):
    folder = mnist_folder(**files)
    try:
        return pydl.datasets.mnist.load_data(path=folder)
    finally:
        shutil.rmtree(folder)


for name, content in {
    "shorter than its header": idx()[:10],
    "empty": b"",
    "shorter than it says": idx(data=bytes(1567)),
    "longer than it says": idx(data=bytes(1569)),
    "of another magic number": idx(magic=0x12345678),
    "of 2**32-1 images": idx(sizes=(2**32 - 1, 2**32 - 1, 2**32 - 1)),
    "of a negative size": idx(sizes=(2, 2**31, 28)),
    "text": b"hello world, this is no idx file",
}.items():
    call("P13", f"idx file {name}", lambda c=content: mnist(train_images=c), lambda: mnist(), "train-images")
call("P05", "idx labels of another count", lambda: mnist(train_labels=idx(0x801, (3,), bytes(3))), lambda: mnist(), "labels", "images")
call("P09", "idx labels past 9", lambda: mnist(train_labels=idx(0x801, (2,), bytes([3, 200]))), lambda: mnist(), "label")
call("P16", "mnist path of a number", lambda: pydl.datasets.mnist.load_data(path=3), lambda: mnist(), "path")
call(
    "P13",
    "mnist of a damaged npz",
    lambda: pydl.datasets.mnist.load_data(path=file_of(b"PK\x03\x04" + zlib.compress(b"x"), "mnist.npz")),
    lambda: mnist(),
    "mnist.npz",
)
values(pydl.config.set_floatx, dict(value="float32"), ("P16", "value", "float16", 32, None))
values(pydl.config.set_epsilon, dict(value=1e-7), ("P17", "value", -1.0, 0.0), ("P08", "value", NAN), ("P16", "value", "small"))
values(pydl.config.set_image_data_format, dict(data_format="channels_last"), ("P16", "data_format", "NHWC", 4))
