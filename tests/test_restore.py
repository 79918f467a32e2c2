import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from PIL import Image

from bench import cards, store
from bench.images import data
from bench.restore import restore, state
from bench.scores.score import score
from bench.spec import Card, Cell, MissingWeights, Task
from methods import BY_NAME
from methods.bicubic import Bicubic

from .conftest import ROOT, tables, textured


class Counting(Bicubic):
    """Bicubic that counts the images it restores."""

    spec = replace(Bicubic.spec, name="counting", max_batch=2)
    images = 0

    def upscale(self, lr):
        type(self).images += len(lr)
        return super().upscale(lr)


@pytest.fixture(autouse=True)
def _count_from_zero() -> None:
    Counting.images = 0


def face(photos) -> tuple[Cell, Card, type[Counting]]:
    """The card, the cell and the class of a first run."""
    card = cards.card(str(photos), "face", 64)
    task = Task(card.profile, "face", 16, 64)
    return Cell(task, "counting", "Counting"), card, Counting


def results(settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in settings.out.rglob("*.png")}


@pytest.mark.slow
def test_what_is_there_is_kept(photos, settings):
    first = list(restore(*face(photos), settings))
    again = list(restore(*face(photos), settings))
    assert [(image.image, image.kept) for image in first] == [("0", False), ("1", False), ("2", False)]
    assert sorted((image.image, image.kept) for image in again) == [("0", True), ("1", True), ("2", True)]
    assert Counting.images == 3, "a finished image must not be restored again"


def test_a_cell_gets_as_many_images_as_the_run_or_else_the_cell_says(photos, settings):
    cell, card, method = face(photos)
    few = replace(cell, images=1)
    assert len(list(restore(few, card, method, settings))) == 1
    assert len(list(restore(few, card, method, replace(settings, limit=2)))) == 2
    records = list(score(few, card, ["psnr"], settings, state(few, method, settings)))
    assert [record.image for record in records] == ["0"], "images that were not asked for are scored"


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was(photos, settings):
    run = restore(*face(photos), settings)
    next(run), next(run)
    run.close()
    list(restore(*face(photos), settings))
    assert Counting.images == 3, "the images of the first run must be kept"
    assert len(results(settings)) == 3


def test_a_search_is_stored_as_soon_as_it_is_done(photos, settings):
    class Searching(Counting):
        spec = replace(Counting.spec, name="searching", family="inversion", max_batch=4)

    cell, card, _ = face(photos)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = restore(cell, card, Searching, settings)
        next(run)
        assert Counting.images + Searching.images == 1, "kills more frequent than a batch would never get anywhere"
        assert len(results(settings)) == 1
        run.close()
    finally:
        torch.set_num_threads(before)


def test_a_changed_photograph_is_restored_again(photos, settings):
    list(restore(*face(photos), settings))
    Image.fromarray(textured(64, 77)).save(photos / "face" / "1.png")
    changed = [image.image for image in restore(*face(photos), settings) if not image.kept]
    assert changed == ["1"], "the result of another image would be scored"


@pytest.mark.slow
def test_a_damaged_result_is_restored_again(photos, settings):
    list(restore(*face(photos), settings))
    damaged = next(path for path in settings.out.rglob("1.png"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:100])
    list(restore(*face(photos), settings))
    assert store.load(damaged, 64) is not None
    assert Counting.images == 4


def test_other_code_is_another_run(photos, settings, tmp_path):
    cell, card, _ = face(photos)
    code = (ROOT / "methods" / "bicubic.py").read_text()
    import methods

    for name, extra in (("one", ""), ("two", "\n# changed\n")):
        (tmp_path / f"{name}.py").write_text(code + extra)
        list(restore(cell, card, methods.guest(f"{tmp_path / name}.py:Bicubic"), settings))
    assert len({path.parent for path in settings.out.rglob("0.png")}) == 2, "a changed method would keep old results"


@pytest.mark.parametrize("name", [*BY_NAME, "bicubic+bp", "glean+bp"])
@pytest.mark.usefixtures("random_weights")
@pytest.mark.slow
def test_no_method_sees_the_ground_truth(settings, monkeypatch, name):
    import methods

    def poisoned(*args):
        for batch in clean(*args):
            noise = torch.rand(batch.hr.shape, generator=torch.Generator().manual_seed(1))
            yield replace(batch, hr=noise)

    settings = replace(settings, limit=3)
    card = cards.card("mini", "face")
    method = methods.find(name)
    cell = Cell(card.task(16 if 16 in method.spec.factors else 1), name, name)
    list(restore(cell, card, method, settings))
    clean = data.batches
    monkeypatch.setattr(data, "batches", poisoned)
    other = replace(settings, out=settings.out / "poisoned")
    list(restore(cell, card, method, other))
    pixels = [
        {path.name: store.load(path, 128).sha256 for path in store.cell_folder(out, cell).rglob("*.png")}
        for out in (settings.out, other.out)
    ]
    assert len(pixels[0]) == 3
    assert pixels[0] == pixels[1], f"{name} read the ground truth: its output changed with it"


