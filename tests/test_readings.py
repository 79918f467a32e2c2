"""The range and the order of colours of what a method returns are told, although values are clamped to [0, 1]."""

from pathlib import Path

import pytest
import torch

from bench import contract, readings, scenes, store
from bench.images.degraded import degraded
from bench.running import runner
from bench.running.isolated import Isolated
from bench.spec import Task
from methods import BY_NAME

from . import guests
from .conftest import SHARED

TASK = Task("mini", "face", 16, 64, preset="mini")
CPU = torch.device("cpu")
COLOURED = torch.tensor([[0.7, 0.5, 0.2], [0.1, 0.3, 0.5]])[..., None, None].expand(2, 3, 4, 4).contiguous()
MISTAKES = {
    " * 255": "RGB in [0, 255]",
    " * 2 - 1": "RGB in [-1, 1]",
    " / 255": "RGB in [0, 1/255]",
    ".flip(1)": "BGR",
    ".flip(1) * 255": "BGR in [0, 255]",
    ".flip(1) * 2 - 1": "BGR in [-1, 1]",
    " + 0.15 * torch.sign(torch.arange(64) % 2 - 0.5) * 6": "more than 10% of the values lie outside of [0, 1]",
    " * 0 + 0.5": "the mean colour differs",
}
"""What a guest does with its result -> what is told of it."""
OTHERS = {
    ".mT": "only if it is transposed",
    ".flip(-1)": "only if it is mirrored",
    ".flip(-2)": "only if it is turned upside down",
    ".rot90(1, (-2, -1))": "only if it is turned by 270 degrees",
    "[..., 1:]": "shape (2, 3, 64, 63)",
    ".permute(0, 2, 3, 1)": "shape (2, 64, 64, 3)",
    ".double()": "dtype torch.float64",
    ".mul(255).byte()": "dtype torch.uint8",
    ".to('meta')": "device meta",
    ".numpy()": "returned ndarray",
    " + torch.rand(1) / 100": "draw random numbers from Task.seed",
    " - lr.mean() / 20": "the images beside it in the batch",
    " / 0 * 0": "NaN or infinity",
    " + undefined": "NameError",
}


@pytest.mark.parametrize(("result", "words"), [*MISTAKES.items(), *OTHERS.items()], ids=str)
def test_check_names_each_typical_mistake(tmp_path, result, words):
    """Results in another range, or in BGR, passed: they had been clamped before anything was looked at."""
    guest = Isolated(guests.write(tmp_path, result=result))
    ((_, problems),) = runner.sweep(guest, [TASK], CPU)
    assert any(words in problem for problem in problems), problems


@pytest.mark.skipif(not (SHARED / "cases" / "guests").is_dir(), reason="the guests are not there")
@pytest.mark.parametrize(("name", "words"), [("range255", "[0, 255]"), ("range_pm1", "[-1, 1]")])
def test_guests_of_another_range_are_named(name, words):
    ((_, problems),) = runner.sweep(Isolated(f"{SHARED / 'cases' / 'guests' / name}.py:G"), [TASK], CPU)
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize("name", ["bicubic", "pseudo_inverse"])
def test_a_sound_method_is_not_suspected(name):
    """The pseudo-inverse overshoots at edges; so does every sharp picture."""
    draw = torch.Generator().manual_seed(0)
    lr = torch.cat([torch.rand(8, 3, 4, 4, generator=draw), torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4), COLOURED])
    sr = BY_NAME[name].load(TASK, CPU).upscale(lr)
    assert readings.suspicions(sr, lr) == [""] * len(lr)


@pytest.mark.parametrize("how", ["mask 0.9", "hole 0.5", "grey", "noise 50"])
def test_what_restores_a_degraded_image_is_not_suspected_and_its_mistakes_are(how):
    """Where nine of ten pixels are black, a result divided by 255 agreed with the input best: so did the truth."""
    hr = scenes.render("face", torch.arange(4))
    lr = torch.stack([degraded(image.double(), (how,), 1).float() for image in hr])
    assert readings.suspicions(hr, lr) == [""] * 4
    if how.startswith(("mask", "hole")):
        assert all("[0, 255]" in told for told in readings.suspicions(hr * 255, lr))


@pytest.mark.parametrize("result", MISTAKES)
def test_what_is_suspicious_crosses_from_the_guests_process(tmp_path, result):
    loaded = Isolated(guests.write(tmp_path, result=result)).load(TASK, CPU)
    outcomes = loaded.attempt(COLOURED)
    loaded.close()
    assert any(MISTAKES[result] in outcome.effort.note for outcome in outcomes)
    assert all(outcome.image is not None for outcome in outcomes), "it is scored as it is, clamped"


def test_a_note_of_the_methods_own_stays():
    class Made(BY_NAME["bicubic"]):
        @property
        def efforts(self):
            return [contract.Effort(3, 4, "missed its criterion")]

        def upscale(self, lr):
            return super().upscale(lr) * 255

    (outcome,) = contract.attempt(Made.load(TASK, CPU), TASK, COLOURED[:1])
    assert (outcome.effort.g_forward, outcome.effort.g_backward) == (3, 4)
    assert "[0, 255]" in outcome.effort.note
    assert outcome.effort.note.endswith("; missed its criterion")


@pytest.mark.slow
def test_a_table_tells_of_the_images_whose_values_are_wrong(bench, photos, tmp_path):
    """A run that was stopped and goes on says the same: the note lies with the picture."""
    guest = guests.write(tmp_path, result=" * 255")
    words = ("--profile", photos, "--hr-size", "64", "--out", tmp_path / "out", "--with", guest)
    assert bench("table", "table2", *words, "--only", "restore")[0] == 0
    (stored,) = (path for path in (tmp_path / "out").rglob("0.png") if path.parts[-3] == "g" and "face" in path.parts)
    found = store.load(stored, 64)
    assert found is not None
    assert "[0, 255]" in found.effort.note
    assert bench("table", "table2", *words)[0] == 0
    (table,) = Path(tmp_path / "out").rglob("table2.md")
    assert "g (face, 16x), 3 of 3 images: the values agree with the input only if they are read as" in table.read_text()
