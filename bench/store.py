"""The folder of results: one PNG an image, which carries its own facts, so that nothing is ever half written.

    <out>/<profile>/<table>.json, .md, .html ...        what tables say
    <out>/<profile>/@inputs/...                          LR images and ground truth, for the pages (bench/viewer)
    <out>/<profile>/<category>/x<factor>-<hr_size>/<method>/
        cell.json            the last run of the cell: its fingerprint, or why it could not be run
        <run>/<id>.png       a result; its text fields hold its run, the checksums of LR and pixels, and the seconds
        <run>/<id>.json      why an image failed
        <run>/records.jsonl  the scores

Every file appears by an atomic rename (bench/atomic.py): a killed run leaves whole files only, and two runs at once
replace each other's files by equal ones. What is damaged counts as absent. `cell.json` is for people,
and for the estimate of the time a run will take; no result depends on it.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from PIL import Image, PngImagePlugin
from torch import Tensor
from torch.nn import functional

from bench.atomic import write
from bench.escape import file_name
from bench.files import found
from bench.images.data import pixel_sha256
from bench.images.pillow import strict
from bench.profiles import profiles
from bench.running import declared
from bench.spec import Cell, Effort, Task

SCORES = "records.jsonl"
"""The name of the file of a run's scores."""
_LARGEST_TEXT = 2**20
"""Bytes of what is beside the pixels."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One result as it lies on disk."""

    image: Tensor
    """(3, H, W) uint8."""
    lr: str
    """sha256 of the LR pixels it was restored from."""
    seconds: float
    effort: Effort
    sha256: str
    """Of the pixels."""


def profile_folder(out: Path, profile: str) -> Path:
    """Return the folder of a profile; of a user's own folder, its last name and a short hash of its real path."""
    if profile in profiles():
        return out / profile
    mark = hashlib.sha256(os.fsencode(profile)).hexdigest()[:8]
    return out / f"{file_name(Path(profile).name)}-{mark}"


def cell_folder(out: Path, cell: Cell) -> Path:
    """Return the folder of a cell; another name of a method is another folder, and so is another seed or training."""
    return profile_folder(out, cell.task.profile) / task_folder(cell.task) / file_name(cell.method)


def task_folder(task: Task) -> Path:
    """Return the folder of a task within that of its profile."""
    seed = f"-seed{task.seed}" if task.seed else ""
    training = f"-training{task.training}" if task.training else ""
    return Path(file_name(task.category)) / f"x{task.factor}-{task.hr_size}{seed}{training}{degraded(task)}"


def degraded(task: Task) -> str:
    """Return what the folder of a task has behind its name: of what is done to its images a short hash, or nothing."""
    return f"-{hashlib.sha256(task.degradation.encode()).hexdigest()[:8]}" if task.degradation else ""


def image_file(folder: Path, image_id: str) -> Path:
    """Return where an image's result goes."""
    return folder / f"{file_name(image_id)}.png"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a small JSON file, whole or not at all."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write(path, text.encode(errors="backslashreplace"))  # half a character becomes JSON's own \ud800


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file, or None if it is not there or damaged."""
    text = found(path, _LARGEST_TEXT)
    try:
        value = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def save(path: Path, image: Tensor, facts: Mapping[str, str] = MappingProxyType({})) -> None:
    """Store one result (3, H, W) uint8, as `png`."""
    write(path, png(image, facts))


def png(image: Tensor, facts: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Return (3, H, W) uint8 as a PNG; facts and the checksum of the pixels are its text fields."""
    texts = PngImagePlugin.PngInfo()
    for name, value in {**facts, "pixels": pixel_sha256(image)}.items():
        texts.add_text(name, value)
    content = BytesIO()
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    picture.save(content, "png", pnginfo=texts, compress_level=1)
    return content.getvalue()


def save_sheet(path: Path, rows: Sequence[Tensor], gap: int = 4) -> None:
    """Store a contact sheet: a line for each (N, 3, H, W) uint8, black between the pictures."""
    padded = [functional.pad(images, (0, gap, 0, gap)) for images in rows]
    lines = [torch.cat(list(images), dim=-1) for images in padded]
    widest = max(line.shape[-1] for line in lines)
    filled = [functional.pad(line, (0, widest - line.shape[-1])) for line in lines]
    save(path, torch.cat(filled, dim=-2)[:, :-gap, :-gap])


def load(path: Path, side: int) -> Stored | None:
    """Return a stored result of `side` x `side` pixels, or None if there is none that is sound.

    One that was damaged or edited since, or was copied here from the folder of another run, counts as absent.
    """
    content = found(path, 4 * side**2 + _LARGEST_TEXT)
    if content is None:
        return None
    try:
        with strict(), Image.open(BytesIO(content), formats=["png"]) as file:
            if file.size != (side, side) or file.mode != "RGB":  # before it is unpacked
                return None
            file.load()
            facts = dict(getattr(file, "text", {}))
            pixels = torch.frombuffer(bytearray(file.tobytes()), dtype=torch.uint8)
        image = pixels.view(side, side, 3).permute(2, 0, 1)
        sha256 = pixel_sha256(image)
        seconds = float(facts["seconds"])
        effort = declared.effort("the file", Effort(**json.loads(facts.get("effort", "{}"))))
        if facts["pixels"] != sha256 or seconds < 0 or seconds == math.inf:  # NaN: made elsewhere
            return None
        if facts.get("run", path.parent.name) != path.parent.name:  # results of earlier versions do not say it
            return None
        return Stored(image, facts["lr"], seconds, effort, sha256)
    except Exception:  # noqa: BLE001 - Pillow raises whatever it likes; what cannot be read is made again
        return None
