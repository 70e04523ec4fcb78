"""The comparison with other libraries: a short run of the real command, and what it writes."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from child import PACKAGE

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with the results of a few quick rows, compared with whatever is installed here (NumPy at least)."""
    folder = tmp_path_factory.mktemp("peers")
    done = subprocess.run([sys.executable, "-P", BENCHMARKS / "peers.py", "--threads", "1", "--rounds", "2", "--milliseconds", "1", "--out", folder,
                           "--only", "product 64x120", "average pooling 2x2/2 small", "cross-entropy", "LeNet-5"],
                          capture_output=True, text=True, timeout=300, cwd=folder,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE), str(BENCHMARKS)])})
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_every_row_is_timed_and_equal(results):
    folder, said = results
    found = json.loads((folder / "peers.json").read_text())
    assert [(r["row"], r["pass"]) for r in found["results"]] == [
        ("product 64x120x84", "forward"), ("average pooling 2x2/2 small", "forward"), ("average pooling 2x2/2 small", "both"),
        ("softmax cross-entropy 128x10", "both"), ("train LeNet-5 b64", "step"), ("infer LeNet-5 b1", "forward")]
    for r in found["results"]:
        assert r["trouble"] == [], r["row"]                      # whoever took part computed the same
        assert all(seconds > 0 for seconds in r["seconds"].values()) and r["limit"] > 0
    assert all("NumPy" in r["seconds"] for r in found["results"][:4])
    assert found["machine"]["limits"]["1"]["flops"] > 1e8
    assert "differs" not in said


def test_the_table_and_the_picture(results):
    folder, _ = results
    table = (folder / "peers.md").read_text().splitlines()
    assert table[0].count("|") == table[1].count("|") == table[2].count("|")
    assert sum(line.startswith("| ") for line in table) == 7
    assert ElementTree.parse(folder / "peers.svg").getroot().tag.endswith("svg")
