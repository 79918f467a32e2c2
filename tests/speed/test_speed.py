"""How fast the parts are: `nox -s speed`. Images are 128 px, batches of 16, and times are of a whole batch."""

import pytest
import torch

from bench import resize, scenes
from bench.scores import metrics
from bench.scores.metric import Pair

BATCH = 16
HR = torch.rand(BATCH, 3, 128, 128, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
LR = resize.quantise(resize.downsample(HR, 16))
SR = resize.quantise(resize.upsample(LR, 16))


@pytest.mark.benchmark(group="scenes: training images, float32")
@pytest.mark.parametrize("category", list(scenes.SCENES))
def test_render(benchmark, category):
    seeds = torch.arange(scenes.FIRST_TRAINING_SEED, scenes.FIRST_TRAINING_SEED + 4 * BATCH)
    benchmark.extra_info.update(images=len(seeds), threads=torch.get_num_threads())
    benchmark.pedantic(scenes.render, args=(category, seeds), rounds=7, warmup_rounds=1)
    benchmark.extra_info["images/s"] = len(seeds) / benchmark.stats["median"]


@pytest.mark.benchmark(group="scenes: test images, float64, one at a time")
@pytest.mark.parametrize("category", list(scenes.SCENES))
def test_exact_images(benchmark, category):
    benchmark.pedantic(scenes.exact_images, args=(category, torch.tensor([1])), rounds=7, warmup_rounds=1)


@pytest.mark.benchmark(group="operator")
@pytest.mark.parametrize(
    "operator", [resize.downsample, resize.upsample, resize.pseudo_inverse], ids=lambda f: f.__name__
)
def test_operator(benchmark, operator):
    benchmark(operator, HR if operator is resize.downsample else LR, 16)


@pytest.mark.benchmark(group="metrics")
@pytest.mark.parametrize("name", list(metrics.METRICS))
def test_metric(benchmark, name):
    if lacking := metrics.METRICS[name].lacks():
        pytest.skip(lacking)
    pair = Pair(SR, HR, LR, 16)
    benchmark.pedantic(metrics.METRICS[name].function, args=(pair,), rounds=5, warmup_rounds=1)
