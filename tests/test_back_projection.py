"""`<name>+bp`: one exact projection of another method's result, which is searched once and costs what it costs."""

import json

import pytest
import torch

import methods
from bench import cards, contract, resize, store
from bench.cost.count import count
from bench.images import data
from bench.restore import restore, state
from bench.scores.score import score
from bench.spec import Card, Cell, Effort, Refining, Spec, Task

CPU = torch.device("cpu")
TASK = Task("mini", "face", 16, 64, preset="mini")


class Searching:
    """A search that counts its images, spends and says something, and returns what is not on the 8-bit grid."""

    spec = Spec(name="s", title="S", family="inversion", paper="p", factors=(16,), max_batch=2)
    remark = "3 steps"
    searched = 0
    broken = False

    @classmethod
    def load(cls, _task, _device):
        return cls()

    def upscale(self, lr):
        type(self).searched += len(lr)
        if self.broken:
            raise RuntimeError("broken today")
        self.efforts = [Effort(5, 4, "a note")] * len(lr)
        return lr.repeat_interleave(16, -1).repeat_interleave(16, -2) * 0.777 + 0.0123


BP = methods.back_projected(Searching)


@pytest.fixture(autouse=True)
def _from_zero() -> None:
    Searching.searched, Searching.broken = 0, False


def cells(photos) -> tuple[Card, Cell, Cell]:
    card = cards.card(str(photos), "face", 64)
    task = Task(card.profile, "face", 16, 64)
    return card, Cell(task, "s", "S"), Cell(task, "s+bp", "S + back-projection")


def test_at_1x_where_it_would_be_the_input_it_is_refused():
    """A table of other tasks would have the degraded image under the name of what restored it."""
    task = Task("mini", "face", 1, 128)
    assert methods.find("glean").spec.refuses(task) is None
    assert "back-projection is for factors 4, 8, 16, 32, 64, not 1" in methods.find("glean+bp").spec.refuses(task)


@pytest.mark.parametrize("first", ["inner", "projected"])
def test_a_search_is_made_once(photos, settings, first):
    card, inner, outer = cells(photos)
    order = [(inner, Searching), (outer, BP)] if first == "inner" else [(outer, BP), (inner, Searching)]
    for cell, method in order:
        assert {image.status for image in restore(cell, card, method, settings)} == {"ok"}
    assert Searching.searched == 3, "hours are spent twice"
    assert all(image.kept for cell, method in order for image in restore(cell, card, method, settings))


def test_what_is_projected_is_what_is_stored_and_upscale_gives_the_same(photos, settings):
    card, inner, outer = cells(photos)
    list(restore(outer, card, BP, settings))
    (batch,) = data.batches(card, 16, 3)
    alone = contract.upscale(BP.load(outer.task, CPU), outer.task, batch.lr)
    for index, image_id in enumerate(batch.ids):
        made, start = (store.load(next(store.cell_folder(settings.out, cell).rglob(f"{image_id}.png")), 64)
                       for cell in (outer, inner))  # fmt: skip
        exact = resize.back_project(start.image[None] / 255, batch.lr[index][None], 16)
        assert torch.equal(made.image, resize.eight_bit(exact.clamp(0, 1))[0])
        assert torch.equal(made.image, resize.eight_bit(alone[index])), "the verb `upscale` makes another picture"
        assert not torch.equal(made.image, start.image), "nothing was projected"


def test_effort_time_note_and_remark_are_the_inner_methods(photos, settings):
    card, inner, outer = cells(photos)
    for cell, method in ((inner, Searching), (outer, BP)):
        list(restore(cell, card, method, settings))
    first, then = (
        {r.image: r for r in score(cell, card, ("psnr",), settings, state(cell, method, settings))}
        for cell, method in ((inner, Searching), (outer, BP))
    )
    for image_id, record in then.items():
        assert (record.g_forward, record.g_backward, record.note, record.remark) == (5, 4, "a note", "3 steps")
        assert record.seconds > first[image_id].seconds, "the search is part of the time"


@pytest.mark.slow
def test_a_failure_of_the_search_is_that_of_the_projection(photos, settings):
    card, _, outer = cells(photos)
    Searching.broken = True
    assert {image.reason for image in restore(outer, card, BP, settings)} == {"RuntimeError: broken today"}
    Searching.broken = False
    assert {image.status for image in restore(outer, card, BP, settings)} == {"ok"}


def test_other_code_or_weights_of_the_search_are_not_reused(photos, settings, monkeypatch):
    card, _, outer = cells(photos)
    list(restore(outer, card, BP, settings))
    monkeypatch.setattr(Searching, "__init__", lambda self: setattr(self, "weights", torch.ones(1)))
    list(restore(outer, card, BP, settings))
    assert Searching.searched == 6


@pytest.mark.parametrize("family", ["interpolation", "inversion"])
def test_what_is_projected_is_clamped_first(family):
    class Bright(Searching):
        spec = Spec(name="b", title="B", family=family, paper="p", factors=(16,))

        def upscale(self, lr):
            return lr.repeat_interleave(16, -1).repeat_interleave(16, -2) * 9 - 4

    lr = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    method = methods.back_projected(Bright).load(TASK, CPU)
    inner = Bright().upscale(lr).clamp(0, 1)
    sr = inner if family == "interpolation" else resize.quantise(inner)
    assert torch.equal(method.upscale(lr), resize.back_project(sr, lr, 16))


def test_one_pass_is_not_rounded_nor_stored(photos, settings):
    card, _, outer = cells(photos)
    method = methods.find("bicubic+bp")
    cell = Cell(outer.task, "bicubic+bp", "B")
    list(restore(cell, card, method, settings))
    (batch,) = data.batches(card, 16, 3)
    wanted = resize.back_project(resize.upsample(batch.lr, 16).clamp(0, 1), batch.lr, 16).clamp(0, 1)
    made = [store.load(next(settings.out.rglob(f"bicubic+bp/**/{image_id}.png")), 64).image for image_id in batch.ids]
    assert torch.equal(torch.stack(made), resize.eight_bit(wanted)), "the published rows would be others"
    assert not store.cell_folder(settings.out, Cell(outer.task, "bicubic", "B")).exists()


@pytest.mark.parametrize("name", ["pulse", "glean"])
def test_the_costs_are_those_of_the_inner_method_and_of_the_projection(name):
    task = Task("mini", "face", 16, 128, preset="mini")
    inner, whole = (count(methods.find(each), task) for each in (name, f"{name}+bp"))
    assert {part: (cost.trainable, cost.frozen) for part, cost in whole.parts.items()} == {
        part: (cost.trainable, cost.frozen) for part, cost in inner.parts.items()
    }
    assert whole.parts["bank"] == inner.parts["bank"]
    assert whole.parts["bank"].macs > 0
    assert (whole.remark, whole.dead) == (inner.remark, inner.dead)
    # M x, and M-dagger of what is missing: each a product from both sides, three channels.
    shrunk, enlarged = (8 * 128 * 128 + 8 * 128 * 8) * 3, (128 * 8 * 8 + 128 * 8 * 128) * 3
    assert whole.macs - inner.macs == shrunk + enlarged


def test_twice_is_once_more(photos, settings):
    card, _, outer = cells(photos)
    twice = methods.back_projected(BP)
    assert isinstance(twice.load(outer.task, CPU), Refining)
    list(restore(Cell(outer.task, "s+bp+bp", "twice"), card, twice, settings))
    folders = sorted(json.loads(path.read_text())["run"] for path in settings.out.rglob("cell.json"))
    assert len(set(folders)) == 3
    assert Searching.searched == 3
