"""What a method tells of its work reaches the records and the table: passes, notes, settings."""

import torch

from bench import cards, contract
from bench.images import data
from bench.report import data_frames, render, table
from bench.report_files import read
from bench.restore import restore, state
from bench.scores.score import score
from bench.spec import Cell, Effort, Spec, Task

CPU = torch.device("cpu")


class Searching:
    spec = Spec(name="searching", title="Searching", family="inversion", paper="none", factors=(16,), max_batch=2)
    remark = "7 steps"

    def __init__(self, task, told=1):
        self.task, self.told = task, told

    @classmethod
    def load(cls, task, _device):
        return cls(task)

    def upscale(self, lr):
        self.efforts = [Effort(7, 6, "missed" if image.mean() < 0.5 else "") for image in lr] * self.told
        return lr.repeat_interleave(16, -1).repeat_interleave(16, -2)


def test_passes_notes_and_settings_reach_records_and_table(photos, settings):
    card = cards.card(str(photos), "face", 64)
    cell = Cell(Task(card.profile, "face", 16, 64), "searching", "Searching")
    assert all(image.status == "ok" for image in restore(cell, card, Searching, settings))
    records = list(score(cell, card, ("psnr", "lpips"), settings, state(cell, Searching, settings)))
    assert [(r.g_forward, r.g_backward, r.remark) for r in records] == [(7, 6, "7 steps")] * 3
    dark = {b.ids[i]: bool(b.lr[i].mean() < 0.5) for b in data.batches(card, 16, 3) for i in range(3)}
    assert {r.image: r.note == "missed" for r in records} == dark, "a note must be that of its image"
    assert list(data_frames.timing(records)["g_forward"]) == [7]
    text = render.markdown(table.build(read("table2"), [cell], records, {"face": card}), {})
    assert "Searching: 7 steps." in text
    if missed := sum(dark.values()):
        assert f"Searching (face, 16x), {missed} of 3 images: missed." in text


def test_the_number_of_efforts_must_be_that_of_the_images():
    task = Task("mini", "face", 16, 64, preset="mini")
    (one, two) = contract.attempt(Searching(task, told=2), task, torch.rand(2, 3, 4, 4))
    assert one.image is two.image is None
    assert "4 efforts of 2 images" in one.reason


def test_a_note_says_why_an_image_is_nan():
    class Broken(Searching):
        def upscale(self, lr):
            return super().upscale(lr) * torch.nan

    task = Task("mini", "face", 16, 64, preset="mini")
    (outcome,) = contract.attempt(Broken(task), task, torch.zeros(1, 3, 4, 4))
    assert outcome.reason == "searching returned NaN or infinity: missed"
