"""What the inversion methods share: the loop over steps, seeds of images, and the banks."""

import io
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from rich.console import Console
from torch.nn import functional as F  # noqa: N812

import methods
from bench.spec import BenchError, Effort, MissingWeights, Task
from methods.formats import own_files
from methods.nets import pggan, stylegan, stylegan2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.search import optimise as search_loop
from methods.search.descent import Descent, Group
from methods.search.mganprior import Mganprior
from methods.search.optimise import Step, optimise
from methods.search.pulse import Pulse
from methods.weights import load, stylegan2_bank

from .test_nets_stylegan import genforce, pulse

CPU, META = torch.device("cpu"), torch.device("meta")


def sgd(*parameters, rate=0.25) -> Descent:
    return Descent([Group([each.requires_grad_() for each in parameters], rate)])


def follow(x, target, *, scale=1.0) -> Callable[..., Step]:
    """A step whose images are the parameter, (B,), as grey pixels, and whose loss is the squared distance."""
    return lambda _: Step(x[:, None, None, None].expand(-1, 3, 2, 2), scale * (x - target).square())


@pytest.fixture(autouse=True)
def _as_the_suite_does() -> Iterator[None]:
    with torch.no_grad():
        yield


def test_an_image_in_a_batch_gets_the_gradient_it_gets_alone():
    start, target = torch.tensor([0.0, 2.0, -3.0]), torch.tensor([1.0, 1.0, 5.0])
    together = optimise(follow(x := start.clone(), target), sgd(x), steps=3)
    for index in range(3):
        one = start[index : index + 1].clone()
        alone = optimise(follow(one, target[index]), sgd(one), steps=3)
        assert torch.equal(alone.last[0], together.last[index]), "losses must be summed, not averaged"
        assert torch.equal(one[0], x[index])


def test_the_last_image_is_the_one_before_the_last_change():
    x = torch.zeros(1)
    found = optimise(follow(x, 1.0), sgd(x), steps=2)
    assert found.last.unique().tolist() == [0.5], "0, then half way to 1"
    assert x.tolist() == [0.75]
    assert found.steps == 2
    assert not found.last.requires_grad


def test_the_best_is_chosen_for_each_image():
    x = torch.tensor([0.5, 4.0])
    found = optimise(follow(x, 1.0, scale=4.5), sgd(x), steps=2)  # overshoots: the distance becomes 1.25 times as large
    assert found.best[:, 0, 0, 0].tolist() == [0.5, 4.0]
    assert found.last[:, 0, 0, 0].tolist() == [1.625, -2.75]
    wandering = torch.tensor([[3.0, 1.0], [1.0, 2.0], [2.0, 3.0]])
    y = torch.zeros(2)
    found = optimise(
        lambda step: Step(torch.full((2, 3, 1, 1), float(step)), wandering[step] + 0 * y, wandering[step].flip(0)),
        sgd(y),
        steps=3,
    )
    assert found.best[:, 0, 0, 0].tolist() == [1, 0]
    assert found.loss.tolist() == [1, 1]
    assert found.gate.tolist() == [1, 1], "the gate is judged apart from the loss"
    assert found.last[:, 0, 0, 0].tolist() == [2, 2]


def test_the_schedule_scales_every_learning_rate_and_leaves_it_as_it_was():
    one, two, seen = torch.zeros(1), torch.zeros(1), []
    optimiser = Descent([Group([one.requires_grad_()], 1.0), Group([two.requires_grad_()], 3.0)])
    step = lambda _: Step(torch.zeros(1, 3, 1, 1), one + two)  # noqa: E731
    optimise(
        step,
        optimiser,
        steps=3,
        rate=lambda index: [1.0, 0.5, 0.1][index],
        project=lambda: seen.append((one.item(), two.item())),
    )
    assert seen == [(-1.0, -3.0), (-1.5, -4.5), (pytest.approx(-1.6), pytest.approx(-4.8))]
    assert [group.rate for group in optimiser.groups] == [1.0, 3.0]


def test_the_projection_follows_every_step():
    x, seen = torch.zeros(1), []

    def project():
        seen.append(x.item())
        x.fill_(0.25)

    found = optimise(follow(x, 1.0), sgd(x), steps=3, project=project)
    assert seen == [0.5, 0.625, 0.625]
    assert found.last.unique().tolist() == [0.25]


