"""What makes a result be made anew: each line of the table in docs/adding.md, and each place that holds weights."""

import ast
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

import methods
from bench import cards, fingerprint, imports, resize, store
from bench.restore import RunSettings, restore
from bench.spec import Cell, MissingWeights, Task
from methods.bicubic import Bicubic

from . import guests
from .conftest import ROOT, textured

TASK = Task("mini", "face", 16, 128, preset="mini")
CPU = torch.device("cpu")


def run(reference, task=TASK) -> str:
    """The fingerprint of a guest as it is on disk now."""
    found = methods.find(reference)
    return fingerprint.run(found, found.load(task, CPU), task, CPU)


def edited(folder, file, texts=("A = 1\n", "A = 2\n"), **parts) -> list[str]:
    """The fingerprints of a guest before and after a file in its folder is changed."""
    (folder / file).parent.mkdir(exist_ok=True)
    found = []
    for text in texts:
        (folder / file).write_text(text)
        found.append(run(guests.write(folder, **parts)))
    return found


def own_file(folder, _patch) -> list[str]:
    return [run(guests.write(folder, init=text)) for text in ("", "self.a = 2")]


def base_class(folder, _patch) -> list[str]:
    before = "import beside as other\nclass Base(other.Base): pass\n"
    text = "class Base:\n    A = {}\n"
    found = edited(folder, "beside.py", (text.format(1), text.format(2)), before=before)
    inherits = type("Mine", (Bicubic,), {"__module__": __name__})
    assert ROOT / "methods" / "bicubic.py" in imports.files(inherits), "the class of ours that a guest begins with"
    return found


def module_of_ours(folder, patch) -> tuple[str, str]:
    guest = guests.write(folder, before="from bench import resize\nfrom methods import Srgan")
    assert {"bench/resize.py", "methods/nets/srresnet.py"} <= {
        path.relative_to(ROOT).as_posix() for path in imports.files(methods.find(guest)) if path.is_relative_to(ROOT)
    }, "also through a public name of the package"
    before = run(guest)
    read = imports._our_digest
    patch.setattr(imports, "_our_digest", lambda path: "edited" if path.name == "srresnet.py" else read(path))
    return before, run(guest)


def file_beside(folder, _patch) -> list[str]:
    (folder / "first.py").write_text("import second\n")
    return edited(folder, "second.py", before="import first")


def package_beside(folder, _patch) -> list[str]:
    (folder / "net").mkdir()
    (folder / "net" / "__init__.py").write_text("from .parts import A\n")
    (folder / "net" / "parts.py").write_text("from .deep import A\n")
    return edited(folder, "net/deep.py", before="import net.parts")


@pytest.mark.parametrize("call", ["importlib.import_module('second')", "__import__(name='second')"])
def test_a_module_counts_that_is_imported_by_a_call_with_its_name(tmp_path, call):
    found = edited(tmp_path, "second.py", before="import importlib", init=f"self.a = {call}.A")
    assert len(set(found)) == 2


def compiled(folder, _patch) -> list[str]:
    (folder / "net").mkdir()
    found = []
    for name, content in (("built", b"\x7fELF\x001"), ("built", b"\x7fELF\x002"), ("net/built", b"\x7fELF\x001")):
        (folder / f"{name}{EXTENSION_SUFFIXES[0]}").write_bytes(content)
        found.append(run(guests.write(folder, before="if not torch: import built, net")))
    return found


def held(folder, _patch) -> list[str]:
    return [run(guests.write(folder)), run(guests.write(folder, init="self.w = torch.ones(1)"))]


READ = "Path(__file__).with_name('data').read_bytes()"


def held_by_files(folder, _patch) -> list[str]:
    return edited(folder, "data", "12", before=f"from pathlib import Path\nA = torch.tensor(list({READ}))")


def raw(folder, _patch) -> list[str]:
    return edited(folder, "data", "12", before="from pathlib import Path", init=f"self.a = {READ}")


def named_file(folder, _patch) -> list[str]:
    return edited(folder, "data.json", "12", spec=", files=('data.json',)")


def task(folder, _patch) -> list[str]:
    guest = guests.write(folder)
    changes = [{}, {"profile": "other"}, {"category": "cat"}, {"factor": 8}, {"hr_size": 256}, {"seed": 1},
               {"preset": "paper"}]  # fmt: skip
    return [run(guest, replace(TASK, **change)) for change in changes]


