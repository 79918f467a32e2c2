"""Restored images from elsewhere as a row: what they are paired with, what is wrong with them, what they cost."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench import resize
from bench.running import handed


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def restored(inputs, target, change=lambda image: image, ending=".png") -> None:
    """A program of somebody else's: bicubic interpolation of every file, under the same name."""
    for path in sorted(inputs.rglob("x8/*.png")):
        lr = torch.from_numpy(read(path).copy()).permute(2, 0, 1)[None].double() / 255
        sr = resize.eight_bit(resize.upsample(lr, 8))[0].permute(1, 2, 0).numpy()
        place = (target / path.relative_to(inputs)).with_suffix(ending)
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(change(sr)).save(place)


@pytest.fixture
def table(tmp_path) -> str:
    """A table of one cheap method, one factor."""
    path = tmp_path / "one.toml"
    path.write_text("")
    return "table2"


@pytest.fixture
def theirs(bench, photos, tmp_path):
    """Inputs of the photographs, and what somebody made of them."""
    status, out, err = bench("inputs", tmp_path / "inputs", "--profile", photos, "--hr-size", 64, "--factor", 8)
    assert (status, err) == (0, "")
    assert "6 images" in out
    restored(tmp_path / "inputs", tmp_path / "theirs")
    return tmp_path / "theirs"
