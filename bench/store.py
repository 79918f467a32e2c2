"""The folder of results: one PNG an image, which carries its own facts, so that nothing is ever half written.

    <out>/<profile>/<category>/x<factor>-<hr_size>/<method>/
        cell.json            the last run of the cell: its fingerprint, or why it could not be run
        <run>/<id>.png       a result; its text fields hold the checksums of LR and pixels, and the seconds
        <run>/<id>.json      why an image failed
        <run>/records.jsonl  the scores

Every file appears by an atomic rename: a killed run leaves whole files only, and two runs at once replace each other's
files by equal ones.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import torch
from PIL import Image, PngImagePlugin
from torch import Tensor
from torch.nn import functional

from bench.images.data import pixel_sha256
from bench.spec import Cell, Effort, OutputError


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
    """Return the folder of a profile; of a user's own folder, its last name."""
    return out / Path(profile).resolve().name


def cell_folder(out: Path, cell: Cell) -> Path:
    """Return the folder of a cell; a guest's FILE:CLASS becomes a safe name, another seed another folder."""
    task = cell.task
    method = re.sub(r"[^A-Za-z0-9_.+-]", "-", cell.method).lstrip(".-")
    seed = f"-seed{task.seed}" if task.seed else ""
    return profile_folder(out, task.profile) / task.category / f"x{task.factor}-{task.hr_size}{seed}" / method


def image_file(folder: Path, image_id: str) -> Path:
    """Return where an image's result goes; ids come from users' file names, so they are made safe."""
    return folder / f"{quote(image_id, safe=' ')}.png"


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises `OutputError` if there is no permission or no space."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OutputError(
            f"could not write {path}: {error.strerror}. Free some space or choose another folder with --out; "
            "what is finished stays and is not done again."
        ) from error


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a small JSON file, whole or not at all."""
    write(path, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file, or None if it is not there."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return value


def save(path: Path, image: Tensor, facts: Mapping[str, str] = MappingProxyType({})) -> None:
    """Store one result (3, H, W) uint8; facts and the checksum of the pixels become text fields of the PNG."""
    texts = PngImagePlugin.PngInfo()
    for name, value in {**facts, "pixels": pixel_sha256(image)}.items():
        texts.add_text(name, value)
    content = BytesIO()
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    picture.save(content, "png", pnginfo=texts, compress_level=1)
    write(path, content.getvalue())


def save_sheet(path: Path, rows: Sequence[Tensor], gap: int = 4) -> None:
    """Store a contact sheet: a line for each (N, 3, H, W) uint8, black between the pictures."""
    padded = [functional.pad(images, (0, gap, 0, gap)) for images in rows]
    lines = [torch.cat(list(images), dim=-1) for images in padded]
    widest = max(line.shape[-1] for line in lines)
    filled = [functional.pad(line, (0, widest - line.shape[-1])) for line in lines]
    save(path, torch.cat(filled, dim=-2)[:, :-gap, :-gap])


def load(path: Path) -> Stored | None:
    """Return a stored result, or None if there is none or it was damaged or edited since it was written."""
    try:
        with Image.open(path) as file:
            file.load()
            facts = dict(getattr(file, "text", {}))
            image = torch.frombuffer(bytearray(file.convert("RGB").tobytes()), dtype=torch.uint8)
            image = image.view(file.height, file.width, 3).permute(2, 0, 1)
    except (OSError, SyntaxError):  # Pillow's word for a damaged PNG is SyntaxError
        return None
    sha256 = pixel_sha256(image)
    if facts.get("pixels") != sha256 or "lr" not in facts or "seconds" not in facts:
        return None
    effort = Effort(**json.loads(facts.get("effort", "{}")))
    return Stored(image, facts["lr"], float(facts["seconds"]), effort, sha256)