@pytest.mark.parametrize("evil", [math.nan, math.inf, -math.inf])
def test_a_broken_image_stays_alone(evil):
    def step(index):
        pain = torch.tensor([0.0, evil if index >= 2 else 0.0, 0.0])
        made = follow(x, 1.0)(index)
        return Step(made.images, made.loss + pain)

    x = torch.tensor([0.0, 0.0, 3.0])
    found = optimise(step, sgd(x), steps=5)
    assert found.broken.tolist() == [-1, 2, -1]
    assert found.steps == 5, "the others go on"
    assert found.last[1].isnan().all(), "a result of a broken loss passes for one"
    y = torch.tensor([0.0, 3.0])
    others = optimise(follow(y, 1.0), sgd(y), steps=5)
    assert torch.equal(found.last[[0, 2]], others.last)
    assert torch.equal(found.best[[0, 2]], others.best)
    told = found.efforts(["", "missed", "missed"])
    assert told == [Effort(5, 5), Effort(5, 5, "the loss was NaN or infinite in step 2"), Effort(5, 5, "missed")]


def test_the_search_ends_when_all_images_are_broken():
    x = torch.zeros(2)
    nan = lambda index: Step(torch.zeros(2, 3, 1, 1), x + torch.tensor([math.nan, math.nan if index else 0.0]))  # noqa: E731
    found = optimise(nan, sgd(x), steps=50)
    assert found.steps == 11, "it is asked in every tenth step"
    assert found.broken.tolist() == [0, 1]
    assert [effort.g_forward for effort in found.efforts(["", ""])] == [11, 11]


def test_no_step_is_an_error():
    with pytest.raises(ValueError, match="at least one step, not 0"):
        optimise(follow(x := torch.zeros(1), 1.0), sgd(x), steps=0)


def test_efforts_need_a_note_for_each_image():
    found = optimise(follow(x := torch.zeros(2), 1.0), sgd(x), steps=1)
    with pytest.raises(ValueError, match="shorter"):
        found.efforts(["one"])


def test_the_loop_runs_on_the_meta_device():
    x = torch.zeros(2, device=META)
    found = optimise(follow(x, 1.0), sgd(x), steps=3)
    assert found.last.shape == (2, 3, 2, 2)
    assert found.steps == 3
    sources = search_loop.generators(torch.empty(2, 3, 4, 4, device=META), 0)
    assert search_loop.normal(sources, 5, device=META).shape == (2, 5)


def test_searches_run_at_once_and_their_results_are_in_order(threads):
    meet = threading.Barrier(threads, timeout=20)

    def search(item):
        meet.wait()  # breaks unless as many searches as there are threads run at once
        return item, torch.get_num_threads(), torch.is_grad_enabled()

    assert search_loop.each(range(4), search, CPU) == [(item, 1, False) for item in range(4)]
    assert torch.get_num_threads() == threads, "the caller has another number of threads than before"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == threads, "so has the next thread"
    with torch.enable_grad():
        assert {grad for _, _, grad in search_loop.each(range(4), search, CPU)} == {True}


