"""The bank that a GLEAN is made around: a StyleGAN2 or a StyleGAN of its category, or one BigGAN for several.

Of which kind it is, a task says (the `bank` of its card) or its preset does; `glean.biggan` is named after its own.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from bench.spec import BenchError, Task
from methods.formats import biggan as biggan_format
from methods.formats import stylegan_pggan
from methods.nets.biggan import BigGAN
from methods.nets.biggan_bank import BigGANBank
from methods.nets.stylegan import StyleGAN
from methods.nets.synthesis import Synthesis
from methods.presets.biggan import METHOD, biggan
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights import load as weights
from methods.weights import stylegan2_bank
from methods.weights.trained import GLEAN

Kind: TypeAlias = Literal["stylegan", "stylegan2", "biggan"]
_OWNERS: Mapping[Kind, str] = {"stylegan": f"{GLEAN}.stylegan", "stylegan2": GLEAN, "biggan": METHOD}
"""Under which method's name a kind's files are looked for."""


def kind(method: str, task: Task) -> Kind:
    """Return of which kind the bank of a GLEAN is, by its spec's name."""
    if method == METHOD:
        return "biggan"
    return task.bank or chosen(SIZES, task).bank


def find(method: str, task: Task) -> Path:
    """Return the bank's file. Raises as `load.find`."""
    return weights.find(_OWNERS[kind(method, task)], task, part="bank")


def load(method: str, task: Task, device: torch.device) -> Synthesis:
    """Return the bank of a GLEAN, by its spec's name, frozen; on the meta device no file is read.

    Raises `MissingWeights` if its file is not on this machine, `BenchError` if it is of something else, makes images of
    another size than the task's, or has no class for its category.
    """
    wanted = kind(method, task)
    if wanted == "stylegan2":
        return stylegan2_bank.load(GLEAN, task, device).synthesis
    read = partial(_read_biggan, task=task) if wanted == "biggan" else _read_stylegan
    found = weights.bank(_OWNERS[wanted], task, device, build=partial(build, method), read=read)
    if found.size != task.hr_size:
        raise BenchError(f"the bank makes images of {found.size} px, the task asks for {task.hr_size}.")
    return found


def build(method: str, task: Task) -> Synthesis:
    """Return a bank with random weights for a task; kind and sizes are those of its preset.

    Raises `BenchError` if no bank of the kind is for the task.
    """
    wanted = kind(method, task)
    if wanted == "biggan":
        recipe = biggan(task)
        recipe.label(task.category)
        return BigGANBank(BigGAN(**{**recipe.generator, "classes": 1}))
    sizes = chosen(SIZES, task).stylegan2(task.hr_size)
    if wanted == "stylegan":
        return StyleGAN(**sizes).synthesis
    return stylegan2_bank.build(task).synthesis


def _read_stylegan(state: Mapping[str, Any]) -> Synthesis:
    return stylegan_pggan.stylegan(state).synthesis


def _read_biggan(state: Mapping[str, Any], task: Task) -> Synthesis:
    recipe = biggan(task)
    return BigGANBank(biggan_format.of_class(state, recipe.label(task.category), of=len(recipe.classes)))
