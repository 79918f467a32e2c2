"""What the tests of training share: recipes of a few images."""

import pytest
import torch

from methods.presets.bank import BankRecipe, BankStage
from methods.presets.restorer import RestorerRecipe
from methods.presets.sizes import SIZES
from methods.training import ingredients, queue
from methods.training.bank import growth
from methods.weights import folders

from .test_bank import CPU, TINY


@pytest.fixture(autouse=True)
def float32(monkeypatch) -> None:
    """Trainings are compared with float32 by hand, on CPUs that multiply in bfloat16 as on all others."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)


@pytest.fixture
def settings(tmp_path, monkeypatch) -> queue.TrainingSettings:
    """Tiny recipes for the real profile, and the files in the test's own folder."""
    monkeypatch.setitem(SIZES, "mini", TINY)
    recipe = BankRecipe(stages=(BankStage(8, 16, 8), BankStage(128, 8, 4)), gamma=0.1, half_life=50)
    monkeypatch.setattr(ingredients, "bank_recipes", lambda *_: {"mini": recipe})
    monkeypatch.setattr(
        ingredients, "restorer_recipes", lambda *_: {"mini": RestorerRecipe(images=4, batch=2, crop=32)}
    )
    monkeypatch.setattr(folders, "SHIPPED", tmp_path)
    (tmp_path / "mini").mkdir()
    monkeypatch.setattr(ingredients, "_VGG_LAYER", 0)
    monkeypatch.setattr(growth, "_STEPS", 2)
    vgg = tmp_path / "vgg.pt"
    torch.save({"features.0.weight": torch.randn(64, 3, 3, 3), "features.0.bias": torch.zeros(64)}, vgg)
    return queue.TrainingSettings(device=CPU, runs=tmp_path / "runs", pool=8, vgg16=vgg)