def test_what_is_counted_is_not_searched_in_other_threads(threads):
    here = threading.get_ident()
    assert search_loop.each(range(3), lambda _: threading.get_ident(), META) == [here] * 3, (
        "its counters are of a thread"
    )


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("evil", [BenchError("bad image"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_a_search_that_fails_ends_the_others(threads, evil):
    steps = []

    def search(item):
        for step in search_loop.track(range(10**5), "search"):
            if item == threads - 1 and step == 3:
                if isinstance(evil, KeyboardInterrupt):
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # as a terminal does
                else:
                    raise evil
            steps.append(item)
            time.sleep(1e-4)

    with pytest.raises(type(evil)):
        search_loop.each(range(4), search, CPU)
    assert len(steps) < 10**4, "a search went on to its end"
    assert set(steps) <= set(range(threads)), "a search began after another had failed"
    assert torch.get_num_threads() == threads


def test_one_search_draws_the_bar(monkeypatch, threads):
    drawn, meet = [], threading.Barrier(threads, timeout=20)

    class Bar(search_loop.Progress):
        def __init__(self, *, disable, **options):
            super().__init__(disable=disable, **options)
            drawn.append(not disable)

    def search(_):
        list(map(lambda step: meet.wait() if step == 0 else None, search_loop.track(range(3), "search")))  # noqa: C417
        meet.wait()

    monkeypatch.setattr(search_loop, "Progress", Bar)
    monkeypatch.setattr(search_loop, "Console", lambda **_: Console(file=io.StringIO(), force_terminal=True))
    search_loop.each(range(threads), search, CPU)
    assert sorted(drawn) == [False] * (threads - 1) + [True], "two bars in one terminal"
    assert not search_loop._BAR.locked(), "nobody can draw any more"


def test_random_numbers_come_from_the_seed_and_the_pixels_alone():
    lr = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
    lr[2] = lr[0]
    draw = lambda images, seed=0: search_loop.normal(search_loop.generators(images, seed), 2, 4, device=CPU)  # noqa: E731
    first = draw(lr)
    assert first.shape == (3, 2, 4)
    torch.manual_seed(99)
    assert torch.equal(draw(lr), first), "torch's own stream must not tell"
    assert torch.equal(draw(lr.flip(0)).flip(0), first), "nor the order"
    assert torch.equal(draw(lr[1:2])[0], first[1]), "nor the batch"
    assert torch.equal(first[0], first[2]), "nor the place in it"
    assert not torch.equal(first[0], first[1]), "two images share their numbers"
    assert not torch.equal(draw(lr, 1), first), "two seeds share their numbers"
    assert torch.equal(draw(lr.to(memory_format=torch.channels_last)), first), "nor the layout in memory"
    near = lr + 1e-4
    assert torch.equal(draw(near), first), "rounding, as between two devices, must not tell"
    near[1, 0, 0, 0] += 1 / 255
    assert not torch.equal(draw(near)[1], first[1]), "one grey level of one pixel is another image"


@pytest.mark.parametrize(
    ("preset", "kinds"),
    [
        ("paper", (stylegan.StyleGAN, pggan.PGGAN, stylegan2.StyleGAN2)),
        ("mini", (stylegan2.StyleGAN2,) * 3),
    ],
)
def test_each_method_has_its_kind_of_bank(preset, kinds):
    task = Task("/home/ann/photos", "face", 16, 128, preset=preset)
    for method, kind in zip(("pulse", "mganprior", "dgp"), kinds, strict=True):
        bank = methods.find(method).load(task, META).bank
        assert type(bank) is kind
        assert bank.size == 128
        assert {each.device for each in bank.parameters()} == {META}
        assert not any(each.requires_grad for each in bank.parameters()), "a bank is frozen"


def test_a_size_no_bank_makes_is_an_error_of_the_task():
    with pytest.raises(BenchError, match="96"):
        Pulse.load(Task("paper", "face", 4, 96), META)


@pytest.fixture
def files(monkeypatch, tmp_path) -> Callable[..., None]:
    """A place to put weight files in, by part; `load.find` knows no other."""
    paths = {}

    def find(method, task, *, part="network", **_):
        if part not in paths:
            raise MissingWeights(f"no {part}")
        return paths[part]

    def put(part, entries):
        paths[part] = tmp_path / f"{part}.{'pt' if isinstance(entries, dict) else 'safetensors'}"
        if isinstance(entries, dict):
            torch.save(entries, paths[part])
        else:
            paths[part].write_bytes(own_files.safetensors(entries))

    monkeypatch.setattr(load, "find", find)
    return put


def test_a_bank_is_read_frozen_and_of_the_tasks_size(files):
    network = stylegan2.StyleGAN2(size=16, channels=dict.fromkeys((4, 8, 16), 5), style_dim=4, mapping_layers=2)
    files("bank", network)
    bank = stylegan2_bank.load("pulse", Task("mini", "face", 4, 16, preset="mini"), CPU)
    z = torch.randn(2, 4)
    assert torch.equal(bank(z), network(z)), "the values are not those of the file"
    assert not any(each.requires_grad for each in bank.parameters())
    wrong = Task("mini", "face", 4, 32, preset="mini")
    for method in (Pulse.load, Mganprior.load, partial(stylegan2_bank.load, "dgp")):
        with pytest.raises(BenchError, match=r"bank makes images of 16 px, the task asks for 32"):
            method(wrong, CPU)


def test_a_file_of_something_else_is_an_error(files):
    files("bank", StyleGAN2Discriminator(size=16, channels=dict.fromkeys((4, 8, 16), 5)))
    with pytest.raises(BenchError, match=r"bank\.safetensors: these are not the weights of a StyleGAN2 generator"):
        Pulse.load(Task("mini", "face", 4, 16, preset="mini"), CPU)


def test_the_bank_of_pulse_is_two_files(files):
    entries = pulse(genforce())
    files("bank", {name: value for name, value in entries.items() if not name.startswith("dense")})
    task = Task("paper", "face", 16, 128)
    with pytest.raises(MissingWeights, match="no mapping"):
        Pulse.load(task, CPU)
    files("mapping", {name: value for name, value in entries.items() if name.startswith("dense")})
    bank = Pulse.load(task, CPU).bank
    assert type(bank) is stylegan.StyleGAN
    w = bank.mapping(torch.randn(3, 6))[:, 0]
    assert (F.leaky_relu(F.leaky_relu(w, 5.0), 0.2) - w).abs().max() < 1e-5 * w.abs().max()


def test_a_bank_that_is_not_here_is_missing(files):
    with pytest.raises(MissingWeights, match="no bank"):
        Pulse.load(Task("paper", "face", 16, 128), CPU)
