"""Files made to do harm: a few bytes that ask for gigabytes or for ever, and values that are no weights."""

# ruff: noqa: F811 - fixtures of another file

import os
import pickle
import re
import time
import warnings
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from bench.spec import BadFile, BenchError
from methods.formats import checkpoints, file_kinds
from methods.formats.unpickle import load

from .test_checkpoints import LAYOUTS, generator
from .test_unpickle import Asks, Layer, Network, marker, module, write  # noqa: F401 - fixtures
from .test_wild_checkpoints import STATE


@pytest.fixture(autouse=True)
def quick():
    """No file keeps its reader for long."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 20, "a small file took long"


def doubled(levels, leaf=1) -> list:
    value = [leaf, leaf]
    for _ in range(levels):
        value = [value, value]
    return value


def test_lists_that_are_named_twice_again_and_again_stay_small(tmp_path, write):
    """313 bytes; written out they are 2^30 numbers."""
    network = Network(0)
    path = write(lambda easy: {"G": network, "x": doubled(30)})
    assert list(load(path)) == ["G", "init_kwargs"]
    torch.save({"x": doubled(60), "params": STATE}, tmp_path / "a.pth")
    assert load(tmp_path / "a.pth").keys() == {"x", "params"}
    checkpoints.any_network(load(tmp_path / "a.pth"))


def test_parts_that_are_named_twice_again_and_again_are_refused(write):
    part = Network(0)
    for _ in range(25):
        outer = torch.nn.Module()
        outer.one = outer.two = part
        part = Network(0)
        part.mapping, part.b4 = outer.one, outer.two
    with pytest.raises(BadFile, match="more than 10,000 parts"):
        load(write(lambda easy: {"G": part}))


def test_values_that_contain_themselves_are_refused(tmp_path):
    state = dict(STATE)
    state["state_dict"] = state
    with pytest.raises(BadFile, match="contain themselves"):
        load(saved(state, tmp_path))
    assert checkpoints.any_network(state), "a dict in memory that holds itself is looked into for ever"
    inside = []
    inside.append([inside])
    with pytest.raises(BadFile, match="contain themselves"):
        load(saved({"x": inside, **STATE}, tmp_path))


def saved(values, tmp_path, zipped=True):  # noqa: FBT002
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pth"
    torch.save(values, path, _use_new_zipfile_serialization=zipped)
    return path


def test_deep_nesting_is_refused(tmp_path):
    value = {}
    for _ in range(200):
        value = {"a": value}
    with pytest.raises(BadFile, match="levels"):
        load(saved({"x": value, **STATE}, tmp_path))


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_that_claim_more_than_their_file_holds_are_refused(tmp_path, zipped):
    huge = torch.zeros(1).expand(10**6, 10**6)
    path = saved({**STATE, "conv_first.weight": huge}, tmp_path, zipped)
    assert path.stat().st_size < 100_000
    with pytest.raises(BadFile, match="larger than the file"):
        load(path)
    many = {f"x{k}": torch.zeros(1).expand(10**6) for k in range(100)}
    with pytest.raises(BadFile, match="larger than the file"):
        load(saved(many, tmp_path, zipped))
    small = torch.ones(1).expand(4, 4)
    assert torch.equal(load(saved({"kernel": small}, tmp_path, zipped))["kernel"], small)


def test_a_pickle_of_nvidia_s_cannot_claim_more_either(write):
    network = Network(0)
    storage = torch.arange(3.0)._typed_storage()
    network.__dict__["_buffers"] = {
        "x": Asks(torch._utils._rebuild_tensor_v2, storage, 0, (10**6, 10**6), (0, 0), False, {})
    }
    with pytest.raises(BadFile, match="larger than the file"):
        load(write(lambda easy: {"G": network}))


def test_a_name_cannot_be_doubled_without_end(write):
    text = "x" * 100
    for _ in range(30):
        text = Asks(torch.device, text, text)
    with pytest.raises(BadFile):
        load(write(lambda easy: {"G": Network(0), "device": text}))


@pytest.mark.parametrize("size", [10**13, 8])
def test_memory_is_not_asked_for_by_number(tmp_path, size):
    """torch's own reader would call bytearray(10**13)."""
    with pytest.raises(BadFile, match="bytearray"):
        load(saved({"x": Asks(bytearray, size), **STATE}, tmp_path))


def test_a_zip_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(file_kinds, "LARGEST", 10**6)
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}, 2))
        archive.writestr("a/data/0", bytes(10**6))
    with pytest.raises(BadFile, match=r"unpacks to 1,000,00\d bytes"):
        load(tmp_path / "a.pth")


@pytest.mark.parametrize("suffix", [".pth", ".pkl", ".safetensors"])
@pytest.mark.parametrize(
    "what", ["pipe", "device", "folder", "link to a pipe", "link to a device", "socket name", "sparse"]
)
def test_only_regular_files_of_some_size_are_opened(bench, tmp_path, what, suffix):
    path = tmp_path / f"a{suffix}"
    if what == "sparse":
        with path.open("wb") as file:
            file.truncate(2_000_000_000)
    elif what == "folder":
        path.mkdir()
    elif what == "socket name":
        path.symlink_to(path)
    else:
        target = tmp_path / "x" if "pipe" in what else "/dev/zero"
        if "pipe" in what:
            os.mkfifo(target)
        path.symlink_to(target)
    with pytest.raises(BenchError, match=r"folder|device or pipe|are not read|cannot be read"):
        load(path)
    status, _, told = bench("convert", path, tmp_path / "out.safetensors")
    assert status == 2
    assert told.startswith("error: ")


