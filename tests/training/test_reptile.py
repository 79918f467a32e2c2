"""A bank that is the beginning of others: what is kept moves once an episode, and the table is made of what follows."""

import re
import shutil
import signal
from dataclasses import replace

import pytest
import torch

from bench import cards
from bench.spec import BadFile, BenchError
from methods.presets.bank import BankRecipe, BankStage
from methods.presets.sizes import SIZES
from methods.training import meta
from methods.training.bank import reptile
from methods.training.bank.reptile import EPISODE, Alternating, Reptile
from methods.training.run import Run
from methods.training.share import Share
from methods.training.stop import Stopped
from methods.weights import lock

from ..conftest import ROOT

CPU = torch.device("cpu")
TINY = replace(
    SIZES["mini"], bank_coarse=1, bank_widest=4, bank_base=64, critic_widest=4, style_dim=4, mapping_layers=2
)
RECIPE = BankRecipe(stages=(BankStage(8, 4 * 4 * EPISODE, 4),), gamma=0.1, half_life=0, noise=False)


def started(recipe=RECIPE) -> Reptile:
    return Reptile(recipe, TINY, CPU, share=Share())


def images(step) -> torch.Tensor:
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(step))


def flat(network) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in network.parameters()])


def test_what_is_kept_moves_once_an_episode_by_a_share_that_falls_and_the_next_begins_there(monkeypatch):
    """Without the move it would be a bank trained on all categories; with the share 1 throughout, on the last one."""
    reached, move = [], reptile._move

    def watched(kept, led, share):
        reached.append(flat(led).clone())
        move(kept, led, share)

    monkeypatch.setattr(reptile, "_move", watched)
    training = started()

    for share in (1, 0.75, 0.5, 0.25):
        kept, critic = flat(training.average).clone(), flat(training.kept_critic).clone()
        assert torch.equal(flat(training.generator), kept), "an episode does not begin where the others do"
        for _ in range(EPISODE - 1):
            training.advance(images(training.step))
        assert torch.equal(flat(training.average), kept), "it follows within an episode"
        training.advance(images(training.step))
        led, led_critic = reached[-2:]
        torch.testing.assert_close(flat(training.average) - kept, share * (led - kept), atol=2e-5, rtol=1e-3)
        torch.testing.assert_close(
            flat(training.kept_critic) - critic, share * (led_critic - critic), atol=2e-5, rtol=1e-3
        )
        assert (led - kept).abs().max() > 1e-4
        assert torch.equal(flat(training.discriminator), flat(training.kept_critic))


def test_the_share_is_that_of_the_way(monkeypatch):
    shares = []
    monkeypatch.setattr(reptile, "_move", lambda kept, reached, share: shares.append(share))
    training = started()
    for step in range(4 * EPISODE):
        training.advance(images(step))
    assert shares == [1, 1, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25], "generator and discriminator, once an episode each"


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not():
    whole, first = started(), started()
    for step in range(EPISODE + 5):
        whole.advance(images(step))
        if step < EPISODE + 2:
            first.advance(images(step))
    again = started()
    again.load(first.state())
    for step in range(EPISODE + 2, EPISODE + 5):
        again.advance(images(step))
    for name in ("generator", "average", "kept_critic"):
        assert torch.equal(flat(getattr(again, name)), flat(getattr(whole, name))), name


def test_a_recipe_that_grows_or_averages_is_refused():
    with pytest.raises(ValueError, match="half_life 0"):
        started(replace(RECIPE, half_life=100))


def test_each_episode_is_of_one_category_and_none_is_left_out():
    class Numbered:
        def __init__(self, number):
            self.number = number

        def batch(self, step, count):
            return self.number, step, count

    feed = Alternating([Numbered(0), Numbered(1), Numbered(2)])
    seen = [feed.batch(step, 4) for step in range(6 * EPISODE)]
    assert [number for number, _, _ in seen[::EPISODE]] == [0, 1, 2, 0, 1, 2]
    assert [step for number, step, _ in seen if number == 1] == list(range(2 * EPISODE)), "images are left out or twice"


@pytest.fixture
def short(monkeypatch) -> None:
    monkeypatch.setattr(meta, "_META", replace(meta._META, stages=(BankStage(32, 4 * EPISODE * 4, 4),)))
    monkeypatch.setattr(meta, "STEPS", (0, 1, 3))
    monkeypatch.setattr(meta, "_COMPARED", 60)
    monkeypatch.setattr(meta, "_POOL", 16)


