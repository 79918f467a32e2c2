import dataclasses

import pytest
import torch
from torch import nn

import methods
from bench import fingerprint
from bench.spec import Spec, Task
from methods.bicubic import Bicubic

TASK = Task("mini", "face", 16, 128)
CPU = torch.device("cpu")


class Network:
    spec = Spec(name="network", title="Network", family="t", paper="p", factors=(16,))

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)).to(torch.bfloat16)


def run(method=None, task=TASK, cls=Network):
    return fingerprint.run(cls, method or cls(), task, CPU)


def test_equal_things_have_equal_fingerprints():
    assert run() == run(), "nothing would ever be kept"


@pytest.mark.parametrize("change", [{"factor": 8}, {"seed": 1}, {"category": "cat"}, {"hr_size": 256}])
def test_another_task_is_another_run(change):
    assert run(task=dataclasses.replace(TASK, **change)) != run()


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
        digests.append(fingerprint.sources(methods.find(f"{tmp_path}/guest.py:Mine")))
    assert digests[0] != digests[1], "a change in a file beside the guest's would go unnoticed"


def test_back_projection_follows_its_inner_method():
    sources = {name: fingerprint.sources(methods.find(name)) for name in ("bicubic", "bicubic+bp", "pseudo_inverse+bp")}
    assert len(set(sources.values())) == 3


def test_other_methods_do_not_count():
    files = {path.name for path in _visited(Bicubic)}
    assert files == {"bicubic.py", "resize.py", "spec.py"}, "a change of one method would throw away all results"


def _visited(method_class):
    todo, seen = [fingerprint.Path(fingerprint.inspect.getfile(method_class))], set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += fingerprint._imports(path.read_bytes(), path)
    return seen


def test_the_machine_names_what_a_reader_needs():
    facts = fingerprint.machine(CPU)
    assert {"commit", "torch", "device", "threads", "lpips", "onnxruntime"} <= set(facts)
    assert facts["device"] == "cpu"
