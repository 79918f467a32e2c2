"""The beginning of a training: methods with the weights that they are trained from."""

import torch

from bench.spec import BenchError, Task
from methods.esrgan_plus import EsrganMse, EsrganPlus, esrgan_network
from methods.glean import ABLATIONS, Glean, UnfrozenBank, glean_network
from methods.srgan import Srgan, srgan_network
from methods.weights import stylegan2_bank

_VARIANTS: tuple[type[Glean], ...] = (Glean, *ABLATIONS)
GLEANS = {method.spec.name: method for method in _VARIANTS}


def untrained(name: str, task: Task) -> Glean | EsrganPlus | Srgan:
    """Return a method, by its spec's name, as its training begins: random weights, GLEAN's around the trained bank.

    Raises `MissingWeights` if there is no bank yet, `BenchError` if nothing of this name is trained.
    """
    if name in GLEANS:
        return _glean(GLEANS[name], task)
    if name == EsrganPlus.spec.name:
        return EsrganPlus(esrgan_network(task))
    if name == EsrganMse.spec.name:
        return EsrganMse(esrgan_network(task))
    if name == Srgan.spec.name:
        return Srgan(srgan_network(task))
    known = ("bank", *GLEANS, EsrganPlus.spec.name, EsrganMse.spec.name, Srgan.spec.name)
    raise BenchError(f"there is no training for {name!r}; it must be one of {', '.join(known)}.")


def _glean(method: type[Glean], task: Task) -> Glean:
    """Return a GLEAN around the category's bank, which is frozen but for `glean.unfrozen-bank`."""
    bank = stylegan2_bank.load("glean", task, torch.device("cpu"))
    made = method(glean_network(task, method.switches, bank.synthesis))
    made.network.bank.requires_grad_(requires_grad=method is UnfrozenBank)
    return made
