"""The beginning of a training: methods with the weights that they are trained from."""

from pathlib import Path

import torch

from bench import reference_images
from bench.spec import BenchError, Task
from methods import dfdnet, specs
from methods.dfdnet import Dfdnet
from methods.esrgan_plus import EsrganMse, EsrganPlus, esrgan_network
from methods.glean import ABLATIONS, Biggan, Glean, UnfrozenBank, glean_network
from methods.presets import biggan
from methods.presets.dfdnet import DFDNET
from methods.presets.lookup import chosen
from methods.presets.mixtures import MIXTURES, parted, unfit
from methods.srgan import Srgan, srgan_network
from methods.training.photographs import card_of
from methods.weights import glean_bank

_VARIANTS: tuple[type[Glean], ...] = (Glean, *ABLATIONS, Biggan)
GLEANS = {method.spec.name: method for method in _VARIANTS}
_OTHERS = (specs.ESRGAN_PLUS, specs.ESRGAN_MSE, specs.SRGAN, specs.DFDNET, specs.SRNTT)
_TRAINED = (*GLEANS, *(spec.name for spec in _OTHERS))


def untrained(name: str, task: Task, train_data: Path | None = None) -> Glean | EsrganPlus | Srgan | Dfdnet:
    """Return a method, by its spec's name, as its training begins: random weights, GLEAN's around the trained bank.

    What its images go through may stand behind the name, as in `glean.blind`.
    `train_data`: where the training images are, if not where the card says; DFDNet's dictionaries are made of them.

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
    if method == Dfdnet.spec.name:
        return _dfdnet(task, train_data)
    raise BenchError(
        f"there is no training for {name!r}; it must be one of {', '.join(('bank', biggan.NAME, *_TRAINED))}, or one "
        f"of these but the banks and {specs.SRNTT.name} with what its images go through behind it: "
        f"{', '.join(f'{Glean.spec.name}.{mixture}' for mixture in MIXTURES)}."
    )


def check(name: str, task: Task) -> None:
    """Raise `BenchError` for a factor or a category that what is trained is not for, before anything is made for it."""
    method, _ = parted(name)
    if method not in _TRAINED:
        return
    if refusal := specs.BY_NAME[method].refuses(task):
        raise BenchError(f"{refusal}; no table could use what is trained.")
    if method == biggan.METHOD:
        biggan.biggan(task).label(task.category)
    if refusal := unfit(name, task.factor):
        raise BenchError(f"{refusal}; take {'another --factor' if task.factor == 1 else '--factor 1'}.")


def _glean(method: type[Glean], task: Task) -> Glean:
    """Return a GLEAN around its bank, which is frozen but for `glean.unfrozen-bank`."""
    bank = glean_bank.load(method.spec.name, task, torch.device("cpu"))
    made = method(glean_network(task, method.switches, bank))
    made.network.bank.requires_grad_(requires_grad=method is UnfrozenBank)
    return made


def _dfdnet(task: Task, train_data: Path | None) -> Dfdnet:
    """Return a DFDNet around the discriminator of the category's bank, with dictionaries of training images."""
    numbers = chosen(DFDNET, task)
    if numbers.published:
        raise BenchError(
            f"the DFDNet of the preset {task.preset} is the published network, which is not trained here; small ones "
            "are, of --profile mini and portraits."
        )
    levels = dfdnet.extractor(task, torch.device("cpu"))
    images = reference_images.of_card(card_of(task, train_data), numbers.images)
    places = dfdnet.boxes(task, task.hr_size)
    made = dfdnet.dictionary(levels, images, places, centres=numbers.centres, rounds=numbers.rounds)
    return Dfdnet(dfdnet.dfdnet_network(task, made), task)
