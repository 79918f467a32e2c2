"""Stored state that is damaged, edited or exchanged is made anew; no figure is believed unread."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from bench import cards, store
from bench.restore import restore, state
from bench.scores import score
from bench.spec import BenchError, Card, Cell, Record
from methods.bicubic import Bicubic
from methods.pseudo_inverse import PseudoInverse

from . import guests

NAMES = ("psnr",)


@pytest.fixture
def measured(photos, settings) -> tuple[Cell, Card, Path, list[Record]]:
    """A cell that was restored and scored, its folder and its records."""
    card = cards.card(str(photos), "face", 64)
    cell = Cell(card.task(16), "bicubic", "Bicubic")
    list(restore(cell, card, Bicubic, settings))
    now = state(cell, Bicubic, settings)
    records = list(score.score(cell, card, NAMES, settings, now))
    return cell, card, store.cell_folder(settings.out, cell) / now.run, records


def again(measured, settings) -> list[Record]:
    """The records of a plain rerun, but for seconds, which no two runs share."""
    cell, card, _, _ = measured
    list(restore(cell, card, Bicubic, settings))
    return list(score.score(cell, card, NAMES, settings, state(cell, Bicubic, settings)))


def same(records, others) -> bool:
    return [replace(r, seconds=0.0) for r in records] == [replace(r, seconds=0.0) for r in others]


def edited(path, old, new) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def lines(path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def digit(path) -> None:
    """Change one digit of one value."""
    plain = json.loads(lines(path)[0])
    value = next(value for value in plain["metrics"].values() if value[-1].isdigit())
    edited(path, value, value[:-1] + str((int(value[-1]) + 1) % 10))


RECORDS: dict[str, Callable[[Path], object]] = {
    "one digit": digit,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "cut in the first line": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "NUL": lambda path: path.write_bytes(b"\0" * 500),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 3),
    "NaN": lambda path: edited(path, '"seconds": "', '"seconds": NaN, "x": "'),
    "a line missing": lambda path: path.write_text("".join(lines(path)[1:])),
    "a line doubled": lambda path: path.write_text("".join([lines(path)[0], *lines(path)])),
    "the last line missing": lambda path: path.write_text("".join(lines(path)[:-1])),
    "another image": lambda path: edited(path, '"image": "0"', '"image": "9"'),
    "a list": lambda path: path.write_text("[1]\n[2]\n"),
    "deep": lambda path: path.write_text("[" * 100_000 + "\n"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "sparse": lambda path: os.truncate(path, 2**31),
}


@pytest.mark.parametrize("damage", [name for name in RECORDS if name != "a folder"])
def test_damaged_scores_are_computed_again_and_never_shown(measured, settings, damage):
    cell, card, folder, before = measured
    RECORDS[damage](folder / "records.jsonl")
    with pytest.raises(BenchError, match="Run score"):
        score.read(cell, card, NAMES, settings, state(cell, Bicubic, settings))
    if damage == "a pipe":
        assert not (folder / "records.jsonl").is_file()
    assert same(again(measured, settings), before)
    assert same(score.read(cell, card, NAMES, settings, state(cell, Bicubic, settings)), before)


def test_a_folder_in_place_of_the_scores_is_one_sentence(measured, settings):
    RECORDS["a folder"](measured[2] / "records.jsonl")
    with pytest.raises(BenchError, match="could not write"):
        again(measured, settings)


def with_facts(path, **changes) -> None:
    """Write a result again with other text fields."""
    with Image.open(path) as picture:
        content, facts = np.array(picture), {**picture.text, **changes}
    info = PngImagePlugin.PngInfo()
    for name, value in facts.items():
        info.add_text(name, value)
    Image.fromarray(content).save(path, pnginfo=info)


def header(path, width, height) -> None:
    """Claim another size in the header, with its right checksum."""
    import struct
    import zlib

    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


def bomb(path) -> None:
    """Put 64 MiB of compressed text into a result."""
    with Image.open(path) as picture:
        content, facts = np.array(picture), picture.text
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "x" * 2**26, zip=True)
    for name, value in facts.items():
        info.add_text(name, value)
    Image.fromarray(content).save(path, pnginfo=info)


def other_size(path) -> None:
    facts = store.load(path, 64)
    store.save(path, torch.zeros(3, 32, 32, dtype=torch.uint8), {"lr": facts.lr, "seconds": "1.0"})


PICTURES: dict[str, Callable[[Path], object]] = {
    **{name: RECORDS[name] for name in ("cut", "empty", "NUL", "garbage", "a pipe", "sparse")},
    "a huge header": lambda path: header(path, 100_000, 100_000),
    "no size": lambda path: header(path, 0, 0),
    "a text bomb": bomb,
    "another size": other_size,
    "no seconds": lambda path: with_facts(path, seconds="abc"),
    "seconds that are none": lambda path: with_facts(path, seconds="nan"),
    "negative seconds": lambda path: with_facts(path, seconds="-1"),
    "a bad effort": lambda path: with_facts(path, effort="[1]"),
    "an effort of another kind": lambda path: with_facts(path, effort='{"g_forward": "many"}'),
    "an unknown effort": lambda path: with_facts(path, effort='{"x": 1}'),
    "deep": lambda path: with_facts(path, effort="[" * 100_000),
    "another checksum": lambda path: with_facts(path, pixels="0" * 64),
    "another input": lambda path: with_facts(path, lr="0" * 64),
    "grey": lambda path: Image.open(path).convert("L").save(path),
    "a JPEG": lambda path: Image.open(path).convert("RGB").save(path, "jpeg"),
}


@pytest.mark.parametrize("damage", PICTURES)
def test_a_damaged_result_is_made_again(measured, settings, damage):
    _, _, folder, before = measured
    path = folder / "1.png"
    PICTURES[damage](path)
    with suppress(FileNotFoundError):
        (folder / "records.jsonl").unlink()
    assert same(again(measured, settings), before), "something else would be scored under the method's name"
    assert store.load(path, 64) is not None


def test_what_was_copied_from_another_run_is_not_believed(measured, settings):
    """Pictures and scores of one method, put into the folder of another by hand."""
    cell, card, folder, _ = measured
    other = replace(cell, method="pseudo_inverse")
    list(restore(other, card, PseudoInverse, settings))
    now = state(other, PseudoInverse, settings)
    theirs = store.cell_folder(settings.out, other) / now.run
    before = list(score.score(other, card, NAMES, settings, now))
    for path in folder.iterdir():
        shutil.copy(path, theirs)
    with pytest.raises(BenchError, match="Run restore first"):
        score.read(other, card, NAMES, settings, now)
    list(restore(other, card, PseudoInverse, settings))
    assert same(list(score.score(other, card, NAMES, settings, now)), before), "one method's values as another's"


def test_a_reason_with_half_a_character_is_stored(measured, settings):
    """A guest's error may hold one, as names of files in other encodings do."""
    path = measured[2] / "x.json"
    store.write_json(path, {"reason": "no \udce9"})
    assert store.read_json(path) == {"reason": "no \udce9"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"lr": 3}', '{"status": "ok", "run": "../../x"}', "\0"])