TYPES = [torch.int16, torch.uint8, torch.bool, torch.int64, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("dtype", TYPES)
def test_other_than_floating_weights_are_refused(bench, tmp_path, dtype):
    """float16 relabelled as int16 became a network, and 5 dB in a table."""
    name = "body.0.rdb1.conv1.weight"
    path = saved({"params": STATE | {name: STATE[name].to(dtype)}}, tmp_path)
    status, _, told = bench("convert", path, tmp_path / "out.safetensors")
    assert status == 2
    assert str(dtype) in told
    assert not (tmp_path / "out.safetensors").exists()


def test_a_file_whose_type_was_relabelled_is_refused(tmp_path):
    save_file({name: value.half() for name, value in STATE.items()}, tmp_path / "a.safetensors")
    content = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(content.replace(b'"F16"', b'"I16"'))
    with pytest.raises(BenchError, match="of a wrong type"):
        checkpoints.any_network(load(tmp_path / "a.safetensors"))


def test_quantised_and_sparse_weights_are_refused(tmp_path):
    name = "body.0.rdb1.conv1.weight"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch is about to drop them
        quantised = torch.quantize_per_tensor(STATE[name], 0.1, 0, torch.qint8)
    for value in (quantised, STATE[name].to_sparse(), torch.empty(STATE[name].shape, device="meta")):
        with pytest.raises(BenchError):
            checkpoints.any_network(load(saved({"params": STATE | {name: value}}, tmp_path)))


def test_a_flipped_bit_of_a_weight_is_found(tmp_path):
    """PyTorch reads past the checksums that it writes: `convert` would make a sound file of a damaged one."""
    path = saved({"params": STATE}, tmp_path)
    content = bytearray(path.read_bytes())
    content[content.index(STATE["conv_first.weight"].numpy().tobytes()) + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadFile, match="is damaged"):
        load(path)


def test_a_file_that_was_saved_without_checksums_is_read(tmp_path):
    """Zips have a place for them, and it then holds zero: the file is as sound as torch makes it."""
    torch.serialization.set_crc32_options(False)
    try:
        path = saved({"params": STATE}, tmp_path)
    finally:
        torch.serialization.set_crc32_options(True)
    with zipfile.ZipFile(path) as archive:
        assert {entry.CRC for entry in archive.infolist()} == {0}, "torch has written what it was not to"
    found = load(path)["params"]
    assert all(torch.equal(found[name], value) for name, value in STATE.items())


@pytest.mark.parametrize("name", ["input.input", "noises.noise_0", "conv1.conv.weight", "to_rgb1.bias", "style.1.bias"])
def test_an_empty_or_quantised_entry_of_a_stylegan2_is_a_sentence(tmp_path, name):
    state = LAYOUTS["rosinality"](generator())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        quantised = torch.quantize_per_tensor(state[name], 0.1, 0, torch.qint8)
    for value in (torch.zeros(0), torch.tensor(1.0), quantised):
        with pytest.raises(BenchError):
            checkpoints.any_network(load(saved({"g_ema": state | {name: value}}, tmp_path)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(value):
    name = "conv_last.bias"
    state = STATE | {name: torch.tensor([0.0, value, 0.0])}
    with pytest.raises(BenchError, match=r"1 not finite: conv_last\.bias"):
        checkpoints.any_network(state)
    with pytest.raises(BenchError, match="not finite"):  # beyond what float32 holds
        checkpoints.any_network(STATE | {name: torch.tensor([1e300, 0, 0], dtype=torch.float64)})


def mutated(draw) -> dict:
    state = dict(STATE)
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(state, key=str)))
        change = draw(st.sampled_from(["drop", "shape", "type", "name", "number", "key"]))
        value = state.pop(name)
        if change == "shape":
            value = torch.zeros(draw(st.lists(st.integers(0, 3), max_size=5)))
        elif change == "type":
            value = draw(st.sampled_from([torch.tensor(3), None, "x", 5, [], torch.zeros(2, dtype=torch.int8)]))
        elif change == "name":
            name = draw(st.text(max_size=8))
        elif change == "number" and isinstance(name, str):
            name = re.sub(r"\d+", lambda _: str(draw(st.integers(0, 10 ** draw(st.integers(0, 60))))), name)
        elif change == "key":
            name = draw(st.integers() | st.none() | st.booleans())
        if change != "drop":
            state[name] = value
    return state


def refusal(read) -> str:
    """What is said of a file that is not read; any other error is a traceback in front of a user."""
    try:
        read()
    except BenchError as error:
        return str(error)
    return ""


@given(data=st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_state_dict_changed_anyhow_is_read_or_refused_in_a_sentence(data):
    sentence = refusal(lambda: checkpoints.any_network(mutated(data.draw)))
    assert len(sentence) < 2000
    assert sentence.isprintable()


@given(position=st.floats(0, 1), byte=st.integers(0, 255))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("kind", ["zip", "legacy", "nvidia", "safetensors"])
def test_a_byte_changed_anywhere_is_read_or_refused_in_a_sentence(tmp_path, kind, position, byte, write):
    path = tmp_path / f"whole-{kind}"
    if not path.exists():
        if kind == "nvidia":
            path.write_bytes(write(lambda easy: {"G": Network(0), "x": np.float64(2)}).read_bytes())
        elif kind == "safetensors":
            save_file(STATE, path)
        else:
            torch.save({"params": STATE, "x": np.float64(2)}, path, _use_new_zipfile_serialization=kind == "zip")
    content = bytearray(path.read_bytes())
    content[min(int(position**3 * len(content)), len(content) - 1)] = byte
    (tmp_path / "changed.pth").write_bytes(content)
    assert len(refusal(lambda: checkpoints.any_network(load(tmp_path / "changed.pth")))) < 2000
