"""What is trained so far: how each file was made, how near a bank's images are to real ones, samples to look at."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from bench import atomic, escape, scenes, store
from bench.resize import eight_bit
from bench.scores.kid import features, kid
from bench.spec import Images
from methods.formats import stylegan2, unpickle
from methods.nets.stylegan2 import StyleGAN2
from methods.training.items import Item
from methods.training.quality import fid
from methods.weights.trained import facts

COUNT = 2_000
"""Images of each kind that are compared."""
_FIRST_SEED = 1_000_000_000  # beyond what any training has seen
_CHUNK = 100
_HEADS = ("file", "kB", "made by", "seed", "steps", "of", "minutes", "on", "KID", "FID")
_TEXT = """# What is trained

Written by `python -m bench train --report docs`. [training.md](training.md) says what it means.

{table}

KID and FID: {count:,} samples of a bank against {count:,} renders that no training has seen, on features of AlexNet.
Two such sets of renders are, from each other: {floors}.
"""


def write(items: Iterable[Item], weights: Path, folder: Path, *, count: int = COUNT) -> Iterator[Path]:
    """Write the table of the files in `weights`, trained.md, and a sheet of samples for each bank; yield the files."""
    rows, floors = [_HEADS, ("---",) * len(_HEADS)], []
    for item in items:
        for part in item.parts:
            path = weights / item.file(part)
            if not path.is_file():
                continue
            near = ("", "")
            if part == "bank":
                bank = stylegan2.generator(unpickle.load(path))
                yield sheet(bank, folder / f"bank_{item.task.category}.png")
                near, floor = measure(bank, item.task.category, count)
                floors.append(f"{escape.markdown(item.task.category)} {' and '.join(floor)}")
            rows.append((*_row(item, path), *near))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = _TEXT.format(table=table, count=count, floors="; ".join(floors) or "not measured")
    atomic.write(folder / "trained.md", text.encode())
    yield folder / "trained.md"


def _row(item: Item, path: Path) -> tuple[str, ...]:
    """Return what a file says of itself."""
    told = {"seed": "", "steps": "", "of": "", "minutes": "", "device": ""} | facts(path)
    where = f" --category {item.task.category}" + ("" if item.what == "bank" else f" --factor {item.task.factor}")
    machine = f"{told['device']}, threads: {told['threads']}" if "threads" in told else str(told["device"])
    numbers = (escape.markdown(str(told[name])) for name in ("seed", "steps", "of", "minutes"))
    size = f"{path.stat().st_size / 1e3:.0f}"
    return (escape.markdown(path.name), size, f"`train {item.what}{where}`", *numbers, escape.markdown(machine))


def measure(bank: StyleGAN2, category: str, count: int = COUNT) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return KID and FID of a bank's images from renders of its category, and of other renders from those."""
    renders = [
        features(scenes.render(category, torch.arange(first, first + count), bank.synthesis.size))
        for first in (_FIRST_SEED, _FIRST_SEED + count)
    ]
    made = torch.cat([features(images) for images in samples(bank, count).split(_CHUNK)])
    return _distances(made, renders[0]), _distances(renders[1], renders[0])


def _distances(one: torch.Tensor, other: torch.Tensor) -> tuple[str, str]:
    return f"{kid(one, other):.4f}", f"{fid(one, other):.2f}"


@torch.no_grad()
def samples(bank: StyleGAN2, count: int) -> Images:
    """Return images of a bank for random z, always the same: (count, 3, R, R), [0, 1]."""
    z = torch.randn(count, bank.z_dim, generator=torch.Generator().manual_seed(0))
    return torch.cat([(bank(part) + 1) / 2 for part in z.split(_CHUNK)]).clamp(0, 1)


def sheet(bank: StyleGAN2, path: Path, rows: Sequence[int] = (8,) * 6) -> Path:
    """Store samples of a bank, so many in each row."""
    store.save_sheet(path, list(eight_bit(samples(bank, sum(rows))).split(list(rows))))
    return path