def test_bad_images_are_told_and_the_others_go_on(photos, settings):
    (photos / "face" / "0.png").write_bytes(b"")
    (photos / "face" / "1.png").write_bytes((photos / "face" / "2.png").read_bytes()[:400])
    Image.fromarray(textured(32, 5)).save(photos / "face" / "3.png")
    outcomes = {image.image: image for image in restore(*face(photos), settings)}
    assert {name: image.status for name, image in outcomes.items()} == {
        "0": "failed", "1": "failed", "2": "ok", "3": "refused"
    }  # fmt: skip
    assert "--allow-enlarge" in outcomes["3"].reason
    allowed = replace(settings, allow_enlarge=True)
    assert {image.image: image.status for image in restore(*face(photos), allowed)}["3"] == "ok"


class Failing(Bicubic):
    spec = replace(Bicubic.spec, name="failing")
    sound = False

    def upscale(self, lr):
        if not self.sound:
            raise RuntimeError("broken today")
        return super().upscale(lr)


@pytest.mark.slow
def test_a_failure_is_on_disk_and_is_tried_again(photos, settings, monkeypatch):
    cell, card, _ = face(photos)
    assert {image.status for image in restore(cell, card, Failing, settings)} == {"failed"}
    (reason,) = {json.loads(path.read_text())["reason"] for path in settings.out.rglob("?.json")}
    assert reason == "RuntimeError: broken today"
    monkeypatch.setattr(Failing, "sound", True)
    assert {image.status for image in restore(cell, card, Failing, settings)} == {"ok"}
    assert not list(settings.out.rglob("?.json")), "an old failure must not outlive the success"


@pytest.mark.parametrize(("error", "status"), [(MissingWeights("put it there"), "refused"), (OSError("x"), "failed")])
def test_a_method_that_cannot_be_loaded(photos, settings, error, status):
    class Unloadable(Bicubic):
        @classmethod
        def load(cls, task, device):
            raise error

    cell, card, _ = face(photos)
    ((outcome),) = restore(cell, card, Unloadable, settings)
    assert (outcome.image, outcome.status) == (None, status), "absent weights are normal, other errors are failures"
    assert str(error) in outcome.reason


SLOW = """
import time
from methods.bicubic import Bicubic as Inner
from dataclasses import replace

class Slow(Inner):
    spec = replace(Inner.spec, name="slow", title="Slow", max_batch=1)

    def upscale(self, lr):
        with open(__file__ + ".log", "a") as log:
            log.write("x")
        time.sleep(0.3)
        return super().upscale(lr)
"""


def command(photos, tmp_path, out) -> list[str]:
    words = ["table", "table2", "--profile", photos, "--hr-size", "64", "--with", tmp_path / "slow.py:Slow"]
    return [sys.executable, "-m", "bench", *map(str, words), "--out", str(tmp_path / out)]


@pytest.mark.slow
def test_killed_and_run_again_gives_the_same_table_and_restores_nothing_twice(bench, photos, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    log = tmp_path / "slow.py.log"
    run = subprocess.Popen(command(photos, tmp_path, "out"), cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 600
    while len(list((tmp_path / "out").rglob("slow/*/*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    finished = len(list((tmp_path / "out").rglob("slow/*/*.png")))
    assert 2 <= finished < 6, "the run must have been killed in its midst"
    tried = len(log.read_text())
    # Two at once from here: they must neither corrupt each other's files nor fail.
    both = [subprocess.Popen(command(photos, tmp_path, "out"), cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    assert [run.communicate()[0] and run.returncode for run in both] == [0, 0]
    assert len(log.read_text()) - tried <= 2 * (6 - finished), "a finished image was restored again"
    assert bench(*command(photos, tmp_path, "fresh")[3:])[0] == 0
    assert tables(tmp_path / "out") == tables(tmp_path / "fresh"), "killed or not, the table must be the same"
    assert len(tables(tmp_path / "fresh")) == 8
