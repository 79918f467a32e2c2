"""How far generated images are from real ones: FID on the features that KID takes (bench/scores/kid.py).

M. Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017, Eq. 6. The figures compare our
files with each other, not with published FID, which is of Inception features.
"""

import torch
from torch import Tensor


def fid(a: Tensor, b: Tensor) -> float:
    """Return the Frechet distance of the normal distributions fitted to two sets of features (N, D)."""
    root = _root(a.T.cov())
    cross = torch.linalg.eigvalsh(root @ b.T.cov() @ root).clamp(min=0).sqrt().sum()
    between = (a.mean(0) - b.mean(0)).square().sum()
    return float(between + a.T.cov().trace() + b.T.cov().trace() - 2 * cross)


def _root(matrix: Tensor) -> Tensor:
    """Return the square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root
