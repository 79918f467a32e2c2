"""Random weights in every layout of the catalogue, under the published names; and a catalogue with their checksums."""

import copyreg
import hashlib
import json
import pickle
import sys
import tomllib

import pytest
import torch
from torch import nn

from methods.nets.biggan import BigGAN, BigGANDiscriminator
from methods.nets.rrdbnet import RRDBNet
from methods.nets.srresnet import MSRResNet
from methods.nets.vgg16 import Vgg16
from methods.weights import catalogue

from .. import test_checkpoints as stylegan2
from ..test_formats_esrgan import written as rrdb
from ..test_formats_srresnet import mmagic as srresnet
from ..test_nets_stylegan import genforce, pulse
from ..test_unpickle import module

UNREAD = ("basicsr-dfdnet", "tensorlayer-srntt", "matconvnet-vgg19")
"""Layouts in the catalogue that are not rehearsed: tests of their readers write them (test_formats_dfdnet, _srntt)."""
_PERCEPTUAL = 21  # the last layer of VGG16 that is used


def channels(side) -> dict[int, int]:
    """Narrow networks."""
    return {4 << stage: max(4, 12 - 2 * stage) for stage in range(side.bit_length() - 2)}


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


def _generator(side):
    return stylegan2.StyleGAN2(size=side, channels=channels(side), style_dim=16, mapping_layers=3)


def _discriminator(side):
    return stylegan2.StyleGAN2Discriminator(size=side, channels=channels(side))


def _glean(file, side):
    state = stylegan2.glean_state(channels(side), side // file.factor)[1]
    return {"state_dict": {name: value / 8 for name, value in state.items()}}  # at 1024 px there would be infinities


def _mmagic_bank(file, side):
    generator, judge = stylegan2.mmagic(_generator(side)), stylegan2.d_mmagic(_discriminator(side))
    both = prefixed(generator, "generator_ema.") | prefixed(judge, "discriminator.")
    return {"meta": {"iter": 1}, "state_dict": both}


def _basicsr_bank(file, side):
    if file.part == "discriminator":
        return {"params": stylegan2.d_basicsr(_discriminator(side))}
    return {"params_ema": stylegan2.basicsr(_generator(side))}


def _pulse(file, side):
    both = pulse(genforce(stages=len(channels(side))), stages=len(channels(side)))
    return {name: value for name, value in both.items() if name.startswith("dense") == (file.part == "mapping")}


def _pggan(file, side):
    network = stylegan2.pggan.PGGAN(size=side, channels=channels(side), z_dim=16)
    return {"generator_smooth": stylegan2.mganprior(network, "weight", "bias"), "generator": {}}


def _biggan(file, side):
    size = 128 if "128" in file.name else 256
    return (BigGANDiscriminator if file.part == "discriminator" else BigGAN)(size=size, channels=2).state_dict()


def _rrdb(layout):
    return lambda file, side: rrdb(RRDBNet(factor=4, channels=8, blocks=1, growth=4), layout)


LAYOUTS = {
    "mmagic-glean": _glean,
    "pulse-stylegan1": _pulse,
    "genforce-stylegan1": lambda file, side: {"generator_smooth": genforce(stages=len(channels(side)))},
    "genforce-pggan": _pggan,
    "mmagic-stylegan2": _mmagic_bank,
    "basicsr-stylegan2": _basicsr_bank,
    "rosinality-stylegan2": lambda file, side: {"g_ema": stylegan2.rosinality(_generator(side))},
    "nvidia-ada": lambda file, side: {
        "G_ema": stylegan2.nvidia(_generator(side)), "D": stylegan2.d_nvidia(_discriminator(side))
    },
    "dgp-biggan": _biggan,
    "mmagic-rrdb": _rrdb("mmagic"),
    "basicsr-rrdb": _rrdb("basicsr"),
    "xinntao-rrdb": _rrdb("xinntao"),
    "mmagic-srresnet": lambda file, side: {"state_dict": srresnet(MSRResNet(factor=4, channels=8, blocks=1))},
    "torchvision-vgg16": lambda file, side: Vgg16(layer=_PERCEPTUAL).state_dict(),
}  # fmt: skip


@torch.no_grad()
def write(folder, cards, side=None, only=lambda file: True) -> str:
    """Write the files that `only` chooses, and return the catalogue.

    With a `side`, those of a card's own size are of that many pixels instead.
    """
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    texts = []
    for entry in tomllib.loads(catalogue._CATALOGUE.read_text())["file"]:
        file = catalogue._entry(0, entry)
        fits = file.category in cards and file.hr_size == cards[file.category].hr_size
        told = entry | ({"hr_size": side} if side and fits else {})
        if file.layout not in UNREAD and file.preset == "paper" and only(file):
            _save(LAYOUTS[file.layout](file, side or file.hr_size), folder / file.name)
            told["sha256"] = hashlib.sha256((folder / file.name).read_bytes()).hexdigest()
        texts.append("\n".join(["[[file]]", *(f"{key} = {json.dumps(value)}" for key, value in told.items())]))
    return "\n\n".join(texts)


def _save(checkpoint, path) -> None:
    if path.suffix == ".pkl":
        _pickle(checkpoint, path)
    else:
        torch.save(_detached(checkpoint), path)


def _detached(values):
    return {
        name: _detached(value) if isinstance(value, dict) else value.detach() if torch.is_tensor(value) else value
        for name, value in values.items()
    }


def _pickle(networks, path) -> None:
    """Write networks as StyleGAN2-ADA does: modules whose classes come as source text."""
    with pytest.MonkeyPatch.context() as patch:
        module(patch, "torch_utils.persistence", _reconstruct_persistent_obj=lambda meta: None)
        rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj

        def reduced(part):
            state = part.__dict__ | {"_init_args": (), "_init_kwargs": {}}
            return rebuild, ({"type": "class", "version": 6, "module_src": "", "class_name": "G", "state": state},)

        patch.setitem(copyreg.dispatch_table, nn.Module, reduced)
        path.write_bytes(pickle.dumps({name: _tree(_detached(state)) for name, state in networks.items()}))


def _tree(state) -> nn.Module:
    """Entries as modules within modules."""
    root = nn.Module()
    for name, value in state.items():
        *parents, last = name.split(".")
        at = root
        for parent in parents:
            if parent not in at._modules:
                at.add_module(parent, nn.Module())
            at = at._modules[parent]
        at.register_buffer(last, value)
    return root
