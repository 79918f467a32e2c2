"""SinGAN in its super-resolution mode: a pyramid of small GANs trained on the LR image alone, then applied upwards.

T. R. Shaham et al., "SinGAN: Learning a Generative Model from a Single Natural Image", ICCV 2019, sections 2 and 4.
The released code enlarges by about 2^(1/3), resamples and applies the finest generator, k times, until the factor is
reached (`SR.py`); its sizes and numbers are kept. The networks: methods/nets/singan.py; the training, and where it
differs from the released one: methods/singan_training.py; the resampling: methods/singan_resize.py.
Ours: LR images of 18 px and below, for which the released pyramid of at least 18 px fails or grows, get one scale,
which learns to undo one step of shrinking and enlarging, as the released `SR_train` does, and another padding; images
above 250 px are not shrunk first, as the result would not have its size; images are trained each by itself, several at
once in threads (`optimise.each`), and not in one product (`SinganSettings.together`), because 8-bit truncation turns a
rounding error into a grey level and adversarial training enlarges that: so they would come out differently than alone.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

import torch

from bench.spec import Effort, Images, Spec, Task
from methods import specs
from methods.nets.singan import SMALLEST
from methods.presets.lookup import chosen
from methods.presets.singan import SINGAN, SinganSettings
from methods.search.optimise import each, generators
from methods.search.singan_resize import out_size, resize
from methods.search.singan_training import Pyramid


class SinGan:
    """The adapter: images in [0, 1] outside, [-1, 1] inside."""

    spec: ClassVar[Spec] = specs.SINGAN
    loops: ClassVar[tuple[str, ...]] = ("epochs steps",)
    any_threads: ClassVar[bool] = True

    def __init__(self, task: Task, settings: SinganSettings) -> None:
        """Take the task and the settings; there are no weights."""
        self.task = task
        self.settings = settings
        self.epochs = settings.schedule.epochs
        self.steps = settings.schedule.steps
        self.efforts: list[Effort] = []

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:  # noqa: ARG003 - no network is there before the image
        """Choose the settings of the task's preset."""
        return cls(task, chosen(SINGAN, task))

    @property
    def remark(self) -> str:
        """What was trained for each image."""
        scales = len(shape(self.task.lr_size, self.task.lr_size, self.task.factor)[0])
        schedule = self.settings.schedule
        return (
            f"trained on each LR image: {scales} scale{'s' * (scales > 1)} of {self.epochs} epochs "
            f"({self.steps} + {self.steps} steps), {schedule.channels} channels, rate {schedule.rate:g}"
        )

    def upscale(self, lr: Images) -> Images:
        """Train on each image and restore it."""
        together = self.settings.together
        sources = generators(lr, self.task.seed)
        parts = [(lr[at : at + together], sources[at : at + together]) for at in range(0, len(lr), together)]
        restored = torch.cat(each(parts, lambda part: self._restore(*part), lr.device))
        self.efforts = self._efforts(restored)
        return restored

    def _restore(self, lr: Images, sources: Sequence[torch.Generator]) -> Images:
        """Restore images that are trained side by side."""
        pyramid = untrained(lr * 2 - 1, self.task.factor, sources)
        pyramid.train(replace(self.settings.schedule, epochs=self.epochs, steps=self.steps))
        return (enlarge(pyramid, self.task.factor) + 1) / 2

    def _efforts(self, sr: Images) -> list[Effort]:
        """Return what each image cost: the generator's passes, the reconstruction's being passes of their own."""
        scales = len(shape(self.task.lr_size, self.task.lr_size, self.task.factor)[0])
        steps = self.epochs * self.steps
        backward = 2 * steps * scales
        draws = (steps + 1) * scales * (scales - 1) // 2  # through the scales below: one a step, one to reconstruct
        forward = steps * scales + backward + draws + stages(self.task.factor)[0]
        known = [True] * len(sr) if sr.is_meta else sr.isfinite().flatten(1).all(1).tolist()
        return [Effort(forward, backward, "" if good else "the training diverged: NaN or infinite") for good in known]


def stages(factor: int) -> tuple[int, float]:
    """Return k, how often an image is enlarged to reach the factor, and by how much each time: about 2^(1/3)."""
    count = round(math.log(1 / factor, 0.5 ** (1 / 3)))
    return count, factor ** (1 / count)


def shape(height: int, width: int, factor: int) -> tuple[list[tuple[int, int]], float]:
    """Return the pyramid's (height, width) at each scale, coarsest first, and the ratio of one scale to the next.

    Released: the shorter side is 18 px at the coarsest scale, and the ratio is that of the enlargements or a little
    nearer to 1. Ours at 18 px and below: one scale, the image itself, and the ratio of the enlargements.
    """
    shorter, step = min(height, width), 1 / stages(factor)[1]
    if shorter <= SMALLEST:
        return [(height, width)], step
    above = int(math.log(SMALLEST / shorter, step)) + 1
    ratio = (SMALLEST / shorter) ** (1 / above)
    scales = [ratio**power for power in range(above, -1, -1)]
    return [(out_size(height, scale), out_size(width, scale)) for scale in scales], ratio


def untrained(image: Images, factor: int, sources: Sequence[torch.Generator]) -> Pyramid:
    """Return the pyramid of pictures in [-1, 1], to be trained; the finest are truncated to 8 bit only."""
    height, width = image.shape[-2:]
    sides, ratio = shape(height, width, factor)
    powers = range(len(sides) - 1, -1, -1)
    reals = [resize(image, ratio**power, *side) for power, side in zip(powers, sides, strict=True)]
    start = resize(resize(reals[0], ratio), 1 / ratio, *sides[0]) if len(sides) == 1 else None
    return Pyramid(reals, ratio, sources, start)


@torch.no_grad()
def enlarge(pyramid: Pyramid, factor: int) -> Images:
    """Return the finest picture of a trained pyramid, `factor` times larger, in [-1, 1].

    Every enlargement gets new noise, as strong as in training, and the finest generator. The sizes are rounded up each
    time, so what is too much at the right and the bottom is cut off in the end.
    """
    finest, made = pyramid.scales[-1], pyramid.reals[-1]
    height, width = (side * factor for side in made.shape[-2:])
    count, step = stages(factor)
    for index in range(count):
        made = resize(made, step)
        noise = pyramid.noise(made, grey=index == 0)
        made = finest.generator(finest.amplitude * noise + made, made)
    return made[..., :height, :width]