def torch_version(folder, patch) -> tuple[str, str]:
    guest = guests.write(folder)
    before = run(guest)
    patch.setattr(torch, "__version__", "99.0")
    return before, run(guest)


def device(folder, patch) -> list[str]:
    found = methods.find(guests.write(folder))
    method = found.load(TASK, CPU)
    patch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    devices = [CPU, torch.device("cuda:0"), torch.device("cuda:1"), torch.device("meta")]
    found_ones = [fingerprint.run(found, method, TASK, device) for device in devices]
    patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    return [*found_ones, fingerprint.run(found, method, TASK, CPU)]


def arithmetic(folder, patch) -> tuple[str, str, str]:
    guest = guests.write(folder)
    before = run(guest)
    patch.setattr(torch, "get_default_dtype", lambda: torch.float64)
    double = run(guest)
    patch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")
    return before, double, run(guest)


def threads(folder, patch) -> tuple[str, str]:
    guest = guests.write(folder)
    before, indifferent = run(guest), run(guests.write(folder, attributes="any_threads = True"))
    patch.setattr(torch, "get_num_threads", lambda: 61)
    assert run(guests.write(folder, attributes="any_threads = True")) == indifferent
    return before, run(guests.write(folder))


def restored(folder, change) -> list[str]:
    """Which results of a folder of photographs are made anew after a change."""
    (folder / "face").mkdir()
    for index in range(2):
        Image.fromarray(textured(64, index)).save(folder / "face" / f"{index}.png")

    card, settings = cards.card(str(folder), "face", 64), RunSettings(folder / "out", CPU)
    cell = Cell(Task(card.profile, "face", 16, 64), "bicubic", "Bicubic")
    assert not any(image.kept for image in restore(cell, card, Bicubic, settings))
    assert all(image.kept for image in restore(cell, card, Bicubic, settings))
    change(folder)
    return sorted(image.image for image in restore(cell, card, Bicubic, settings) if not image.kept)


def lr_image(folder, _patch) -> tuple[str, ...]:
    anew = restored(folder, lambda at: Image.fromarray(textured(64, 9)).save(at / "face" / "1.png"))
    return "kept", *anew


def stored_picture(folder, _patch) -> tuple[str, ...]:
    def edit(at):
        path = next(at.rglob("out/**/0.png"))
        with Image.open(path) as picture:
            content = np.array(picture)
            content[0, 0] ^= 1
            facts = dict(picture.text)
        info = PngImagePlugin.PngInfo()
        for name, value in facts.items():
            info.add_text(name, value)
        Image.fromarray(content).save(path, pnginfo=info)
        assert store.load(path, 64) is None

    return "kept", *restored(folder, edit)


LINES = {
    "the method's own file": own_file,
    "the file of a class that it inherits from": base_class,
    "a module of the suite that it imports": module_of_ours,
    "a Python file beside its own that it imports": file_beside,
    "any Python file in a package beside its own that it imports": package_beside,
    "a compiled module beside its own": compiled,
    "a tensor or array that the loaded method holds": held,
    "a tensor or array that the method's file": held_by_files,
    "bytes": raw,
    "a file that `Spec.files` names": named_file,
    "the task": task,
    "the version of torch": torch_version,
    "the device": device,
    "torch's default dtype": arithmetic,
    "the number of torch's threads": threads,
    "the LR image": lr_image,
    "a stored picture that was damaged or edited": stored_picture,
}
"""The beginning of each line -> what makes the change, and returns fingerprints that must all be different."""


def documented() -> list[str]:
    text = (ROOT / "docs" / "adding.md").read_text()
    block = re.search(r"\| change of \|.*\n\|---.*\n((?:\|.*\n)+)", text)
    return [line.split("|")[1].strip() for line in block[1].splitlines()]


def test_every_line_of_the_table_has_its_test():
    found = documented()
    assert [re.split("[:,]", line)[0] for line in found] == list(LINES)


@pytest.mark.parametrize("line", LINES)
def test_a_change_makes_results_anew(tmp_path, monkeypatch, line):
    found = LINES[line](tmp_path, monkeypatch)
    assert len({*map(str, found)}) == len(found) > 1, f"results would be kept after a change of {line}"


