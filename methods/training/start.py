"""The beginning of a training: methods with the weights that they are trained from."""

import torch

from bench.spec import BenchError, Task
from methods.esrgan_plus import EsrganMse, EsrganPlus, esrgan_network
from methods.glean import ABLATIONS, Biggan, Glean, UnfrozenBank, glean_network
from methods.presets import biggan
from methods.presets.mixtures import MIXTURES, parted
from methods.srgan import Srgan, srgan_network
from methods.weights import glean_bank

_VARIANTS: tuple[type[Glean], ...] = (Glean, *ABLATIONS, Biggan)
GLEANS = {method.spec.name: method for method in _VARIANTS}


def untrained(name: str, task: Task) -> Glean | EsrganPlus | Srgan:
    """Return a method, by its spec's name, as its training begins: random weights, GLEAN's around the trained bank.

    What its images go through may stand behind the name, as in `glean.grey`.

    Raises `MissingWeights` if there is no bank yet, `BenchError` if nothing of this name is trained.
    """
    method, _ = parted(name)
    if method in GLEANS:
        return _glean(GLEANS[method], task)
    if method == EsrganPlus.spec.name:
        return EsrganPlus(esrgan_network(task))
    if method == EsrganMse.spec.name:
        return EsrganMse(esrgan_network(task))
    if method == Srgan.spec.name:
        return Srgan(srgan_network(task))
    known = ("bank", biggan.NAME, *GLEANS, EsrganPlus.spec.name, EsrganMse.spec.name, Srgan.spec.name)
    raise BenchError(
        f"there is no training for {name!r}; it must be one of {', '.join(known)}, or one of these but the banks with "
        f"what its images go through behind it: {', '.join(f'{Glean.spec.name}.{mixture}' for mixture in MIXTURES)}."
    )


def _glean(method: type[Glean], task: Task) -> Glean:
    """Return a GLEAN around its bank, which is frozen but for `glean.unfrozen-bank`."""
    bank = glean_bank.load(method.spec.name, task, torch.device("cpu"))
    made = method(glean_network(task, method.switches, bank))
    made.network.bank.requires_grad_(requires_grad=method is UnfrozenBank)
    return made
