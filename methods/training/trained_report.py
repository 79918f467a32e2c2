"""What is trained so far: how each file was made, how near a bank's images are to real ones, samples to look at."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image

from bench import atomic, cards, escape
from bench.paths import short
from bench.resize import eight_bit
from methods.formats import stylegan2, unpickle
from methods.nets.stylegan2 import StyleGAN2
from methods.presets import biggan
from methods.training.items import Item
from methods.training.likeness import MOST, Distance, measure, samples
from methods.weights.trained import facts, option

_HEADS = ("file", "kB", "made by", "seed", "steps", "of", "minutes", "on", "KID", "FID")
_SIDE = 8  # samples in a row of a sheet, and rows
_TEXT = """# What is trained

Written by `python -m bench train --report {folder}{profile}`. docs/training.md says what it means.

{table}

KID and FID: samples of a bank against as many real images, on features of AlexNet. Two such sets of real images, which
have none in common, are from each other:

{floors}
"""


def write(items: Iterable[Item], weights: Path, folder: Path, *, most: int = MOST) -> Iterator[Path]:
    """Write the table of the files in `weights`, trained.md, and a sheet of samples for each bank; yield the files.

    A bank's samples are compared with real images, at most so many. Raises as `likeness.measure`.
    """
    rows, floors, profile = [_HEADS, ("---",) * len(_HEADS)], [], ""
    for item in items:
        profile = option(item.task.profile)
        for part in item.parts:
            path = weights / item.file(part)
            if not path.is_file():
                continue
            near = ("", "")
            if item.what == "bank" and part == "bank":
                bank = stylegan2.generator(unpickle.load(path))
                yield sheet(bank, folder / f"bank_{item.task.category}.webp")
                card = cards.card(item.task.profile, item.task.category, bank.synthesis.size)
                if found := measure(bank, card, most):
                    near = _figures(found.samples)
                    floor = f"{' and '.join(_figures(found.floor))} ({found.count:,} {found.real})"
                    floors.append(f"- {escape.markdown(item.task.category)}: {floor}")
            rows.append((*_row(item, path), *near))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = _TEXT.format(
        table=table, folder=short(folder), profile=profile, floors="\n".join(floors) or "- not measured"
    )
    atomic.write(folder / "trained.md", text.encode())
    yield folder / "trained.md"


def _row(item: Item, path: Path) -> tuple[str, ...]:
    """Return what a file says of itself."""
    told = {"seed": "", "steps": "", "of": "", "minutes": "", "device": ""} | facts(path)
    where = "" if item.what == biggan.NAME else f" --category {item.task.category}"
    where += "" if item.is_bank else f" --factor {item.task.factor}"
    command = f"`train {item.what}{where}{option(item.task.profile)}`"
    machine = f"{told['device']}, threads: {told['threads']}" if "threads" in told else str(told["device"])
    numbers = (escape.markdown(str(told[name])) for name in ("seed", "steps", "of", "minutes"))
    size = f"{path.stat().st_size / 1e3:.0f}"
    return (escape.markdown(path.name), size, command, *numbers, escape.markdown(machine))


def _figures(distance: Distance) -> tuple[str, str]:
    return f"{distance.kid:z.4f}", f"{distance.fid:.2f}"


def sheet(bank: StyleGAN2, path: Path) -> Path:
    """Store 64 samples of a bank, as lossless WebP: a third smaller than PNG."""
    lines = eight_bit(samples(bank, _SIDE**2)).split(_SIDE)
    picture = torch.cat([torch.cat(list(line), dim=-1) for line in lines], dim=-2)
    content = BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(content, "webp", lossless=True, quality=100)
    atomic.write(path, content.getvalue())
    return path
