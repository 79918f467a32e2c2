"""Foreign checkpoints: every tensor comes out as it went in, and nothing that a file brings is ever run."""

import copyreg
import os
import pickle
import re
import subprocess
import sys
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bench.spec import BadFile, MissingWeights
from methods.formats import stand_ins
from methods.formats.unpickle import load


class Layer(torch.nn.Module):
    """The shape of NVIDIA's layers: parameters, buffers, one of them not saved, plain attributes."""

    def __init__(self, seed):
        super().__init__()
        make = torch.Generator().manual_seed(seed)
        self.weight = torch.nn.Parameter(torch.randn(4, 3, 2, 2, generator=make).transpose(0, 1))  # not contiguous
        self.fp16 = torch.nn.Parameter(torch.randn(5, generator=make).half())
        self.register_parameter("bias", None)
        self.register_buffer("noise_const", torch.randn(8, 8, generator=make)[2:5, ::2])  # a part of a storage
        self.register_buffer("steps", torch.tensor(seed))
        self.register_buffer("scratch", torch.ones(2), persistent=False)
        self.padding, self.gain = np.int64(1), np.float64(0.5)


class Network(torch.nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.mapping, self.b4 = Layer(seed), Layer(seed + 1)
        self.absent = None
        self.w_avg = torch.nn.Parameter(torch.full((3,), float(seed)))


def module(monkeypatch, name, **members) -> None:
    """Put a module of members there for as long as the pickle is written, under names that are not ours."""
    parent, _, _ = name.rpartition(".")
    if parent and parent not in sys.modules:
        module(monkeypatch, parent)
    made = ModuleType(name)
    for key, member in members.items():
        member.__module__, member.__qualname__ = name, key
        setattr(made, key, member)
    monkeypatch.setitem(sys.modules, name, made)


@pytest.fixture
def marker(tmp_path) -> Iterator[Path]:
    """A file that must not appear: what the malicious pickles write."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists(), "code from a checkpoint was run"


@pytest.fixture
def write(tmp_path, marker) -> Callable[..., Path]:
    """Write a pickle as StyleGAN2-ADA does: networks with the source text of their classes, here of malicious ones."""

    def written(values, protocol=4):
        with pytest.MonkeyPatch.context() as patch:
            easy = type("EasyDict", (dict,), {})
            module(patch, "dnnlib.util", EasyDict=easy)
            module(patch, "torch_utils.persistence", _reconstruct_persistent_obj=lambda meta: None)
            rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj

            def reduced(part):
                kwargs = easy(z_dim=512, channels=easy(base=np.int64(32768)), taps=[1, 3, 3, 1], clamp=None)
                state = part.__dict__ | {"_init_args": (), "_init_kwargs": kwargs}
                source = f"open({str(marker)!r}, 'w').close()"
                meta = {"type": "class", "version": 6, "module_src": source, "class_name": "Generator", "state": state}
                return rebuild, (meta,), None

            patch.setitem(copyreg.dispatch_table, Network, reduced)
            patch.setitem(copyreg.dispatch_table, Layer, reduced)
            path = tmp_path / f"network{protocol}.pkl"
            path.write_bytes(pickle.dumps(values(easy), protocol))
        return path

    return written


def same(found, expected) -> None:
    """The tensors of a network are those of a state dict, in its order, dtypes and all."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert type(found[name]) is torch.Tensor, f"{name} is not a plain tensor"
        assert found[name].dtype == value.dtype, f"{name} has another dtype"
        assert torch.equal(found[name], value), f"{name} has other values"


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_an_ada_pickle_gives_the_state_dicts_of_its_networks(write, protocol):
    made = {"G_ema": Network(1), "D": Network(5)}
    path = write(lambda easy: easy(made, training_set_kwargs=easy(path="x"), augment_pipe=None), protocol)
    values = load(path)
    assert list(values) == ["G_ema", "D", "init_kwargs"]
    for name, network in made.items():
        # A module's own tensors come first in state_dict, then those of its parts: the same order here.
        same(values[name], network.state_dict())
    kwargs = values["init_kwargs"]["D"]
    assert kwargs == {"z_dim": 512, "channels": {"base": 32768}, "taps": [1, 3, 3, 1], "clamp": None}
    assert type(kwargs) is dict
    assert type(kwargs["channels"]) is dict


def test_reading_imports_nothing(write):
    path = write(lambda easy: {"G": Network(1)})
    before = set(sys.modules)
    load(path)
    new = {name.split(".")[0] for name in set(sys.modules) - before}
    assert new <= {"torch", "numpy"}, "reading a checkpoint brought in a module"


@pytest.mark.parametrize(("where", "protocol"), [("dnnlib.tflib.network", 3), ("tfutil", 4), ("tfutil", 2)])
def test_a_tensorflow_pickle_gives_its_variables_with_those_of_its_components(tmp_path, marker, where, protocol):
    rng = np.random.default_rng(0)
    weight = np.asfortranarray(rng.normal(size=(3, 3, 4, 5)).astype(np.float32))
    big = rng.normal(size=6).astype(">f8")
    source = f"open({str(marker)!r}, 'w').close()"

    class Stub:
        def __init__(self, variables, components):
            self.state = {
                "version": 3,
                "static_kwargs": {"resolution": 256, "gain": np.float32(0.5), "blur": np.array([1, 2, 1])},
                "components": components,
                "build_module_src": source,
                "build_func_name": "G_style",
                "variables": variables,
            }

        def __getstate__(self):
            return self.state

    synthesis = Stub([("4x4/Conv/weight", weight), ("noise0", big)], {})
    whole = Stub([("lod", np.float32(2)), ("dlatent_avg", np.arange(3, dtype=np.int32))], {"synthesis": synthesis})
    path = tmp_path / "tf.pkl"
    with pytest.MonkeyPatch.context() as patch:
        module(patch, where, Network=Stub)
        path.write_bytes(pickle.dumps((whole, synthesis, whole), protocol))
    values = load(path)
    assert list(values) == ["G", "D", "Gs", "init_kwargs"]
    expected = {
        "lod": torch.tensor(2.0),
        "dlatent_avg": torch.arange(3, dtype=torch.int32),
        "synthesis/4x4/Conv/weight": torch.from_numpy(weight),
        "synthesis/noise0": torch.from_numpy(big.astype(float)),
    }
    same(values["Gs"], expected)
    kwargs = values["init_kwargs"]["D"]
    assert (kwargs["resolution"], kwargs["gain"], kwargs["blur"].tolist()) == (256, 0.5, [1, 2, 1])


class Asks:
    """Pickles as a call of anything."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def calls(marker) -> dict[str, Asks]:
    text = f"open({str(marker)!r}, 'w').close()"
    return {
        "posix.system": Asks(os.system, f"touch {marker}"),
        "builtins.eval": Asks(eval, text),
        "builtins.exec": Asks(exec, text),
        "builtins.getattr": Asks(getattr, [], "append"),
        "subprocess.Popen": Asks(subprocess.Popen, ["touch", str(marker)]),
        "numpy.fromfile": Asks(np.fromfile, str(marker)),
        "torch.serialization.load": Asks(torch.load, str(marker)),
    }


@pytest.mark.parametrize("name", calls(""))
@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
def test_whatever_else_a_file_asks_for_is_refused_by_name(tmp_path, marker, name, suffix):
    path = tmp_path / f"bad{suffix}"
    values = {"G_ema": {"weight": torch.ones(2)}, "x": calls(marker)[name]}
    if suffix == ".pth":
        torch.save(values, path)
    else:
        path.write_bytes(pickle.dumps(values))
    with pytest.raises(BadFile, match=re.escape(name.split(".")[-1])) as error:
        load(path)
    assert str(path) in str(error.value)


def test_the_pickle_inside_a_storage_is_refused_too(tmp_path, marker):
    inner = pickle.dumps(Asks(os.system, f"touch {marker}"), 2)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"G": Asks(torch.storage._load_from_bytes, inner)}))
    with pytest.raises(BadFile, match=r"a\.pkl"):
        load(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "name",
    [
        "collections\nOrderedDict.fromkeys",
        "torch._utils\n_rebuild_tensor_v2.__globals__",
        "builtins\n__import__",
        "os\nsystem",
    ],
)
def test_attributes_of_allowed_names_are_not_allowed(tmp_path, name):
    module, attribute = name.split("\n")
    strings = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, attribute))
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + strings + b"\x93.")
    with pytest.raises(BadFile, match=re.escape(f"asks for {module}.{attribute}")):
        load(tmp_path / "a.pkl")


@pytest.mark.parametrize("module", sorted(stand_ins.NAMES))
def test_nothing_a_pickle_gets_can_be_written_to(tmp_path, module):
    # GLOBAL name, then BUILD with (None, {"x": 1}): setattr on the stand-in itself, for every later file.
    for name in stand_ins.NAMES[module]:
        for state in ({"__setstate__": 1}, (None, {"__setstate__": 1}), (None, {"value": 1, "state": 1})):
            content = f"c{module}\n{name}\n".encode() + pickle.dumps(state, 2)[2:-1] + b"b."
            (tmp_path / "a.pkl").write_bytes(content)
            with pytest.raises(BadFile, match="is cut or no network pickle"):
                load(tmp_path / "a.pkl")
            assert stand_ins.Object.__setstate__ != 1
    assert stand_ins.NAMES["_codecs"]["encode"]("x", "latin1") == b"x", "a stand-in was overwritten"


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "inside"),
    [
        (1, (2,), (1,), True),
        (0, (4,), (1,), False),
        (3, (1,), (1,), False),
        (-1, (1,), (1,), False),
        (0, (2, 2), (1, 2), False),
        (0, (1 << 62,), (1,), False),
    ],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(write, offset, shape, strides, inside):
    storage = torch.arange(3.0)._typed_storage()
    network = Network(0)
    tensor = Asks(torch._utils._rebuild_tensor_v2, storage, offset, shape, strides, False, OrderedDict())
    network.__dict__["_buffers"] = {"x": tensor}
    path = write(lambda easy: {"G": network})
    if inside:
        assert load(path)["G"]["x"].tolist() == [1, 2], "even a tensor within its storage cannot be read"
    else:
        with pytest.raises(BadFile):
            load(path)


def test_an_array_of_objects_is_refused(tmp_path):
    class Stub:
        def __init__(self):
            self.variables = [("x", np.array([{}, None], dtype=object))]

    with pytest.MonkeyPatch.context() as patch:
        module(patch, "tfutil", Network=Stub)
        (tmp_path / "a.pkl").write_bytes(pickle.dumps((Stub(), Stub(), Stub())))
    with pytest.raises(BadFile, match="'O8'"):
        load(tmp_path / "a.pkl")


def test_a_cut_pickle_says_so_wherever_it_is_cut(write, tmp_path):
    whole = write(lambda easy: {"G": Network(0)}).read_bytes()
    for length in [*range(0, len(whole) - 1, len(whole) // 60), len(whole) - 1]:
        (tmp_path / "cut.pkl").write_bytes(whole[:length])
        with pytest.raises(BadFile, match=r"cut\.pkl is cut or no network pickle.*fetch it again"):
            load(tmp_path / "cut.pkl")


@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"<html>quota exceeded</html>", b"\x00" * 100, pickle.dumps([1]), pickle.dumps({})]
)
def test_a_file_of_another_kind_says_so(tmp_path, suffix, content):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=f"x{re.escape(suffix)}.*fetch it again"):
        load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_is_read_as_it_was_saved(tmp_path, zipped):
    values = {
        "g_ema": OrderedDict(a=torch.randn(2, 3)),
        "args": Namespace(size=256),
        "ada_aug_p": 0.5,
        "meta": {"t": "x"},
    }
    torch.save(values, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    found = load(tmp_path / "a.pt")
    assert found["args"] == Namespace(size=256)
    assert found["meta"] == {"t": "x"}
    same(found["g_ema"], values["g_ema"])
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(BadFile, match=r"cut\.pth.*fetch it again"):
        load(tmp_path / "cut.pth")


def test_safetensors_are_read_and_a_cut_file_says_so(tmp_path):
    values = {"a": torch.randn(2, 3), "b": torch.randn(4)}
    save_file(values, tmp_path / "a.safetensors")
    same(load(tmp_path / "a.safetensors"), values)
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-5])
    with pytest.raises(BadFile, match=r"cut\.safetensors is cut"):
        load(tmp_path / "cut.safetensors")


def test_no_file_and_an_unknown_ending_are_told_apart(tmp_path):
    with pytest.raises(MissingWeights, match=r"no file .*a\.pth"):
        load(tmp_path / "a.pth")
    (tmp_path / "a.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    (tmp_path / "text.pth").write_bytes(b'{"error": "no such file"}')
    with pytest.raises(BadFile) as told:
        load(tmp_path / "text.pth")
    assert "weights_only" not in str(told.value), "torch's advice, to run what the file says, is handed on"
    with pytest.raises(BadFile, match=r"a\.onnx does not begin like a checkpoint.*\.pth"):
        load(tmp_path / "a.onnx")
