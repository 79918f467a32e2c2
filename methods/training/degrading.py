"""The inputs of a training: HR images made small, or degraded by what is drawn from a mixture."""

import torch

from bench import resize
from bench.images.degraded import degraded
from bench.scenes import noise
from bench.spec import Images
from methods.presets.mixtures import Mixture
from methods.training.share import Share


def degrade(hr: Images, mixture: Mixture | None, factor: int, share: Share, step: int) -> Images:
    """Return what a network gets of a process's HR images (B, 3, H, W), [0, 1]: (B, 3, H / factor, W / factor), 8 bits.

    What is drawn depends on the seed, the step and an image's place in the whole batch alone: it is the same in one
    process as in many. A mixture is of tables' own operators, on the CPU.
    """
    if mixture is None:
        return resize.quantise(resize.downsample(hr, factor))  # in float32, whatever networks compute in
    places = share.of(torch.arange(len(hr) * share.ranks)).tolist()
    made = []
    for image, place in zip(hr.double().cpu(), places, strict=True):
        name = f"{place} of step {step}, seed {share.seed}"
        numbers = noise.uniform(torch.zeros(1, dtype=torch.int64), name, mixture.numbers)[0].tolist()
        made.append(degraded(image, mixture.drawn(numbers), factor, name))
    return resize.quantise(torch.stack(made)).to(hr)
