import pytest
import torch

import methods
from bench import resize
from bench.running import runner
from bench.spec import BenchError, Task, UnknownName
from methods import specs

CPU = torch.device("cpu")
TASKS = [Task("mini", "face", factor, 128, preset="mini") for factor in (1, 2, 4, 8, 16, 32, 64)]

SWEPT = [name for name, method in methods.BY_NAME.items() if not method.spec.oracle]
"""An oracle knows the true images of its card alone, and so nothing of what a sweep gives it."""


def marked(name) -> object:
    """A method for a sweep; those that search take seconds."""
    slow = methods.find(name).spec.searches or name in ("esrgan_plus", "esrgan_plus.mse")
    return pytest.param(name, marks=pytest.mark.slow) if slow else name


@pytest.mark.parametrize("name", [marked(name) for name in (*SWEPT, "bicubic+bp", "glean+bp")])
@pytest.mark.usefixtures("random_weights")
def test_every_method_keeps_the_contract_for_every_factor_it_declares(name):
    found = methods.find(name)
    tasks = TASKS[3:5] if "." in name else TASKS  # a variant has the factors of its method
    checked = list(runner.sweep(found, tasks, CPU))
    assert len(checked) == len([task for task in tasks if found.spec.refuses(task) is None]) > 0
    found = {problem for _, problems in checked for problem in problems}
    of_random_weights = ("the mean colour", "more than", "the values agree")  # what readings.py says of values
    assert {problem for problem in found if not problem.startswith(of_random_weights)} == set()


def test_names_are_those_of_the_specs():
    assert [method.spec.name for method in methods.ALL] == list(methods.BY_NAME)


def test_what_is_listed_without_the_methods_is_what_they_say():
    assert [method.spec for method in methods.ALL] == list(specs.ALL), "`list` would lack a method, or tell another's"
    assert methods.find("bicubic+bp").spec.name == "bicubic+bp"


def test_a_slip_of_the_pen_gets_a_suggestion():
    with pytest.raises(UnknownName, match="did you mean bicubic"):
        methods.find("bicubik")
    with pytest.raises(UnknownName, match="did you mean bicubic"):
        methods.find("bicubik+bp")


@pytest.mark.parametrize("name", ["bicubic", "pseudo_inverse"])
def test_back_projection_makes_any_result_agree_with_its_input(name):
    lr = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    method = methods.find(f"{name}+bp").load(Task("mini", "face", 16, 64, preset="mini"), CPU)
    consistent = resize.downsample(method.upscale(lr), 16)
    assert (consistent - lr).abs().max() < 1e-4, "M x = LR is what back-projection is for"


def test_the_pseudo_inverse_agrees_with_its_input_and_bicubic_does_not():
    lr = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    task = Task("mini", "face", 16, 128, preset="mini")
    errors = {
        name: (resize.downsample(methods.find(name).load(task, CPU).upscale(lr), 16) - lr).abs().max().item()
        for name in ("bicubic", "pseudo_inverse")
    }
    assert errors["pseudo_inverse"] < 1e-4 < errors["bicubic"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class Other:\n    def upscale(self): ...\n", "has no class 'Mine'; it has: Other"),
        ("class Mine:\n    pass\n", "lacks spec, load, upscale"),
        ("import nowhere_to_be_found\n", "could not be imported: ModuleNotFoundError"),
        ("class Mine(\n", "could not be imported: SyntaxError"),
    ],
)
def test_a_guest_that_cannot_be_used_says_why(tmp_path, text, words):
    (tmp_path / "guest.py").write_text(text)
    with pytest.raises(BenchError, match=words):
        methods.find(f"{tmp_path}/guest.py:Mine")


def test_a_guest_that_is_not_there_says_where_it_was_sought(tmp_path):
    with pytest.raises(BenchError, match=f"no file {tmp_path}/guest.py"):
        methods.find(f"{tmp_path}/guest.py:Mine")


def test_two_guests_of_one_file_name_are_two(tmp_path):
    for folder, title in (("a", "A"), ("b", "B")):
        (tmp_path / folder).mkdir()
        text = f"from methods.bicubic import Bicubic\nclass Mine(Bicubic):\n    title = {title!r}\n"
        (tmp_path / folder / "guest.py").write_text(text)
    titles = [methods.find(f"{tmp_path}/{folder}/guest.py:Mine").title for folder in "ab"]
    assert titles == ["A", "B"], "the second guest must not be the first one's module"
