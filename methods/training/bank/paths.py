"""The regularisation of path lengths: a change of a latent is to change the image by as much everywhere.

T. Karras et al., CVPR 2020, Sec. 3.2: the square of how far a length is from their running mean.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from methods.training.bank.part import Part
from methods.training.bank.terms import Terms
from methods.training.processes import Told, averaged

EVERY = 8  # steps
_DECAY, _WEIGHT = 0.01, 2.0


class Paths:
    """The running mean of path lengths, and the penalty."""

    def __init__(self, device: torch.device) -> None:
        """Begin at zero."""
        self.mean = torch.zeros((), device=device)

    def penalties(self, terms: Terms, parts: Sequence[Part]) -> Iterator[tuple[Tensor, Told]]:
        """Yield the penalty for each part of a batch, weighted as it comes in every so many-th step alone.

        Their mean over the whole batch comes before the first penalty, and the graphs of all parts together would not
        fit: so all parts but one are measured first, and painted once more for their penalty.
        """
        first, *others = parts
        measured = [terms.path_lengths(part.twin()).detach() for part in others]
        lengths = terms.path_lengths(first)
        self.mean.lerp_(averaged(torch.cat([lengths.detach(), *measured]).mean()), _DECAY)
        yield self._penalty(lengths)
        del lengths  # and with them what is left of their graph
        for part in others:
            yield self._penalty(terms.path_lengths(part))

    def _penalty(self, lengths: Tensor) -> tuple[Tensor, Told]:
        penalty = (lengths - self.mean).square().mean()
        return penalty * (_WEIGHT * EVERY), {"path": penalty.detach()}
