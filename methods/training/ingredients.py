"""What a training is made of: its recipe, its key, its networks and the files that these begin with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench import cards
from bench.spec import BenchError, MissingWeights, Task
from methods.dfdnet import Dfdnet
from methods.formats import stylegan2, unpickle, vgg16
from methods.presets import biggan
from methods.presets.bank import bank_recipes
from methods.presets.dfdnet import DFDNET
from methods.presets.lookup import chosen
from methods.presets.mixtures import parted
from methods.presets.restorer import RestorerRecipe, restorer_recipes
from methods.presets.sizes import SIZES
from methods.presets.srntt import SRNTT
from methods.srntt import Srntt, vgg_file
from methods.training import regression, restorer, transfer
from methods.training.bank.bank import BankTraining
from methods.training.biggan import BigganTraining
from methods.training.drawn import POOL, pooled
from methods.training.items import Item
from methods.training.key import Key
from methods.training.loop import Training
from methods.training.photographs import card_of
from methods.training.settings import TrainingSettings
from methods.training.share import Share
from methods.training.start import GLEANS, check, untrained
from methods.weights import catalogue, critic, glean_bank, load

_FIRST_SIDE = 4  # px, of a bank
_VGG_LAYER = 21  # conv4_3, before its ReLU


def key(item: Item, settings: TrainingSettings) -> Key:
    """Return what tells an item's training from others."""
    task = item.task
    matters = settings.pool != POOL and pooled(cards.card(task.profile, task.category), settings.device)
    pool = settings.pool if matters else None
    if item.what == biggan.NAME:
        recipe = biggan.biggan(task)
        return Key(task, settings.seed, recipe, (), pool, settings.train_data, categories=recipe.classes)
    if item.what == "bank":
        return Key(task, settings.seed, chosen(bank_recipes(task.hr_size), task), (), pool, settings.train_data)
    files = [] if item.of_pixels else [_critic(task)]
    if parted(item.what)[0] in GLEANS:
        files.append(glean_bank.find(parted(item.what)[0], task))
    if item.what == Srntt.spec.name:
        files.append(vgg_file(task))
    files += [] if item.of_pixels else _other_vgg16(task, settings)
    return Key(task, settings.seed, _recipe(item), tuple(files), pool, settings.train_data, **_own(item))


def _own(item: Item) -> dict[str, Any]:
    """Return what the weights of DFDNet and SRNTT depend on besides, as facts of `Key`; nothing of the others."""
    method, _ = parted(item.what)
    if method == Srntt.spec.name:
        return {"own": chosen(SRNTT, item.task)}
    if method == Dfdnet.spec.name:
        face_box = cards.card(item.task.profile, item.task.category).face_box
        return {"own": chosen(DFDNET, item.task), "face_box": face_box}
    return {}


def _recipe(item: Item) -> RestorerRecipe:
    """Return how a restorer is trained."""
    _, mixture = parted(item.what)
    found = replace(chosen(restorer_recipes(item.task.category, item.what), item.task), mixture=mixture)
    return found.of_pixels() if item.of_pixels else found


def start(item: Item, settings: TrainingSettings, share: Share) -> Training:
    """Return an item's training at its beginning. Raises `BenchError` for what cannot be trained."""
    task = item.task
    if item.what == biggan.NAME:
        return BigganTraining(biggan.biggan(task), settings.device, share=share)
    if item.what == "bank":
        if task.hr_size < _FIRST_SIDE or task.hr_size & (task.hr_size - 1):
            raise BenchError(
                f"a bank grows from {_FIRST_SIDE} px by doubling, and never has {task.hr_size} px; set the card's "
                "hr_size to a power of two."
            )
        stages = chosen(bank_recipes(task.hr_size), task)
        return BankTraining(stages, chosen(SIZES, task), settings.device, share=share)
    check(item.what, task)
    torch.manual_seed(share.seed)
    recipe = _recipe(item)
    if item.what == Srntt.spec.name:
        card = card_of(task, settings.train_data)
        return transfer.begin(task, card, *_judges(item, settings), recipe, device=settings.device, share=share)
    method = untrained(item.what, task, settings.train_data)
    if item.of_pixels:
        return regression.Regression(method, recipe, factor=task.factor, device=settings.device, share=share)
    return restorer.Restorer(
        method, *_judges(item, settings), recipe, factor=task.factor, device=settings.device, share=share
    )


def _judges(item: Item, settings: TrainingSettings) -> tuple[nn.Module, nn.Module]:
    """Return the discriminator and the VGG16 that a restorer's images are judged by."""
    return (
        stylegan2.discriminator(unpickle.load(_critic(item.task))),
        vgg16.vgg16(unpickle.load(settings.vgg16 or _vgg16(item.task)), layer=_VGG_LAYER),
    )


def _critic(task: Task) -> Path:
    """Return the discriminator of the category's bank."""
    return critic.path(replace(task, factor=1))


def _vgg16(task: Task) -> Path:
    """Return the published VGG16, which is the same for every preset and method.

    Raises `MissingWeights`, in the words of training: that it is mganprior's in the catalogue explains nothing here.
    """
    try:
        return load.find("mganprior", replace(task, preset="paper"), part="vgg16")
    except MissingWeights as error:
        (file, *_) = catalogue.fitting("mganprior", replace(task, preset="paper"), "vgg16")
        raise MissingWeights(
            f"the perceptual loss of training needs VGG16 ({file.name}), which is not on this machine or not whole. "
            f"Name it with --vgg16, or {catalogue.advice(file)}"
        ) from error


def _other_vgg16(task: Task, settings: TrainingSettings) -> list[Path]:
    """Return the VGG16 that was given, unless it is the published one. Raises `MissingWeights` if it is not there."""
    path = settings.vgg16
    if path is None:
        return []
    if not path.is_file():
        raise MissingWeights(f"there is no {path}; --vgg16 takes VGG16's weights in torchvision's names.")
    published = catalogue.fitting("mganprior", replace(task, preset="paper"), "vgg16")
    return [path] if all(catalogue.wrong(file, path) for file in published) else []
