"""VGG16 with weights that are the same on every machine, in the place of the published file, which is 528 MB."""

import hashlib
import math

import torch

from bench.scores import metric_networks

WIDTHS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
          17: (256, 512), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512)}  # fmt: skip


def weights():
    """Return features.<number>.{weight,bias}: sines of squares, as large as keeps an image's features as large as it."""
    found = {}
    for number, (into, out) in WIDTHS.items():
        count = out * into * 9
        wave = torch.sin(torch.arange(count, dtype=torch.float64).square().remainder(7919) + number)
        found[f"features.{number}.weight"] = (wave * math.sqrt(4 / (into * 9))).float().view(out, into, 3, 3)
        found[f"features.{number}.bias"] = (torch.arange(out) % 7 / 100).float()
    return found


def put(folder, monkeypatch):
    """Write them as the user's file, and take it for the published one."""
    path = folder / metric_networks.VGG16
    torch.save(weights(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(metric_networks.SHA256, metric_networks.VGG16, digest)
    monkeypatch.setenv("GLEAN_WEIGHTS", str(folder))
    metric_networks.vgg16.cache_clear()
    return path