@pytest.mark.usefixtures("short")
def test_the_table_has_both_beginnings_and_every_number_of_steps(tmp_path, monkeypatch):
    words = ("--runs", str(tmp_path / "runs"), "--out", str(tmp_path), "--seeds", "2")
    assert meta.main(words) == 0
    text = (tmp_path / "meta_tower.md").read_text()
    assert "| start | 0 steps | 1 step | 3 steps |" in text
    assert "| meta-learned | " in text
    assert "| trained on all | " in text
    assert "| anew | " in text
    assert "Ours; no paper has this table" in text
    assert "and no tower" in text
    assert re.search(r"of other renders it is -?0\.\d{3}", text), "nobody knows how near a bank can come"
    assert "the mean of 2 seeds" in text
    monkeypatch.setattr(Reptile, "advance", None)  # what is trained is not trained again
    assert meta.main(words) == 0
    assert (tmp_path / "meta_tower.md").read_text() == text, "it is not the same on every run"


def test_the_category_that_is_left_out_is_not_trained_on(monkeypatch, tmp_path):
    """The table would be about a category that the bank had seen."""
    opened = []
    monkeypatch.setattr(meta, "open_feed", lambda card, *_, **__: opened.append(card.category))
    monkeypatch.setattr(meta.loop, "train", lambda *_: True)
    meta.begun("mini", "cat", tmp_path)
    assert sorted(opened) == sorted(2 * [*{*cards.cards("mini")} - {"cat"}])


@pytest.mark.parametrize(("profile", "category"), [("mini", "dog"), ("paper", "face")])
def test_what_cannot_be_left_out_is_told(profile, category, tmp_path):
    with pytest.raises(BenchError, match="takes drawn categories"):
        meta.begun(profile, category, tmp_path)


def test_cards_of_several_presets_are_refused_before_an_hour_of_training(tmp_path, monkeypatch):
    found = dict(cards.cards("mini", 32))
    monkeypatch.setattr(cards, "cards", lambda *_: found | {"cat": replace(found["cat"], preset="portraits")})
    with pytest.raises(BenchError, match="several presets"):
        meta.begun("mini", "tower", tmp_path)


def test_a_training_that_a_signal_ends_is_no_fault_of_the_suite(monkeypatch, capsys):
    """Whoever stops it to go on tomorrow would be asked to report it."""

    def stopped(*_):
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr(meta, "begun", stopped)
    assert meta.main([]) == 128 + signal.SIGTERM
    told = capsys.readouterr().err
    assert told.startswith("stopped by SIGTERM; a checkpoint is written")


def test_a_table_of_no_seed_is_refused(capsys):
    """It would have no line, after half an hour."""
    with pytest.raises(SystemExit):
        meta.main(["--seeds", "0"])
    assert "argument --seeds" in capsys.readouterr().err


@pytest.fixture
def asked(monkeypatch) -> list[Run]:
    """The runs that would be made."""
    runs: list[Run] = []
    monkeypatch.setattr(meta, "open_feed", lambda *_, **__: None)
    monkeypatch.setattr(meta.loop, "train", lambda _, __, run, *___: runs.append(run))
    return runs


def test_checkpoints_of_a_profile_that_is_a_path_lie_among_the_runs(asked, tmp_path):
    """Behind `/` an absolute path takes the place of what is before it: they would lie among the images."""
    shutil.copytree(ROOT / "datasets" / "mini", tmp_path / "drawn")
    meta.begun(str(tmp_path / "drawn"), "cat", tmp_path / "runs")
    assert [run.folder for run in asked] == [tmp_path / "runs" / "drawn" / f"{way}_cat" for way in ("meta", "joint")]


def test_the_checkpoint_of_another_recipe_is_not_taken_up(asked, monkeypatch, tmp_path):
    """The table would be about a bank that was trained otherwise than it says."""
    meta.begun("mini", "cat", tmp_path)
    asked[0].save({"step": 10})
    meta.begun("mini", "cat", tmp_path)
    asked[2].load(lambda _: None)
    monkeypatch.setattr(meta, "_META", replace(meta._META, rate=0.1))
    meta.begun("mini", "cat", tmp_path)
    with pytest.raises(BadFile, match="by another recipe"):
        asked[4].load(lambda _: None)


def test_two_meta_trainings_of_one_category_do_not_mix(tmp_path, monkeypatch):
    monkeypatch.setattr(meta, "open_feed", lambda *_, **__: None)
    monkeypatch.setattr(meta.loop, "train", lambda *_: True)
    with (
        lock.held(tmp_path / "mini" / "meta_cat", doing="the first"),
        pytest.raises(BenchError, match=r"another process is training in .*meta_cat; wait until it has ended"),
    ):
        meta.begun("mini", "cat", tmp_path)
