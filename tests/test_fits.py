"""Who asks for a size or a factor without weights is told which there are, and which of them is the nearest."""

from dataclasses import replace

import pytest

from bench.spec import MissingWeights, Task
from methods.weights import catalogue, load

TASK = Task("/home/ann/photos", "cat", 16, 512)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    files = [replace(file, sha256="") for file in catalogue.catalogue()]
    monkeypatch.setattr(catalogue, "catalogue", lambda: tuple(files))
    return tmp_path


def message(task=TASK, part="network") -> str:
    with pytest.raises(MissingWeights) as error:
        load.find("glean", task, part=part)
    return str(error.value)


def test_the_sizes_and_factors_that_have_weights_are_named_with_the_nearest(folder):
    assert "On this machine" not in message(), "there are none"
    (folder / "glean_cat_8x_20210614-d3ac8683.pth").touch()
    assert message().endswith(" On this machine are weights for 256 px at 8x.")
    (folder / "glean_cat_16x_20210527-68912543.pth").touch()
    assert message().endswith("for 256 px at 8x, 256 px at 16x; the nearest is 256 px at 16x.")
    assert ". On this machine are" in message(replace(TASK, factor=4)), "two sentences ran into one"
    assert "the nearest is 256 px at 8x." in message(replace(TASK, factor=4))
    assert "On this machine" not in message(replace(TASK, category="car")), "a cat's network is no car's"


def test_own_files_count_too(folder):
    for name in ("glean_cat_32x_512.safetensors", "bank_cat_256.safetensors", "glean_cat_16x_128_x.safetensors"):
        (folder / name).touch()
    assert message().endswith(" On this machine are weights for 512 px at 32x.")
    assert message(part="bank").endswith(" On this machine are weights for 256 px.")
