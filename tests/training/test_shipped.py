"""The weight files that come with the suite: each loads, and what it makes is what it is for."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import methods
from bench import cards, resize, scenes
from bench.images import sources
from bench.images.degraded import degraded
from bench.scores import metrics
from bench.scores.kid import features
from bench.spec import Task
from methods.formats import biggan as biggan_format
from methods.formats import stylegan2 as stylegan2_format
from methods.formats import unpickle
from methods.nets.stylegan2 import StyleGAN2
from methods.presets import biggan
from methods.presets.mganprior import MGANPRIOR
from methods.presets.pulse import PULSE
from methods.search import mganprior, pulse
from methods.training import items, likeness, queue, trained_report
from methods.training.quality import fid
from methods.training.settings import TrainingSettings
from methods.weights import catalogue, load

from ..conftest import ROOT, SHARED
from .test_bank import CPU

pytestmark = pytest.mark.slow
SHIPPED = ROOT / "methods" / "weights"
MINI, PORTRAITS = SHIPPED / "mini", SHIPPED / "portraits"
LIMITS = {"mini": 40e6, "portraits": 20e6}
LISTS = {"mini": "docs/trained.md", "portraits": "docs/portraits/trained.md"}
COUNT = 100
UNSEEN = 1_500_000_000  # a seed beyond those of any training
BANKS = sorted(scenes.SCENES)
TRAINED = [item for item in items.everything("mini") if item.what not in ("bank", biggan.NAME)]


def finished(path: Path) -> bool:
    """Whether a network is there and was trained to the end; others are used with --unfinished alone."""
    return path.is_file() and (facts := items.facts(path))["steps"] == facts["of"]


RESTORERS = [item for item in TRAINED if finished(MINI / item.file("network"))]
ENLARGING = [item for item in RESTORERS if item.task.factor > 1]
OF_TASKS = [item for item in RESTORERS if item.task.factor == 1]


def bank(category) -> StyleGAN2:
    return stylegan2_format.generator(unpickle.load(MINI / f"bank_{category}_128.safetensors"))


def of_class(category) -> trained_report._OfClass:
    label = biggan.biggan(Task("mini", category, 16, 128, preset="mini")).label(category)
    return trained_report._OfClass(biggan_format.of_class(unpickle.load(MINI / "biggan_128.safetensors"), label))


def files(profile) -> list[Path]:
    """The files that were trained; what others have published is in the catalogue."""
    published = {file.name for file in catalogue.catalogue()}
    return sorted(path for path in (SHIPPED / profile).glob("*.safetensors") if path.name not in published)


@pytest.mark.parametrize("profile", LIMITS)
def test_all_files_together_are_small_enough_for_a_checkout(profile):
    assert files(profile)
    assert sum(path.stat().st_size for path in (SHIPPED / profile).glob("*.safetensors")) <= LIMITS[profile]
    assert all(path.stat().st_size <= 4e6 for path in files(profile) if path.name.startswith("bank_"))


@pytest.mark.parametrize("profile", LIMITS)
def test_every_file_says_how_it_was_made(profile):
    known = {item.file(part) for item in items.everything(profile) for part in item.parts}
    for path in files(profile):
        assert path.name in known, "a file that no method asks for"
        facts = items.facts(path)
        assert {"steps", "of", "seed", "minutes", "device", "torch"} <= set(facts)
        assert 0 < facts["steps"] <= facts["of"]


@pytest.mark.parametrize(("profile", "document"), LISTS.items())
def test_the_documentation_lists_every_file_with_what_it_says_of_itself(profile, document):
    told = (ROOT / document).read_text()
    for path in files(profile):
        (row,) = [line for line in told.splitlines() if line.startswith(f"| {path.name} |")]
        facts, size = items.facts(path), f"{path.stat().st_size / 1e3:.0f}"
        cells = [cell.strip() for cell in row.split("|")[1:]]
        assert cells[1:2] + cells[3:7] == [size, *(str(facts[name]) for name in ("seed", "steps", "of", "minutes"))]


@pytest.fixture(scope="module")
def renders() -> dict[str, Tensor]:
    seeds = torch.arange(scenes.FIRST_TRAINING_SEED, scenes.FIRST_TRAINING_SEED + COUNT)
    return {name: scenes.render(name, seeds) for name in scenes.SCENES}


def test_what_comes_with_the_suite_does_not_stop_the_queue():
    """On any machine, with the published VGG16, which not all trainings of these files had."""
    todo = list(items.everything("mini"))
    wanted = list(queue.missing(todo, TrainingSettings(device=CPU)))
    assert len(wanted) < len(todo), "what is there is missing"


@pytest.mark.parametrize("category", BANKS)
@torch.no_grad()
def test_samples_vary_and_are_of_their_category(renders, category):
    made = likeness.samples(bank(category), COUNT)
    assert made.std(0).mean() > 0.5 * renders[category].std(0).mean(), "all samples are alike"
    seen = features(made)
    distances = {name: fid(seen, features(real)) for name, real in renders.items()}
    assert min(distances, key=distances.get) == category, f"the samples are nearest to another category: {distances}"


@pytest.mark.parametrize("category", BANKS)
@torch.no_grad()
def test_each_class_of_the_biggan_is_its_category_and_no_single_picture(renders, category):
    """Classes in another order would go unseen; one longer trained had a picture a class (docs/training.md)."""
    made = likeness.samples(of_class(category), COUNT)
    assert made.std(0).mean() > 0.4 * renders[category].std(0).mean(), "all samples are alike"
    distances = {name: (made.mean(0) - real.mean(0)).square().mean() for name, real in renders.items()}
    assert min(distances, key=distances.get) == category, f"the class is nearest to another category: {distances}"


@pytest.mark.parametrize("category", BANKS)
@torch.no_grad()
def test_the_discriminator_of_a_bank_tells_renders_from_its_samples(category):
    path = load.find("dgp", Task("mini", category, 16, 128, preset="mini"), part="discriminator")
    critic = stylegan2_format.discriminator(unpickle.load(path))
    real, made = scenes.render(category, UNSEEN + torch.arange(64)), likeness.samples(bank(category), 64)
    assert critic(real * 2 - 1).mean() > critic(made * 2 - 1).mean() + 0.1


@pytest.mark.parametrize("item", ENLARGING, ids=lambda item: item.label)
@torch.no_grad()
def test_a_trained_network_is_nearer_to_the_truth_than_bicubic(item):
    hr = resize.quantise(scenes.render(item.task.category, UNSEEN + torch.arange(8)))
    lr = resize.quantise(resize.downsample(hr, item.task.factor))
    sr = methods.find(item.what).load(item.task, CPU).upscale(lr).clamp(0, 1)
    bicubic = resize.upsample(lr, item.task.factor).clamp(0, 1)
    assert metrics.lpips(sr, hr).mean() < 0.6 * metrics.lpips(bicubic, hr).mean(), "as if it were not trained"


@pytest.mark.parametrize("how", ["grey", "noise 25", "noise 50", "mask 0.9", "hole 0.5"])
@pytest.mark.parametrize("item", OF_TASKS, ids=lambda item: item.label)
@torch.no_grad()
def test_a_network_for_tasks_is_nearer_to_the_truth_than_its_input(item, how):
    hr = resize.quantise(scenes.render(item.task.category, UNSEEN + torch.arange(8)))
    given = resize.quantise(torch.stack([degraded(image.double(), (how,), 1) for image in hr])).float()
    name, mixture, _ = item.what.partition(".tasks")
    sr = methods.find(name).load(replace(item.task, mixture=mixture[1:]), CPU).upscale(given).clamp(0, 1)
    assert metrics.lpips(sr, hr).mean() < 0.8 * metrics.lpips(given, hr).mean(), "as if it were not trained"


@torch.no_grad()
def test_the_bank_of_portraits_makes_images_that_differ_and_its_discriminator_knows_them():
    made = likeness.samples(stylegan2_format.generator(unpickle.load(PORTRAITS / "bank_face_128.safetensors")), 32)
    assert made.std(0).mean() > 0.15, "all samples are alike"
    critic = stylegan2_format.discriminator(unpickle.load(PORTRAITS / "bank_face_128_discriminator.safetensors"))
    grey = made.mean((2, 3), keepdim=True).expand_as(made)
    assert critic(made * 2 - 1).mean() > critic(grey * 2 - 1).mean() + 1, "a plain grey is as good as a face"


@pytest.mark.skipif(not (SHARED / "portraits").is_dir(), reason="the photographs are not there")
@pytest.mark.parametrize("factor", [8, 16])
@torch.no_grad()
def test_the_squared_error_alone_gives_more_psnr_than_bicubic_on_photographs(factor, monkeypatch):
    monkeypatch.setenv("GLEAN_DATA", str(SHARED))
    card = cards.card("portraits", "face")
    source = sources.open_card(card)
    hr = torch.stack([source.pixels(name) for name in source.ids[:8]]).float() / 255
    lr = resize.quantise(resize.downsample(hr, factor))
    sr = methods.find("esrgan_plus.mse").load(card.task(factor), CPU).upscale(lr).clamp(0, 1)
    bicubic = resize.upsample(lr, factor).clamp(0, 1)
    assert metrics.psnr(resize.quantise(sr), hr).mean() > metrics.psnr(resize.quantise(bicubic), hr).mean() + 1


@pytest.mark.parametrize("category", BANKS)
def test_the_methods_that_search_find_the_bank(category, monkeypatch):
    monkeypatch.setitem(PULSE, "mini", replace(PULSE["mini"], steps=2, fit_samples=1000))
    monkeypatch.setitem(MGANPRIOR, "mini", replace(MGANPRIOR["mini"], steps=2))
    lr = torch.rand(1, 3, 8, 8)
    for method in (pulse.Pulse, mganprior.Mganprior):
        with torch.no_grad():
            restored = method.load(Task("mini", category, 16, 128, preset="mini"), CPU).upscale(lr)
        assert restored.shape == (1, 3, 128, 128)
        assert restored.isfinite().all()
