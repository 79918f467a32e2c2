"""What is trained so far: how each file was made, how near a bank's images are to real ones, samples to look at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from bench import atomic, cards, escape
from bench.paths import short
from bench.resize import eight_bit
from bench.spec import Images
from methods.formats import biggan as biggan_format
from methods.formats import stylegan2, unpickle
from methods.nets.biggan import BigGAN
from methods.presets import biggan
from methods.training.items import Item
from methods.training.likeness import MOST, Bank, Distance, measure, samples
from methods.weights.advice import option
from methods.weights.trained import facts

_HEADS = ("file", "kB", "made by", "seed", "steps", "of", "minutes", "on", "KID", "FID")
_SIDE = 8  # samples in a row of a sheet, and rows
_TEXT = """# What is trained

Written by `python -m bench train --report {folder}{profile}`. docs/training.md says what it means.

{table}
{others}
KID and FID: samples of a bank against as many real images, on features of AlexNet. Two such sets of real images, which
have none in common, are from each other:

{floors}
"""


def write(items: Iterable[Item], weights: Path, folder: Path, *, most: int = MOST) -> Iterator[Path]:
    """Write the table of the files in `weights`, trained.md, and a sheet of samples for each bank; yield the files.

    A bank's samples are compared with real images, at most so many. Raises as `likeness.measure`.
    """
    rows, profile = [_HEADS, ("---",) * len(_HEADS)], ""
    floors: dict[str, str] = {}
    for item in items:
        profile = option(item.task.profile)
        for part in item.parts:
            path = weights / item.file(part)
            if not path.is_file():
                continue
            near: dict[str, tuple[str, str]] = {}
            for category, (bank, size) in _banks(item, part, path).items():
                yield sheet(bank, folder / f"{item.what}_{category}.webp")
                if found := measure(bank, cards.card(item.task.profile, category, size), most):
                    near[category] = _figures(found.samples)
                    floor = f"{' and '.join(_figures(found.floor))} ({found.count:,} {found.real})"
                    floors[category] = f"- {escape.markdown(category)}: {floor}"
            rows.append((*_row(item, path), *_cells(near)))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = _TEXT.format(
        folder=short(folder),
        profile=profile,
        table=table,
        others=_others(weights),
        floors="\n".join(floors.values()) or "- not measured",
    )
    atomic.write(folder / "trained.md", text.encode())
    yield folder / "trained.md"


def _others(weights: Path) -> str:
    """Return a line on the files that tell of no training here, "" if there are none. Raises as `facts`."""
    names = [escape.markdown(path.name) for path in sorted(weights.glob("*.safetensors")) if not facts(path)]
    return f"\nNot trained here: {', '.join(names)}.\n" if names else ""


@dataclass(frozen=True, slots=True)
class _OfClass:
    """A BigGAN of one class, which it is not asked for."""

    generator: BigGAN

    @property
    def z_dim(self) -> int:
        """As the generator's."""
        return self.generator.z_dim

    def __call__(self, z: Tensor, /) -> Images:
        """Make images."""
        images: Images = self.generator(z, torch.zeros(len(z), dtype=torch.int64))
        return images


def _banks(item: Item, part: str, path: Path) -> dict[str, tuple[Bank, int]]:
    """Return category -> the bank in a file and the side of its images; nothing if it holds none."""
    if part != "bank":
        return {}
    if item.what == biggan.NAME:
        found, classes = unpickle.load(path), biggan.biggan(item.task).classes
        of_classes = (biggan_format.of_class(found, label, of=len(classes)) for label in range(len(classes)))
        return {name: (_OfClass(each), each.size) for name, each in zip(classes, of_classes, strict=True)}
    bank = stylegan2.generator(unpickle.load(path))
    return {item.task.category: (bank, bank.synthesis.size)}


def _cells(near: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """Return how near a file's banks are to real images, each by name if there are several."""
    if len(near) < 2:  # noqa: PLR2004 - one needs no name
        return next(iter(near.values()), ("", ""))
    names = [escape.markdown(name) for name in near]
    kids, fids = zip(*near.values(), strict=True)
    return tuple(", ".join(f"{name} {value}" for name, value in zip(names, each, strict=True)) for each in (kids, fids))


def _row(item: Item, path: Path) -> tuple[str, ...]:
    """Return what a file says of itself."""
    told = {"seed": "", "steps": "", "of": "", "minutes": "", "device": ""} | facts(path)
    where = "" if item.what == biggan.NAME else f" --category {item.task.category}"
    where += "" if item.is_bank else f" --factor {item.task.factor}"
    command = f"`train {item.what}{where}{option(item.task.profile)}`"
    machine = f"{told['device']}, threads: {told['threads']}" if "threads" in told else str(told["device"])
    machine += f", {told['arithmetic']}" if "arithmetic" in told else ""  # older files do not say
    numbers = (escape.markdown(str(told[name])) for name in ("seed", "steps", "of", "minutes"))
    size = f"{path.stat().st_size / 1e3:.0f}"
    return (escape.markdown(path.name), size, command, *numbers, escape.markdown(machine))


def _figures(distance: Distance) -> tuple[str, str]:
    return f"{distance.kid:z.4f}", f"{distance.fid:.2f}"


def sheet(bank: Bank, path: Path) -> Path:
    """Store 64 samples of a bank, as lossless WebP: a third smaller than PNG."""
    lines = eight_bit(samples(bank, _SIDE**2)).split(_SIDE)
    picture = torch.cat([torch.cat(list(line), dim=-1) for line in lines], dim=-2)
    content = BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(content, "webp", lossless=True, quality=100)
    atomic.write(path, content.getvalue())
    return path