PLACES = {
    "an attribute": "self.a = {}",
    "a parameter": "self.a = nn.Parameter({})",
    "a list": "self.a = [1, [{}]]",
    "a tuple": "self.a = ({},)",
    "a dictionary": "self.a = {{'x': {{'y': {}}}}}",
    "an array": "self.a = {}.numpy()",
    "an object": "self.a = Box(Box({}))",
    "an object with slots": "self.a = Slots({})",
    "a list of networks": "self.a = [nn.ParameterList([{}])]",
    "a network's buffer that is not stored": "self.a = nn.Module(); self.a.register_buffer('b', {}, persistent=False)",
    "a network's plain attribute": "self.a = nn.Module(); self.a.b = {}",
    "a closure": "self.a = closed({})",
    "a partial function": "self.a = functools.partial(print, {})",
    "a bound method": "self.a = Box({}).get",
    "a bound function": "self.a = types.MethodType(closed({}), self)",
    "a tensor's method": "self.a = {}.matmul",
    "a tensor's attribute": "self.a = torch.ones(1); self.a.b = {}",
    "a default of an argument": "self.a = default({})",
    "a default of a keyword": "self.a = keyword({})",
    "a read-only dictionary": "self.a = types.MappingProxyType({{'x': {}}})",
    "the key of a dictionary": "self.a = {{{}: 1}}",
    "a nested tensor": "self.a = torch.nested.nested_tensor([{}], layout=torch.jagged)",
    "a structured array": "self.a = np.array([(1, {}.numpy())], dtype=[('i', 'i4'), ('o', 'O')])",
    "a network's hook": "self.a = nn.Identity(); self.a.register_forward_hook(closed({}))",
    "a class attribute": "type(self).a = {}",
    "a base class's attribute": "Base.a = {}",
    "the module": "globals()['A'] = {}",
    "a class that the module holds": "Box.a = {}",
    "a class that a function makes": "self.a = made({})()",
    "a module beside": "beside.a = {}",
    "a module beside that is not kept": "import another; another.a = {}",
}
CLASSES = """import functools, types
import numpy as np
import beside
class Base: pass
class Box:
    def __init__(self, part): self.part, self.me = part, self
    def get(self): return self.part
class Slots:
    __slots__ = ("part", "unfilled")
    def __init__(self, part): self.part = part
def closed(value): return lambda *_: value
def made(value):
    class Made: a = value
    return Made
def default(value):
    def get(a=value): return a
    return get
def keyword(value):
    def get(*, a=value): return a
    return get
"""
VALUES = {
    "another value": "torch.tensor([[1., 3.]])",
    "another shape": "torch.tensor([[1.], [2.]])",
    "another dtype": "torch.tensor([[1., 2.]], dtype=torch.float64)",
}


