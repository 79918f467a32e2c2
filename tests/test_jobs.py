"""Several processes side by side: the results of one, made sooner; whatever ends one of them changes no figure."""

import os
import signal
import time
from contextlib import closing
from dataclasses import replace
from threading import Barrier, Event, Lock, Thread
from types import SimpleNamespace

import pytest
import torch

from bench import machine, pipeline, report_files, store
from bench.measurement import _after
from bench.running import isolated, runners
from bench.running.measuring import Measurers, measured
from bench.running.process import Ended
from bench.scores.metric import Pair
from bench.scores.metrics import METRICS
from bench.spec import BenchError, Cell, Task
from bench.together import ahead, together
from bench.verbs.table import measure

from . import guests


class Counted:
    """A work of some numbers; `meet` is waited for before each."""

    def __init__(self, numbers, meet=None) -> None:
        self.numbers, self.lock, self.left, self.ended = iter(numbers), Lock(), None, Event()
        self.meet = meet or (lambda: None)

    def __iter__(self):
        self.left = 1
        while not self.ended.is_set():
            with self.lock:
                number = next(self.numbers, None)
                if number is None:
                    self.left = 0
                    return
            self.meet()
            yield number

    def end(self) -> None:
        self.ended.set()


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_item_of_every_work_comes_once(jobs):
    works = [Counted(range(10 * number, 10 * number + number)) for number in range(5)]
    found = sorted(item for _, item in together(works, jobs, {}))
    assert found == [10 * number + each for number in range(5) for each in range(number)]


def test_threads_without_work_of_their_own_share_what_is_left():
    """At the end of a table one core would search ten images while the others wait."""
    barrier = Barrier(2, timeout=20)
    assert len(list(together([Counted(range(6), barrier.wait)], 2, {}))) == 6, "one thread alone waits at the barrier"


def test_a_work_begins_after_the_one_that_makes_its_results():
    order = []
    works = [Counted([number], lambda number=number: order.append(number)) for number in range(3)]
    list(together(works, 3, {2: 0}))
    assert order.index(2) > order.index(0), "the same images would be searched twice"


def test_what_one_thread_raises_is_raised_and_ends_the_others():
    def broken() -> None:
        raise BenchError("the disk is full")

    endless = Counted(iter(int, 1))
    with pytest.raises(BenchError, match="disk is full"):
        list(together([endless, Counted([1], broken)], 2, {}))
    assert endless.ended.is_set()


def test_who_stops_listening_ends_the_works():
    endless = Counted(iter(int, 1))
    next(made := together([endless], 2, {}))
    made.close()
    assert endless.ended.is_set(), "Ctrl-C would leave a search running"


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_is_made_ahead_comes_in_order(jobs):
    assert list(ahead(lambda number: -number, range(20), jobs)) == [-number for number in range(20)]


def test_results_of_a_method_and_of_what_refines_it_are_made_once():
    task = Task("mini", "face", 16, 64)
    other = replace(task, category="cat")
    cells = [Cell(task, "pulse+bp", ""), Cell(other, "pulse+bp", ""), Cell(task, "glean", ""), Cell(task, "pulse", "")]
    assert _after(cells) == {3: 0}


TITLES = ("psnr", "ssim", "lpips", "lr_psnr")


def table(photos, settings, jobs, *more):
    """Records and pictures of a table of two methods and some guests."""
    out = settings.out / str(jobs)
    report = replace(report_files.read("table2"), metrics=TITLES, also=(), categories=("face", "cat"), factors=(16,))
    rows = [runners.row(name, None, (16,), beside=jobs > 1) for name in ("bicubic", "pseudo_inverse", *more)]
    found = pipeline.prepare(report, rows, replace(settings, out=out, jobs=jobs), profile=str(photos), hr_size=64)
    made = list(found.restore())
    assert len({(cell, image.image) for cell, image in made}) == len(made), "an image was restored twice"
    records = [replace(record, seconds=0.0) for record in found.score()]
    return records, {path.relative_to(out): store.load(path, 64) for path in out.rglob("*.png")}


def test_side_by_side_gives_the_bytes_of_one_after_another(photos, settings, tmp_path):
    guest = guests.write(tmp_path, init="self.n = 0", result=".mul(0.9)")
    (records, pictures), (others, copies) = (table(photos, settings, jobs, guest) for jobs in (1, 3))
    assert others == records, "figures depend on how many processes worked"
    assert pictures.keys() == copies.keys()
    assert len(pictures) == 18
    for path, one in pictures.items():
        assert one is not None
        assert (one.lr, one.sha256) == (copies[path].lr, copies[path].sha256), path


PAIR = Pair(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), torch.rand(2, 3, 2, 2), 16)


