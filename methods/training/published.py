"""What need not be trained: a published file does as well, if it is on this machine and can be read."""

from dataclasses import replace

import torch

import methods
from bench import origins
from bench.spec import BenchError
from methods.formats import stylegan2, unpickle
from methods.presets import biggan
from methods.training.items import Item
from methods.weights import load, stylegan2_bank

_CPU = torch.device("cpu")


def standing(item: Item) -> list[str]:
    """Return the names of the published files that make the training of an item needless; none if it is needed.

    They are read to see that they can be; a bank has them if its discriminator is published too.
    """
    task = replace(item.task, weights="published")
    try:
        with origins.listening() as read:
            if item.what == "bank":
                stylegan2_bank.load("glean", task, _CPU)
                stylegan2.discriminator(unpickle.load(load.find("dgp", task, part="discriminator")))
            elif item.what == biggan.NAME:
                return []  # none was published of the classes of a profile
            else:
                methods.find(item.what).load(task, _CPU)
    except BenchError:
        return []
    return list(dict.fromkeys(each.file for each in read))