def test_nobody_believes_the_note_on_a_cell_or_a_failure(measured, settings, text):
    cell, card, folder, before = measured
    (folder.parent / "cell.json").write_text(text)
    (folder / "1.json").write_text(text)
    (folder / "1.png").unlink()
    assert same(again(measured, settings), before)
    (folder / "1.png").unlink()
    (folder / "1.json").write_text(text)
    with pytest.raises(BenchError, match="Run restore first"):
        list(score.score(cell, card, NAMES, settings, state(cell, Bicubic, settings)))


@pytest.mark.slow
def test_a_table_shows_the_pictures_of_its_own_run_whoever_else_ran_meanwhile(bench, photos, tmp_path, monkeypatch):
    """Run B, with another version of the guest and the same folder, restores and scores between A's steps."""
    from bench.measurement import Measurement

    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out", "--with")
    black = guests.write(tmp_path, result=" * 0")
    restored = Measurement.restore
    begun = []

    def interrupted(self):
        yield from restored(self)
        if not begun:
            begun.append(True)
            guests.write(tmp_path, result=" * 0 + 1")
            assert bench(*words, black)[0] == 0
            guests.write(tmp_path, result=" * 0")

    monkeypatch.setattr(Measurement, "restore", interrupted)
    assert bench(*words, black)[0] == 0
    (table,) = (tmp_path / "out").rglob("table2.images.csv")
    shown = {line.split(",")[5] for line in table.read_text().splitlines() if ",g," in line}
    dark = [store.load(path, 64) for path in (tmp_path / "out").rglob("g/*/0.png")]
    assert len(dark) == 4, "two runs of two categories"
    runs = {path.parent.name for path in (tmp_path / "out").rglob("g/*/0.png") if store.load(path, 64).image.max() == 0}
    assert shown & {path.parent.name for path in (tmp_path / "out").rglob("g/*/0.png")} <= runs, "A shows B's pictures"