@pytest.mark.parametrize("place", PLACES)
def test_weights_count_wherever_they_are(tmp_path, monkeypatch, place):
    """Only what is held differs: the source is the same, so the digest of the weights alone must tell."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("beside", "another"):
        (tmp_path / f"{name}.py").touch()

    def digest(value):
        for name in ("beside", "another"):
            sys.modules.pop(name, None)
        reference = guests.write(tmp_path, before=CLASSES, bases="(Base)", init=PLACES[place].format(value))
        return fingerprint.weights(methods.find(reference).load(TASK, CPU))

    plain = digest("torch.tensor([[1., 2.]])")
    assert digest("torch.tensor([[1., 2.]])") == plain != "none", "equal weights must be kept"
    for name, value in VALUES.items():
        assert digest(value) != plain, f"results of {name} in {place} would be kept"


RAW = {
    "bytes": "bytes([{}])",
    "a bytearray": "bytearray([{}])",
    "a view of bytes": "memoryview(bytes([{}]))",
    "an array of Python": "array('d', [{}])",
    "a number of numpy": "np.float64({})",
}


@pytest.mark.parametrize("kind", RAW)
def test_raw_data_counts(tmp_path, kind):
    before = "from array import array\nimport numpy as np"
    found = [
        fingerprint.weights(
            methods.find(guests.write(tmp_path, before=before, init=f"self.a = {RAW[kind].format(value)}")).load(
                TASK, CPU
            )
        )
        for value in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_classes_and_modules_of_others_are_left_alone():
    """What the suite, torch or pytest keep for themselves is no weight, and may change while a table is made."""
    guest = type("Guest", (), {"spec": Bicubic.spec, "__module__": "tests.guests"})()
    guest.parts = [torch.nn, resize, pytest, resize.resize, torch.nn.Linear]
    assert fingerprint.weights(guest) == "none"


PROCESS = """
import argparse, logging, os, re, threading
logger, LOCK, PATTERN, ENV = logging.getLogger(__name__), threading.Lock(), re.compile("a.*b"), os.environ
PARSER, FUNCTIONS, HOME = argparse.ArgumentParser(), {torch.relu, torch.tanh, len, max}, os.path.dirname(__file__)
"""
PRINT = "import sys, torch, methods; from bench import fingerprint; from bench.spec import Task\n"
PRINT += "kind = methods.find(sys.argv[1]); task = Task('mini', 'face', 16, 64)\n"
PRINT += "print(fingerprint.run(kind, kind.load(task, torch.device('cpu')), task, torch.device('cpu')))"


@pytest.mark.slow
def test_what_a_process_is_like_makes_nothing_anew(tmp_path):
    """A guest with a logger, as most have, would lose all its results between two runs."""
    guest = guests.write(tmp_path, before=PROCESS, init="self.log, self.lock, self.w = logger, LOCK, torch.ones(2)")
    runs = set()
    for number in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": number, "ANY_VARIABLE": number}
        done = subprocess.run(
            [sys.executable, "-c", PRINT, guest], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        runs.add(done.stdout)
    assert len(runs) == 1


def test_it_counts_which_of_two_equal_networks_is_used(tmp_path):
    def digest(index):
        init = f"self.a = [torch.ones(1), torch.zeros(1)]; self.b = self.a[{index}]"
        return fingerprint.weights(methods.find(guests.write(tmp_path, init=init)).load(TASK, CPU))

    assert digest(0) != digest(1)


UNUSUAL = (
    "torch.ones(2).to_sparse()",
    "torch.ones(2, dtype=torch.complex64).conj()",
    "torch.ones(2, device='meta')",
    "torch.ones(2, dtype=torch.bfloat16)",
)


@pytest.mark.parametrize("value", UNUSUAL)
def test_unusual_tensors_have_a_digest(tmp_path, value):
    assert fingerprint.weights(methods.find(guests.write(tmp_path, init=f"self.a = {value}")).load(TASK, CPU)) != "none"


def test_a_named_file_that_is_absent_says_so(tmp_path):
    with pytest.raises(MissingWeights, match=r"data\.json in Spec\.files.*no .*data\.json; put it there"):
        run(guests.write(tmp_path, spec=", files=('data.json',)"))


def test_named_files_and_sources_count_behind_back_projection(tmp_path):
    reference = guests.write(tmp_path, spec=", files=('data.json',)")
    found = []
    for text in "12":
        (tmp_path / "data.json").write_text(text)
        found.append(run(f"{reference}+bp"))
    reference = guests.write(tmp_path, spec=", files=('data.json',)", init="self.b = 1")
    assert len({*found, run(f"{reference}+bp")}) == 3


def test_a_source_file_is_parsed_once_for_all_cells_until_its_text_changes(tmp_path, monkeypatch):
    """Half a second of each cell of a table went into parsing the same forty files again."""
    parsed, parse = [], ast.parse
    monkeypatch.setattr(imports.ast, "parse", lambda text: parsed.append(text) or parse(text))
    path = tmp_path / "guest.py"
    path.write_text("import beside_once\n")
    (tmp_path / "beside_once.py").write_text("A = 1  # once\n")
    for _ in range(3):
        assert imports.imported([path]) == {path, tmp_path / "beside_once.py"}
    assert len(parsed) == 2
    path.write_text("import nothing_beside\n")
    assert imports.imported([path]) == {path}, "what was imported is remembered by the file's name"


def test_a_source_file_of_the_suite_is_read_once_for_all_cells(monkeypatch):
    """Each cell of a table read forty files twice, for the names that they import and for their checksums."""
    read = []
    opened = io.open
    monkeypatch.setattr(io, "open", lambda path, *words, **named: read.append(path) or opened(path, *words, **named))
    imports._our_names.cache_clear()
    imports._our_digest.cache_clear()
    found = imports.files(methods.find("glean"))
    first = imports.sources(found)
    assert {path: read.count(path) for path in found} == dict.fromkeys(found, 2)
    read.clear()
    assert imports.sources(imports.files(methods.find("glean"))) == first
    assert read == []
