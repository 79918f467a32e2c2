"""How and where networks are trained."""

from dataclasses import dataclass
from pathlib import Path

import torch

from methods.training.drawn import POOL
from methods.training.items import Item
from methods.weights import trained


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSettings:
    """How and where everything is trained."""

    device: torch.device
    seed: int = 0
    runs: Path = Path("runs")
    """For checkpoints, logs and samples, a folder for each item."""
    out: Path | None = None
    """For the weight files; None: where the profile looks for them."""
    pool: int = POOL
    """Scenes that are kept in memory on a CPU."""
    vgg16: Path | None = None
    """Weights for the perceptual loss; None: the published file, where weight files are looked for."""
    train_data: Path | None = None
    """The training images, a folder of photographs or a database; None: those of the card."""
    batch_size: int | None = None
    """Images at once in a process; None: all that it has of the recipe's batch."""

    def folder(self, item: Item) -> Path:
        """Return where an item's weight files go."""
        return self.out or trained.folder(item.task.profile, item.task.preset)
