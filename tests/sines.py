"""VGG16 with weights that are the same on every machine: the published file is 528 MB."""

import math
from functools import cache

import torch

WIDTHS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
          17: (256, 512), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512)}  # fmt: skip


@cache
def vgg16():
    """features.<number>.{weight,bias}, as torchvision names them, of a size that keeps features as large as images."""
    found = {}
    for number, (into, out) in WIDTHS.items():
        wave = torch.sin(torch.arange(out * into * 9, dtype=torch.float64).square().remainder(7919) + number)
        found[f"features.{number}.weight"] = (wave * math.sqrt(4 / (into * 9))).float().view(out, into, 3, 3)
        found[f"features.{number}.bias"] = (torch.arange(out) % 7 / 100).float()
    return found
