"""The values of a run as its files hold them, image by image, for `compare`."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from bench import files
from bench.report import parts, sealing, spreadsheet, stored
from bench.scores.metrics import known
from bench.spec import BadFile

_TEXTS = ("category", "method", "image", "status", "run")


class Place(NamedTuple):
    """A cell, whatever table it is in."""

    category: str
    factor: int
    method: str


@dataclass(frozen=True, slots=True)
class Run:
    """The values of one table."""

    protocols: Mapping[str, str]
    """metric -> protocol; empty if the file does not say."""
    machine: Mapping[str, str]
    scores: Mapping[Place, Mapping[str, Mapping[str, float]]]
    """cell -> metric -> image -> value, the mean over the seeds."""
    failed: Mapping[Place, frozenset[str]]
    """Images whose result is not the method's own."""
    lr: Mapping[Place, str] = field(default_factory=dict)
    """By what LR images that were given were made, of the cells that had such."""
    sides: Mapping[Place, int] = field(default_factory=dict)
    """The side of the images in pixels, where the file says it."""
    profiles: Mapping[Place, str] = field(default_factory=dict)
    """Whose images they are, where the file says it."""
    lost: Mapping[Place, str] = field(default_factory=dict)
    """Why a method that was run has no values at all."""
    means_of: Mapping[Place, str] = field(default_factory=dict)
    """Of which seeds and trainings the values are means, where the file says it."""


def read(path: Path) -> dict[str, Run]:
    """Return the tables of a folder of results, of one `<table>.json` or of one `<table>.images.csv`, by name.

    Raises `BadFile` and `BenchError`.
    """
    if path.is_dir():
        return {name: _of_json(path / f"{name}.json") for name in stored.names(path)}
    if path.name.endswith(".images.csv"):
        return {path.name.removesuffix(".images.csv"): _of_csv(path)}
    return {path.stem: _of_json(path)}


def _of_json(path: Path) -> Run:
    """Return the run in a `<table>.json`, whatever its protocols are."""
    found = sealing.content(path)
    lines: list[tuple[Place, str, str, dict[str, float]]] = []
    for cell in found["cells"]:
        place = Place(cell["task"]["category"], cell["task"]["factor"], cell["method"])
        own = [of for of in cell["results"] if "ok" in of["status"]]  # else bicubic results alone, of no mean
        for of in own or cell["results"]:
            for index, (image, status) in enumerate(zip(of["images"], of["status"], strict=True)):
                values = {
                    name: float(listed[index]) for name, listed in of["values"].items() if listed[index] is not None
                }
                lines.append((place, image, status, values))
    cells = {Place(cell["task"]["category"], cell["task"]["factor"], cell["method"]): cell for cell in found["cells"]}
    return replace(
        _run(
            lines,
            found["protocols"],
            parts.told(found["machine"], [cell.get("machine", {}) for cell in found["cells"]]),
        ),
        lr={place: cell["lr"] for place, cell in cells.items() if "lr" in cell},
        sides={place: cell["task"]["hr_size"] for place, cell in cells.items()},
        profiles={place: cell["task"]["profile"] for place, cell in cells.items()},
        means_of={place: _means_of(cell) for place, cell in cells.items()},
        lost={place: cell["reason"] for place, cell in cells.items() if not (cell["refusal"] or cell.get("results"))},
    )


def _means_of(cell: Mapping[str, Any]) -> str:
    """Return the seeds and the trainings of a cell that have results, in words."""
    seeds, trainings = ({of.get(key, 0) for of in cell["results"]} for key in ("seed", "training"))
    return "; ".join(
        f"{name}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, sorted(numbers)))}"
        for name, numbers in (("seed", seeds), ("training", trainings))
        if numbers
    )


def _of_csv(path: Path) -> Run:
    """Return the run in a `<table>.images.csv`, which does not say how its values were made."""
    try:
        found = spreadsheet.read(files.content(path, files.TEXT), _TEXTS)
        metrics = [name for name in found.columns if known(name)]
        lines = [
            (
                Place(line["category"], int(line["factor"]), line["method"]),
                line["image"],
                line["status"],
                {name: float(line[name]) for name in metrics if line[name] not in ("", None)},
            )
            for line in found.to_dict("records")
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFile(
            f"{path} cannot be read as the values of images: {error!r}; give a <table>.images.csv."
        ) from error
    return _run(lines, {}, {})


def _run(
    lines: Sequence[tuple[Place, str, str, Mapping[str, float]]],
    protocols: Mapping[str, str],
    machine: Mapping[str, str],
) -> Run:
    """Return a run of lines (cell, image, status, values), several of an image where there are several seeds."""
    values: dict[Place, dict[str, dict[str, list[float]]]] = {}
    failed: dict[Place, set[str]] = {}
    for place, image, status, found in lines:
        failed.setdefault(place, set()).update({image} if status != "ok" else ())
        for name, value in found.items():
            if math.isnan(value):  # undefined
                continue
            of = values.setdefault(place, defaultdict(dict))
            of[name].setdefault(image, []).append(value)
    means = {
        place: {name: {image: sum(v) / len(v) for image, v in of.items()} for name, of in metrics.items()}
        for place, metrics in values.items()
    }
    return Run(protocols, machine, means, {place: frozenset(names) for place, names in failed.items()})
