"""No training takes up what another has made: runs are told apart, and weights say of which training they are."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench import cards
from bench.spec import BadFile, MissingWeights, Task
from methods.presets.bank import BankRecipe, BankStage
from methods.training import __main__ as command
from methods.training import feed, ingredients, items, queue, run
from methods.training.items import Item
from methods.training.key import Key

from .test_feed import shades
from .test_queue import FACE

RECIPE = BankRecipe(stages=(BankStage(8, 16, 8),), gamma=0.1, half_life=50, noise=False)


@pytest.fixture(autouse=True)
def short(settings, monkeypatch) -> None:
    """Two steps at 8 px: what is trained does not matter here."""
    monkeypatch.setattr(ingredients, "bank_recipes", lambda _: {"mini": RECIPE})


def trained(settings, tmp_path, name, **changes) -> tuple[bytes, Path]:
    """Train with weight files of its own; return them, and the folder of the run."""
    told = replace(settings, out=tmp_path / name, **changes)
    before = set(settings.runs.glob("*/*"))
    assert queue.train(FACE, told)
    (folder,) = set(settings.runs.glob("*/*")) - before
    return (tmp_path / name / FACE.file("bank")).read_bytes(), folder


@pytest.mark.slow
def test_another_seed_is_another_run(settings, tmp_path):
    """`--seed 1` after seed 0 wrote the weights of seed 0, with `seed: 1` in their header."""
    zero, first = trained(settings, tmp_path, "zero")
    one, second = trained(settings, tmp_path, "one", seed=1)
    assert first.name.startswith("bank_face-"), "the folder cannot be told by eye"
    assert first != second
    facts = items.facts(tmp_path / "one" / FACE.file("bank"))
    assert facts["seed"] == 1
    fresh, _ = trained(replace(settings, runs=tmp_path / "elsewhere"), tmp_path, "fresh", seed=1)
    assert weights(one) == weights(fresh) != weights(zero), "the weights are another seed's"


def weights(content) -> bytes:
    """The part of a safetensors file behind its header."""
    return content[8 + int.from_bytes(content[:8], "little") :]


def test_two_folders_of_one_name_do_not_share_a_run(settings, tmp_path):
    """A second folder named `photos` got the bank of the first."""
    found = []
    for parent, shade in (("ann", 40), ("ben", 200)):
        shades(tmp_path / parent / "photos" / "face", shade, shade + 1)
        card = 'title = "Face"\nhr_size = 32\nreader = "folder"\nsource = "face"\ntest_set = ""\ntrain_set = ""\n'
        (tmp_path / parent / "photos" / "face.toml").write_text(card + 'test_images = 1\npreset = "mini"\n')
        item = Item("bank", Task(str(tmp_path / parent / "photos"), "face", 1, 32, preset="mini"))
        assert queue.train(item, settings)
        found.append((tmp_path / parent / "photos" / "weights" / item.file("bank")).read_bytes())
    assert weights(found[0]) != weights(found[1])
    assert len(list((settings.runs / "photos").iterdir())) == 2
    (tmp_path / "link").symlink_to(tmp_path / "ann" / "photos")
    linked = Item("bank", replace(item.task, profile=str(tmp_path / "link")))
    queue.train(linked, settings)
    assert len(list((settings.runs / "photos").iterdir())) == 2, "the same folder by another way is another run"


@pytest.mark.parametrize("change", ["recipe", "images"])
def test_another_recipe_or_other_images_are_another_run(settings, tmp_path, monkeypatch, change):
    photos = tmp_path / "photos"
    shades(photos / "face", *range(100, 104))
    card = 'title = "Face"\nhr_size = 32\nreader = "folder"\nsource = "face"\ntest_set = ""\ntrain_set = ""\n'
    (photos / "face.toml").write_text(card + 'test_images = 1\npreset = "mini"\n')
    item = Item("bank", Task(str(photos), "face", 1, 32, preset="mini"))
    queue.train(item, settings)
    if change == "recipe":
        recipe = replace(ingredients.bank_recipes(128)["mini"], gamma=0.2)
        monkeypatch.setattr(ingredients, "bank_recipes", lambda _: {"mini": recipe})
    else:
        shutil.copy(photos / "face" / "100.png", photos / "face" / "103.png")  # the same name, other pixels
    words = {"recipe": "by another recipe or at other sizes", "images": "on other images, or with another --pool"}[
        change
    ]
    with pytest.raises(BadFile, match=rf"bank_face_32\.safetensors was trained {words}\. To keep it, .*--out"):
        queue.train(item, settings)
    with pytest.raises(BadFile, match=words):
        list(queue.unfinished([item], settings))
    assert queue.train(item, replace(settings, out=tmp_path / "out"))
    assert len(list((settings.runs / "photos").iterdir())) == 2


def test_another_pool_is_another_run_where_it_decides_which_scenes_are_drawn(settings, tmp_path):
    _, first = trained(settings, tmp_path, "eight")
    _, second = trained(settings, tmp_path, "nine", pool=9)
    assert first != second, "the weights of other images were taken up"
    with pytest.raises(BadFile, match=r"was trained on other images, or with another --pool\."):
        queue.train(FACE, replace(settings, out=tmp_path / "eight", pool=9))
    on_gpu = replace(settings, device=torch.device("cuda"))
    assert ingredients.key(FACE, on_gpu).images == ingredients.key(FACE, replace(on_gpu, pool=9)).images, (
        "a GPU has no pool"
    )
    usual = replace(settings, pool=feed.POOL)
    assert ingredients.key(FACE, usual).images == ingredients.key(FACE, on_gpu).images, "runs of before begin anew"


def test_another_vgg16_is_another_training_and_the_published_one_is_not(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(ingredients.load, "find", lambda *_, **__: settings.vgg16)
    item = Item("esrgan_plus", replace(FACE.task, factor=16))

    def start(path):
        return ingredients.key(item, replace(settings, vgg16=path)).start

    files = [tmp_path / name for name in ("a.pth", "b.pth")]
    for path in files:
        path.write_bytes(path.name.encode())
    assert len({start(path) for path in (None, *files)}) == 3, "the loss of another network trained these weights"
    monkeypatch.setattr(ingredients.catalogue, "wrong", lambda _, path: "" if path == files[0] else "other")
    assert start(files[0]) == start(None) != start(files[1]), "it is the same file as without --vgg16"
    with pytest.raises(MissingWeights, match=r"there is no .*c\.pth; --vgg16 takes"):
        start(tmp_path / "c.pth")


def test_a_finished_file_of_another_seed_is_no_reason_to_do_nothing(settings, capsys):
    words = ["bank", "--category", "face", "--runs", str(settings.runs), "--pool", "8"]
    assert command.main(words) == 0
    assert command.main([*words, "--seed", "1"]) == 2
    told = capsys.readouterr().err
    assert "nothing to do" not in told
    assert "was trained with another seed (0; this training has 1)" in " ".join(told.split())


def test_a_checkpoint_in_the_wrong_folder_is_not_taken_up(settings, tmp_path):
    _, first = trained(settings, tmp_path, "zero")
    _, second = trained(settings, tmp_path, "one", seed=1)
    shutil.copy(first / "checkpoint.pt", second / "checkpoint.pt")
    with pytest.raises(BadFile, match=r"checkpoint\.pt was trained with another seed \(0; this training has 1\)"):
        queue.train(FACE, replace(settings, seed=1, out=tmp_path / "again"))


def as_of_old(folder) -> Path:
    """Make a run what older versions left: a plain name, and a checkpoint that says nothing of its training."""
    path = folder / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    torch.save({name: value for name, value in state.items() if name != "key"}, path)
    old = folder.with_name("bank_face")
    folder.rename(old)
    return old


def test_a_run_of_an_older_version_goes_on_once_and_it_is_said(settings, tmp_path, capsys):
    _, folder = trained(settings, tmp_path, "zero")
    old = as_of_old(folder)
    assert queue.train(FACE, replace(settings, out=tmp_path / "next"))
    assert "goes on as" in " ".join(capsys.readouterr().err.split())
    assert (old.exists(), folder.exists()) == (False, True)
    assert "key" in torch.load(folder / "checkpoint.pt", weights_only=True), "the next start could not tell"
    assert weights((tmp_path / "next" / FACE.file("bank")).read_bytes()) == weights(
        (tmp_path / "zero" / FACE.file("bank")).read_bytes()
    ), "it began anew"
    assert queue.train(FACE, replace(settings, out=tmp_path / "third"))
    assert "goes on as" not in capsys.readouterr().err


def test_a_run_of_an_older_version_is_not_given_to_another_seed(settings, tmp_path, capsys):
    zero, folder = trained(settings, tmp_path, "zero")
    old = as_of_old(folder)
    assert queue.train(FACE, replace(settings, out=tmp_path / "one", seed=1))
    told = " ".join(capsys.readouterr().err.split())
    assert "begins anew" in told
    assert "rename it" in told
    assert old.exists()
    assert weights((tmp_path / "one" / FACE.file("bank")).read_bytes()) != weights(zero)


def test_files_of_an_older_version_are_checked_by_what_they_say(settings, tmp_path, monkeypatch):
    """The files that come with the suite say their seed, and nothing of images or recipe."""
    queue.train(FACE, settings)
    path = tmp_path / "mini" / FACE.file("bank")
    told = items.facts(path)
    assert set(told) >= {"seed", "recipe", "start", "images"}
    old = {name: value for name, value in told.items() if name not in ("recipe", "start", "images")}
    monkeypatch.setattr(queue, "facts", lambda _: old)
    assert list(queue.unfinished([FACE], settings)) == []
    with pytest.raises(BadFile, match="another seed"):
        list(queue.unfinished([FACE], replace(settings, seed=1)))


def test_what_began_with_another_file_is_not_missing_and_keeps_no_other_from_training(settings, monkeypatch, capfd):
    """Files that come with the suite began with another VGG16: `--missing` trained nothing at all."""
    queue.train(FACE, settings)
    cat = replace(FACE, task=replace(FACE.task, category="cat"))
    monkeypatch.setattr(queue, "facts", lambda path: items.facts(path) | {"start": "another"})
    assert list(queue.missing([FACE, cat], settings)) == [cat]
    assert "bank face is left as it is" in " ".join(capfd.readouterr().err.split())
    with pytest.raises(BadFile, match="another bank"):
        list(queue.unfinished([FACE], settings))
    with pytest.raises(BadFile, match="another seed"):  # its networks would lie beside those of this one
        list(queue.missing([FACE, cat], replace(settings, seed=1)))


def test_where_trainings_of_other_seeds_lie_no_banks_are_missing():
    """No table looks for them there."""
    labels = [
        [item.what for item in command._items(command.parser().parse_args(["--missing", "--seed", "1", *words]))]
        for words in ([], ["--out", "weights/mini/training1"])
    ]
    assert {"bank", "biggan"} <= set(labels[0])
    assert not {"bank", "biggan"} & set(labels[1])
    assert "glean" in labels[1]


def test_a_new_number_in_a_recipe_leaves_the_runs_alone(settings):
    """Else each version of the suite would refuse the checkpoints of the one before."""
    from methods.training.key import _described

    recipe = ingredients.bank_recipes(128)["mini"]
    assert _described(recipe) == _described(replace(recipe, adaptive=False)), "the default is left out"
    assert _described(recipe) != _described(replace(recipe, adaptive=True))


def test_a_run_without_a_key_takes_what_it_is_given(tmp_path):
    made = run.Run(tmp_path)
    made.save({"step": 3})
    states = []
    run.Run(tmp_path).load(states.append)
    assert states[0]["step"] == 3
    assert json.loads(states[0].get("key", "{}")) == {}


def test_dfdnet_s_dictionaries_are_of_the_places_that_the_card_says(monkeypatch):
    """They would be kept when the card is corrected, and used with the new boxes."""
    task = cards.card("mini", "face").task(16)

    def recipe() -> str:
        return Key(task, 0, RECIPE, (), **ingredients._own(Item("dfdnet", task))).recipe

    before = recipe()
    moved = replace(cards.card("mini", "face"), face_box=(0.1, 0.1, 0.8))
    monkeypatch.setattr(cards, "card", lambda *_: moved)
    assert recipe() != before
    assert ingredients._own(Item("glean", task)) == {}, "nothing else is cut out there"
