"""The weight files that come with the suite and those that it writes: damaged by one bit, they are not used."""

import hashlib
import json
import shutil

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bench import shipped
from bench.spec import BadFile, MissingWeights, Task
from methods.formats import own_files, sealed
from methods.formats.unpickle import load
from methods.nets.srresnet import MSRResNet
from methods.weights import folders, trained
from methods.weights.load import find

from .conftest import ROOT

MINI = ROOT / "methods" / "weights" / "mini"


def test_every_shipped_file_is_in_the_list_and_is_what_it_was():
    """A file that is not listed is not protected; the command that makes the list stands in bench/shipped.py."""
    files = [*(ROOT / "bench" / "weights").iterdir(), *(ROOT / "methods" / "weights").glob("*/*.safetensors")]
    found = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert len(found) > 30
    assert found == shipped.listed(), "list the files anew, as bench/shipped.py says"


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A place of the suite's own, in which files may be damaged."""
    monkeypatch.setattr(shipped, "_ROOT", tmp_path)
    monkeypatch.setattr(folders, "SHIPPED", tmp_path / "methods" / "weights")
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "own"))
    folder = tmp_path / "methods" / "weights" / "mini"
    folder.mkdir(parents=True)
    name = "srgan_face_16x_128.safetensors"
    shutil.copy(MINI / name, folder)
    return folder / name


def flip(path, position) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("position", [-1, -1000, 3000])
def test_one_flipped_bit_of_a_shipped_file_ends_in_a_sentence(copy, position):
    """Three of them made 5.74 dB of GLEAN, 'ok'."""
    task = Task("mini", "face", 16, 128, preset="mini")
    assert find("srgan", task) == copy
    load(copy)
    flip(copy, position)
    for read in (lambda: load(copy), lambda: find("srgan", task), lambda: trained.facts(copy)):
        with pytest.raises(BadFile, match=r"srgan_face.* is not the file that came with the suite: its sha256 is"):
            read()


def test_a_link_to_a_shipped_file_is_looked_through(copy, tmp_path):
    flip(copy, -1)
    (tmp_path / "x.safetensors").symlink_to(copy)
    with pytest.raises(BadFile, match="came with the suite"):
        load(tmp_path / "x.safetensors")


def test_a_file_is_read_for_its_checksum_once(copy, monkeypatch):
    load(copy)
    monkeypatch.setattr(hashlib, "sha256", None)
    monkeypatch.setattr(hashlib, "file_digest", None)
    load(copy)


@pytest.mark.parametrize("text", ["", "0123  a\n", "x" * 64 + "  a\n"])
def test_a_damaged_list_says_so(tmp_path, monkeypatch, copy, text):
    (tmp_path / "list").write_text(text)
    monkeypatch.setattr(shipped, "_LIST", tmp_path / "list")
    shipped.listed.cache_clear()
    try:
        with pytest.raises(BadFile, match="install it again"):
            load(copy)
    finally:
        shipped.listed.cache_clear()


def written(path) -> None:
    torch.manual_seed(0)
    facts = {trained.FACTS: json.dumps({"steps": 9, "of": 9, "seed": 0})}
    path.write_bytes(own_files.safetensors(MSRResNet(factor=4, channels=2, blocks=1), dtype=torch.float16, facts=facts))


def test_what_was_trained_anew_in_place_of_a_shipped_file_is_used(copy):
    written(copy)
    assert find("srgan", Task("mini", "face", 16, 128, preset="mini")) == copy
    load(copy)


@given(position=st.floats(0, 1), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_of_a_file_of_ours_is_found(tmp_path, position, bit):
    whole, path = tmp_path / "whole.safetensors", tmp_path / "a.safetensors"
    if not whole.exists():
        written(whole)
    content = bytearray(whole.read_bytes())
    index = min(int(position**2 * len(content)), len(content) - 1)  # the header is short, and counts as well
    content[index] ^= 1 << bit
    path.write_bytes(content)
    start = content.find(b'"checksum":"')
    if 0 <= start <= index < start + 76 or whole.read_bytes()[index - 12 : index + 12].find(b"checksum") >= 0:
        return  # of the checksum itself: nothing that is used was changed
    with pytest.raises(BadFile):
        load(path)
    with pytest.raises(BadFile):
        trained.facts(path)


def test_the_checksum_harms_no_other_reader(tmp_path):
    path = tmp_path / "a.safetensors"
    written(path)
    assert load_file(path).keys() == load(path).keys()
    with safe_open(path, "pt") as file:
        assert set(file.metadata()) == {"network", "training", "checksum"}


def test_a_file_of_somebody_else_needs_no_checksum(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", metadata={"x": '"checksum":"' + "0" * 64 + '"'})
    assert load(tmp_path / "a.safetensors")["a"].tolist() == [1, 1]


@pytest.mark.parametrize("facts", ['{"steps": 5}', "[1]", "{", '{"steps": "x", "of": 3, "seed": 0}', "5"])
def test_a_header_that_says_nonsense_of_its_training_is_a_sentence(tmp_path, facts):
    (tmp_path / "a.safetensors").write_bytes(sealed.pack({"a": torch.ones(2)}, {trained.FACTS: facts}))
    with pytest.raises(BadFile, match=r"a\.safetensors"):
        trained.told(tmp_path / "a.safetensors")


def test_a_damaged_network_of_the_metrics_is_still_refused(monkeypatch):
    from bench.scores import metric_networks

    monkeypatch.setattr(shipped, "listed", lambda: {f"bench/weights/{metric_networks.ALEXNET}": "0" * 64})
    with pytest.raises(MissingWeights, match="sha256"):
        metric_networks.verified(metric_networks.SHIPPED / metric_networks.ALEXNET)
