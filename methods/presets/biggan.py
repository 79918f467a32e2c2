"""The class-conditional BigGAN that is one bank for several categories (methods/training/biggan.py), by preset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.spec import BenchError, Task

NAME = "biggan"
"""As what it is trained, and of what its files have their names."""
METHOD = f"glean.{NAME}"
"""The GLEAN around it, by its spec's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BigganRecipe:
    """Its sizes, and how it is trained.

    Rates and betas of Adam: A. Brock et al., ICLR 2019, Appendix C, took (0, 0.999), 5e-5 and 2e-4 for batches of 2048,
    and two steps of the discriminator for one of the generator; H. Zhang et al., "Self-attention GANs", ICML 2019, 1e-4
    and 4e-4 for batches of 256, and one. `mini` has small batches and narrow layers, which take higher ones.
    """

    classes: tuple[str, ...]
    """Categories; a category's place is its class."""
    size: int
    """Side of the images in px."""
    channels: int
    widest: int
    """Channels of a layer of the generator, at most."""
    critic_channels: int
    critic_widest: int
    """The same of the discriminator, which the bank's size does not bound."""
    attention: int = 64
    """Side in px of the features that attention works on."""
    z_dim: int
    embedding: int
    images: int
    """Shown in all."""
    batch: int
    """At once, as many of each class."""
    rate: float = 1e-4
    """Learning rate of Adam for the generator."""
    critic_rate: float = 4e-4
    """Of the discriminator."""
    constant: float = 1.0
    """The share of the steps with these rates; from there on both fall to 0 in a straight line."""
    betas: tuple[float, float] = (0.0, 0.999)
    half_life: int
    """Images in which the moving average of the generator forgets half."""
    standing: int = 16
    """Batches whose mean statistics the norms of the average store (Brock et al., Appendix C: standing statistics)."""

    @property
    def generator(self) -> dict[str, Any]:
        """Return the arguments of `nets.biggan.BigGAN`."""
        return {
            "size": self.size,
            "channels": self.channels,
            "widest": self.widest,
            "attention": self.attention,
            "classes": len(self.classes),
            "z_dim": self.z_dim,
            "embedding": self.embedding,
        }

    @property
    def discriminator(self) -> dict[str, Any]:
        """Return the arguments of `nets.biggan.BigGANDiscriminator`."""
        return {
            "size": self.size,
            "channels": self.critic_channels,
            "widest": self.critic_widest,
            "attention": self.attention,
            "classes": len(self.classes),
        }

    def label(self, category: str) -> int:
        """Return the class of a category. Raises `BenchError` if it is none of them."""
        if category not in self.classes:
            raise BenchError(f"the BigGAN has no class {category!r}; its classes are: {', '.join(self.classes)}.")
        return self.classes.index(category)


_MINI = BigganRecipe(
    classes=("face", "cat", "car", "bedroom", "tower"),
    size=128,
    channels=16,
    widest=20,
    critic_channels=8,
    critic_widest=48,
    attention=32,
    z_dim=60,
    embedding=16,
    images=72_000,
    batch=15,
    rate=5e-4,
    critic_rate=1e-3,
    constant=2 / 3,
    half_life=10_000,
)
"""Few images, as from somewhere between 50,000 and 110,000 on all of a class were alike (docs/training.md). Widths are
set by GLEAN's files, which grow with their square, by GLEAN's cost, to be like that around a StyleGAN2, and by a CPU.
Attention as published, at 64 px, weighs 1,024 places for each of 4,096, and would cost a step ten times all the rest.
"""

BIGGAN: Mapping[str, BigganRecipe] = {"mini": _MINI}


def biggan(task: Task) -> BigganRecipe:
    """Return the BigGAN of a task's preset. Raises `BenchError` if there is none, or one of another size."""
    if task.preset not in BIGGAN:
        raise BenchError(f"a BigGAN bank is trained for the preset {', '.join(BIGGAN)} alone, not for {task.preset}.")
    found = BIGGAN[task.preset]
    if found.size != task.hr_size:
        raise BenchError(f"the BigGAN bank makes images of {found.size} px, the task asks for {task.hr_size}.")
    return found
