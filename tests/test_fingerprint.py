import dataclasses

import pytest
import torch
from torch import nn

import methods
from bench import fingerprint
from bench.spec import BadGuest, Spec, Task
from methods.bicubic import Bicubic

from .conftest import ROOT

TASK = Task("mini", "face", 16, 128, preset="mini")
CPU = torch.device("cpu")


class Network:
    spec = Spec(name="network", title="Network", family="t", paper="p", factors=(16,))

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)).to(torch.bfloat16)


def run(method=None, task=TASK, cls=Network) -> str:
    return fingerprint.run(cls, method or cls(), task, CPU)


def test_equal_things_have_equal_fingerprints():
    assert run() == run(), "nothing would ever be kept"


@pytest.mark.parametrize("change", [{"factor": 8}, {"seed": 1}, {"category": "cat"}, {"hr_size": 256}])
@pytest.mark.slow
def test_another_task_is_another_run(change):
    assert run(task=dataclasses.replace(TASK, **change)) != run()


@pytest.mark.slow
def test_other_weights_are_another_run():
    other = Network()
    with torch.no_grad():
        other.network[0].weight[0, 0, 0, 0] += 1
    assert run(other) != run(), "results of other weights would be kept"
    other = Network()
    other.network[1].running_mean += 1
    assert run(other) != run(), "buffers are weights too"


def test_weights_behind_back_projection_count():
    class Loadable(Network):
        @classmethod
        def load(cls, task, device):
            return cls(task.seed)

    wrapped = methods.back_projected(Loadable)
    plain, other = (wrapped.load(dataclasses.replace(TASK, seed=seed), CPU) for seed in (0, 1))
    assert fingerprint.weights(plain) != fingerprint.weights(other)
    assert fingerprint.weights(plain) != "none"


def test_a_method_without_networks_has_no_weights():
    assert fingerprint.weights(Bicubic.load(TASK, CPU)) == "none"


def test_the_source_of_what_a_guest_imports_counts(tmp_path):
    (tmp_path / "guest.py").write_text("import beside\nfrom methods import Bicubic\nclass Mine(Bicubic): pass\n")
    digests = []
    for text in ("A = 1\n", "A = 2\n"):
        (tmp_path / "beside.py").write_text(text)
        digests.append(fingerprint.sources(fingerprint.files(methods.find(f"{tmp_path}/guest.py:Mine"))))
    assert digests[0] != digests[1], "a change in a file beside the guest's would go unnoticed"


def test_back_projection_follows_its_inner_method():
    sources = {
        name: fingerprint.sources(fingerprint.files(methods.find(name)))
        for name in ("bicubic", "bicubic+bp", "pseudo_inverse+bp")
    }
    assert len(set(sources.values())) == 3


def test_the_machine_names_what_a_reader_needs():
    facts = fingerprint.machine(CPU)
    assert {"commit", "torch", "device", "threads", "lpips", "onnxruntime"} <= set(facts)
    assert facts["device"] == "cpu"


@pytest.mark.slow
def test_a_result_depends_on_what_its_method_uses_alone():
    found = {
        name: {path.relative_to(ROOT).as_posix() for path in fingerprint.files(method)}
        for name, method in methods.BY_NAME.items()
        if "." not in name  # a variant is in its method's file
    }
    glean = found["glean"]
    assert {
        "methods/glean.py",
        "methods/nets/glean.py",
        "methods/formats/glean.py",
        "methods/presets/sizes.py",
    } <= glean
    others = ("srresnet", "esrgan", "dfdnet", "srntt", "vgg16", "checkpoints")  # a bank may be of three kinds
    assert not glean & {f"methods/formats/{name}.py" for name in others}, (
        "results are lost when another's layout changes"
    )
    assert not any(path.startswith(("methods/search", "methods/training", "bench/spec")) for path in glean)
    assert "methods/presets/pulse.py" in found["pulse"], "another number of steps must be another run"
    assert "methods/presets/pulse.py" not in found["dgp"] | found["mganprior"] | glean
    assert found["bicubic"] == {"methods/bicubic.py", "methods/interpolation.py", "bench/resize.py"}
    for name, files in found.items():
        finders = ("absent", "advice", "catalogue", "fits", "folders", "trained")
        assert not files & {f"methods/weights/{finder}.py" for finder in finders}, "a message loses results"
        most = 70 if name in ("dfdnet", "srntt") else 44  # theirs depend on how training images are made
        assert len(files) <= most, f"{name} depends on more than it can use: {sorted(files)}"


class Circle(Network):
    """A guest that refines its own result, as its class says."""


class Other(Network):
    inner_class = Circle


@pytest.mark.parametrize("inner", [Circle, Other])
def test_a_method_that_refines_itself_is_told_so(monkeypatch, inner):
    """It would be followed for ever, before any time limit holds."""
    monkeypatch.setattr(Circle, "inner_class", inner, raising=False)
    with pytest.raises(BadGuest, match="the inner_class of Circle leads back to Circle"):
        run(cls=Circle)
