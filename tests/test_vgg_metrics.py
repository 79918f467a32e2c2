"""LPIPS-VGG and DISTS against their authors' packages on the same weights, and where the file is looked for."""

import pytest
import torch

from bench.scores import metric_networks, vgg_metrics
from bench.scores.metrics import METRICS
from bench.spec import MissingWeights, TooSmall

from .test_metrics import images, noisy, pattern

CPU = torch.device("cpu")


# made by DISTS of package DISTS-pytorch 0.1 and by lpips.LPIPS(net="vgg") of 0.1.4, nothing of ours in between
STORED = [
    (64, 64, 0.07226133346557617, 0.19846689701080322),
    (96, 72, 0.08762609958648682, 0.2301846444606781),
    (16, 16, 0.020798027515411377, 0.02201984077692032),
]
PUBLISHED = [(64, 64, 0.3571138381958008, 0.4921700358390808), (96, 72, 0.39514410495758057, 0.5608417987823486)]
"""The same with the published weights of VGG16."""


@pytest.mark.parametrize(("height", "width", "dists", "lpips"), STORED)
def test_values_are_those_of_the_authors_packages(height, width, dists, lpips, vgg16_of_sines):
    sr, hr = pattern(height, width)
    assert vgg_metrics.dists(sr, hr).item() == pytest.approx(dists, abs=1e-6), "DISTS is not its authors'"
    assert vgg_metrics.lpips_vgg(sr, hr).item() == pytest.approx(lpips, abs=1e-6), "LPIPS-VGG is not its authors'"


@pytest.mark.weights
@pytest.mark.parametrize(("height", "width", "dists", "lpips"), PUBLISHED)
def test_values_of_the_published_file(height, width, dists, lpips):
    if lacking := metric_networks.lacks_vgg16():
        pytest.skip(lacking)
    sr, hr = pattern(height, width)
    assert vgg_metrics.dists(sr, hr).item() == pytest.approx(dists, abs=1e-5)
    assert vgg_metrics.lpips_vgg(sr, hr).item() == pytest.approx(lpips, abs=1e-5)


def test_identical_images_have_no_distance_and_more_noise_has_more(vgg16_of_sines):
    hr = images(2, 32, 24)
    for metric in (vgg_metrics.dists, vgg_metrics.lpips_vgg):
        assert metric(hr, hr).tolist() == [0, 0], "a table calls the ground truth exact by this value"
        little, much = (metric(noisy(hr, levels), hr) for levels in (5, 90))
        assert little.shape == (2,)
        assert (little > 0).all()
        assert (little < much).all()


def test_too_small_images_are_refused(vgg16_of_sines):
    for metric in (vgg_metrics.dists, vgg_metrics.lpips_vgg):
        with pytest.raises(TooSmall, match="at least 16 px"):
            metric(images(1, 15, 40), images(1, 15, 40))
    assert METRICS["dists"].refuses(8, 4), "the plan does not know it"


def test_the_file_is_the_users_and_is_named_when_it_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "mine"))
    for name in ("lpips_vgg", "dists"):
        assert "vgg16-397923af.pth" in METRICS[name].lacks(128)
        assert "~/mine, " in METRICS[name].lacks(128), "it does not say where the file was looked for"
    for folder in (tmp_path / "torch" / "hub" / "checkpoints", tmp_path / "mine"):
        folder.mkdir(parents=True)
        torch.save(
            {"features.0.bias": torch.ones(1), "classifier.0.bias": torch.ones(1)}, folder / "vgg16-397923af.pth"
        )
        assert metric_networks.vgg16_file().parent == folder, "the user's folder comes first, torchvision's last"
    assert "sha256" in METRICS["dists"].lacks(128), "a damaged file is taken for VGG16"
    metric_networks.vgg16.cache_clear()
    with pytest.raises(MissingWeights, match="sha256"):
        metric_networks.vgg16(CPU)
    digest = metric_networks.shipped.sha256(metric_networks.vgg16_file())
    monkeypatch.setitem(metric_networks.SHA256, "vgg16-397923af.pth", digest[:8])
    assert METRICS["dists"].lacks(128) == ""
    assert list(metric_networks.vgg16(CPU)) == ["features.0.bias"]
    metric_networks.vgg16.cache_clear()
