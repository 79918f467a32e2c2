"""Pictures of any size through methods that take squares."""

import numpy as np
import pytest
import torch
from PIL import Image

from bench import memory, resize, tiles
from bench.images import photos
from bench.running.runner import Local
from bench.spec import BenchError, MissingWeights, Spec, Task, TooSmall
from methods.bicubic import Bicubic


class Eight(Bicubic):
    """Bicubic that, like a network, takes inputs of 8 x 8 pixels alone."""

    spec = Spec(name="eight", title="Eight", family="test", paper="none", factors=(4,))

    @classmethod
    def load(cls, task, device):
        if task.lr_size != 8:
            raise MissingWeights(f"there is no network of eight for {task.hr_size} px")
        return super().load(task, device)


def task(hr_size) -> Task:
    return Task("mini", "face", 4, hr_size, preset="mini")


def smooth(height, width) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([x, y, (x + y) / 2])[None]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 9), (20, 13), (31, 64)])
def test_tiles_cover_a_picture_of_any_size_without_seams(height, width):
    """A picture that is not square was refused at the end of the work."""
    lr = smooth(height, width)
    made = tiles.enlarged(Local(Eight), lr, 4, 32, task)
    assert made.image.shape == (3, 4 * height, 4 * width)
    assert made.side == 8
    wanted = resize.upsample(lr, 4)[0]
    assert (made.image / 255 - wanted)[:, 8:-8, 8:-8].abs().max() < 0.02, "a tile lies in another's place"
    assert made.image.float().diff(dim=-1).abs().max() < 255 / width + 8, "there is a seam between tiles"


def test_a_method_of_any_size_gets_the_largest_squares():
    assert tiles.enlarged(Local(Bicubic), smooth(20, 30), 4, 32, task).side == 20


@pytest.mark.parametrize(
    ("shape", "words"),
    [((5, 90), "take pictures from 8 x 8 pixels"), ((4800, 4800), "at most 250 x 250 pixels, or a smaller --factor")],
)
def test_what_does_not_fit_is_refused_before_any_work(monkeypatch, shape, words):
    """4800 px ended in `knows no network of ...`."""
    monkeypatch.setattr(memory, "largest_side", lambda: 1000)
    monkeypatch.setattr(Eight, "upscale", lambda *_: pytest.fail("it was begun"))
    with pytest.raises(TooSmall, match=words):
        tiles.enlarged(Local(Eight), torch.zeros(1, 3, *shape), 4, 32, task)


def test_a_failure_is_told():
    class Bad(Eight):
        def upscale(self, lr):
            raise ValueError("no such face")

    with pytest.raises(BenchError, match="no such face"):
        tiles.enlarged(Local(Bad), smooth(9, 20), 4, 32, task)


@pytest.mark.parametrize("method", ["bicubic", "glean"])
def test_upscale_takes_what_is_not_square_and_says_what_it_did(bench, tmp_path, method):
    picture = (smooth(9, 14)[0].permute(1, 2, 0) * 255).byte().numpy()
    Image.fromarray(np.ascontiguousarray(picture)).save(tmp_path / "lr.png")
    status, out, err = bench("upscale", tmp_path / "lr.png", tmp_path / "sr.png", "--method", method)
    assert status == 0
    assert f"written: {tmp_path / 'sr.png'}, 224 x 144 pixels, in " in out
    assert photos.read(tmp_path / "sr.png").shape == (3, 144, 224)
    assert ("trained on small drawn images" in err) == (method == "glean")


def test_upscale_restores_a_picture_that_keeps_its_size(bench, tmp_path):
    """Networks for denoising and the like could be measured and not used."""
    noisy = (smooth(130, 128)[0].permute(1, 2, 0) * 200).byte().numpy() + np.random.default_rng(0).integers(
        0, 55, (130, 128, 3), "uint8"
    )
    Image.fromarray(noisy).save(tmp_path / "noisy.png")
    words = ("upscale", tmp_path / "noisy.png", tmp_path / "clean.png", "--method", "glean", "--factor", 1)
    status, _, err = bench(*words)
    assert status != 0
    assert "made small, so not at 1x" in err
    for method in ("bicubic", "pulse"):
        status, _, err = bench(*words[:4], method, "--mixture", "blind")
        assert (status, "leave it out" in err) == (2, True), "it would be restored as if nothing had been asked"
    assert bench(*words, "--mixture", "tasks")[0] == 0
    roughness = [photos.read(tmp_path / name).float().diff(dim=-1).abs().mean() for name in ("noisy.png", "clean.png")]
    assert roughness[1] < roughness[0] / 2, "the noise is still there"