def test_a_metric_has_the_same_value_in_a_process_whatever_ends_that():
    with closing(Measurers(1)) as processes:
        pair = Pair(*((each * 255).round() / 255 for each in (PAIR.sr, PAIR.hr, PAIR.lr)), 16)
        expected = {name: measured([METRICS[name]], pair)[0] for name in ("psnr", "lpips", "lr_psnr")}
        for name, values in expected.items():
            (found,) = processes.measure([METRICS[name]], pair)
            assert torch.equal(found, values)
            processes._idle.put(process := processes._idle.get())
            process._status()
            os.killpg(int(process._told.split()[0]), signal.SIGKILL)
        found = processes.measure([METRICS[name] for name in expected], pair)
        assert all(map(torch.equal, found, expected.values())), "asked together, each has its own value"


def test_columns_with_a_box_and_of_sets_are_the_same_in_a_process():
    pair = Pair(*((torch.rand(2, 3, side, side) * 255).round() / 255 for side in (64, 64, 4)), 16)
    located = METRICS["arcface_aligned"].located
    assert located is not None
    columns = [located((0.1, 0.2, 0.7)), METRICS["kid"], METRICS["psnr"]]
    with closing(Measurers(1)) as processes:
        found = processes.measure(columns, pair)
    for metric, one, other in zip(columns, found, measured(columns, pair), strict=True):
        assert torch.equal(one, other.double()), metric.name


def test_what_a_metric_cannot_measure_is_told_as_in_one_process():
    with closing(Measurers(1)) as processes:
        small = Pair(PAIR.sr[..., :8, :8], PAIR.hr[..., :8, :8], PAIR.lr[..., :1, :1], 8)
        for measure in (measured, processes.measure):
            with pytest.raises(BenchError, match="SSIM needs images of at least 11 px"):
                measure([METRICS["psnr"], METRICS["ssim"]], small)


def test_a_metric_whose_process_ends_again_and_again_is_an_error(monkeypatch):
    def ended(*_: object, **__: object) -> None:
        raise Ended("its process was ended by SIGKILL, perhaps for want of memory")

    monkeypatch.setattr("bench.running.measuring._asked", ended)
    with closing(Measurers(2)) as processes, pytest.raises(BenchError, match="want of memory"):
        processes.measure([METRICS["psnr"]], PAIR)


def test_an_image_whose_process_was_closed_is_no_failure(photos, settings, tmp_path):
    """Ctrl-C ends the processes; their images must not be stored as failed."""
    guest = runners.row(guests.write(tmp_path, before="import time", result=" + time.sleep(60)"), None, (16,))
    loaded = guest.load(Task(str(photos), "face", 16, 64), settings.device)
    loaded.close()
    with pytest.raises(Ended):
        loaded.attempt(torch.rand(2, 3, 4, 4), ("a", "b"))


def test_two_cells_of_a_guest_get_a_process_each(tmp_path, monkeypatch):
    """The process that told what the guest is waits for the first cell; two at once took it both."""
    given = []

    def session(*words: object) -> None:
        time.sleep(0.3)
        given.append(words[5])

    guest = isolated.Isolated(guests.write(tmp_path))
    monkeypatch.setattr(isolated, "Session", session)
    monkeypatch.setattr(isolated, "_begun", lambda _: None)
    threads = [Thread(target=guest.load, args=(Task("mini", "face", 16, 64), torch.device("cpu"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (spare,) = [process for process in given if process is not None]
    spare.end()


def test_a_thread_that_cannot_be_ended_is_not_waited_for(monkeypatch):
    """A guest that hangs while it is imported has no process yet that could be ended."""
    monkeypatch.setattr("bench.together._PATIENCE", 0.1)
    hanging = Event()
    works = [Counted([1]), Counted([2], hanging.wait)]
    next(made := together(works, 2, {}))
    start = time.monotonic()
    made.close()
    assert time.monotonic() - start < 5, "Ctrl-C does nothing for ten minutes"
    hanging.set()


@pytest.mark.parametrize(("memory", "jobs"), [(None, 8), (64 * 2**30, 8), (5 * 2**30, 2), (2**20, 1)])
def test_as_many_processes_as_cores_and_memory_hold(monkeypatch, memory, jobs):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "memory", lambda: memory)
    assert machine.jobs() == jobs


def test_what_draws_is_imported_while_images_are_scored(monkeypatch):
    begun = Event()

    def score():
        assert begun.wait(20), "the imports of the end are begun when the workers have nothing to do"
        return iter(())

    monkeypatch.setattr("bench.verbs.table._rendering", begun.set)
    monkeypatch.setattr("bench.verbs.table._restore", lambda _: False)
    monkeypatch.setattr("bench.verbs.table._render", lambda *_: None)
    monkeypatch.setattr("bench.estimate.keep", lambda *_: None)
    measure(SimpleNamespace(settings=SimpleNamespace(jobs=2), score=score, cells=[]), None, ())
