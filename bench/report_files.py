"""Reads the facts of tables: reports/<name>.toml -> `Report`."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.cards import check_keys, read_toml
from bench.profiles import facts_root
from bench.scores.metrics import METRICS
from bench.spec import BadFile, Published, PublishedOn, Report, UnknownName

_REQUIRED = {
    "title": str, "caption": str, "source": str, "metrics": list, "categories": list, "factors": list, "methods": list
}  # fmt: skip
_OPTIONAL = {
    "full": str, "also": list, "pending": dict, "test_sets": dict, "published": dict, "test_data": dict, "margin": dict
}  # fmt: skip
_TEST_DATA = {"hr_size": int, "sha256": str, "operator": str}
_TEXTS = ("metrics", "categories", "methods", "also")


def names() -> tuple[str, ...]:
    """Return the names of the tables there are."""
    return tuple(sorted(path.stem for path in (facts_root() / "reports").glob("*.toml")))


def read(name: str) -> Report:
    """Return a table's facts by name. Raises `UnknownName`, or `BadFile` if its file cannot be used as it stands."""
    if name not in names():
        raise UnknownName("table", name, names())
    path = facts_root() / "reports" / f"{name}.toml"
    values = read_toml(path, _REQUIRED, _OPTIONAL)
    for key in _TEXTS:
        if not all(isinstance(item, str) for item in values.get(key, [])):
            raise BadFile(f"{path}: {key} must be a list of strings.")
    if not all(type(item) is int for item in values["factors"]):
        raise BadFile(f"{path}: factors must be a list of whole numbers.")
    for metric in (*values["metrics"], *values.get("also", [])):
        if metric not in METRICS:
            raise BadFile(f"{path}: {UnknownName('metric', metric, METRICS)}")
    if "full" in values and values["full"] not in values["methods"]:
        raise BadFile(f"{path}: full: {UnknownName('method', values['full'], values['methods'])}")
    published = tuple(_published(path, values.pop("published", {})))
    test_data = {name: _test_data(f"{path}: test_data.{name}", v) for name, v in values.pop("test_data", {}).items()}
    for metric, margin in values.get("margin", {}).items():
        _check_margin(f"{path}: margin.{metric}", metric, margin)
    facts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return Report(name=name, published=published, test_data=test_data, **facts)


def _published(path: Path, factors: Mapping[str, Any]) -> Iterator[Published]:
    """Yield the figures of [published.x<factor>.<category>] tables: method = { metric = "26.84" }."""
    for factor, categories in factors.items():
        if not re.fullmatch(r"x[0-9]+", factor):
            raise BadFile(f"{path}: published.{factor} must be x and the factor, such as published.x16.")
        for category, methods in categories.items():
            for method, figures in methods.items():
                for metric, figure in figures.items():
                    where = f"{path}: published.{factor}.{category}.{method}.{metric}"
                    yield _figure(where, (method, category, int(factor[1:]), metric), figure)


def _test_data(where: str, facts: object) -> PublishedOn:
    """Return what a category's published figures were measured on."""
    if not isinstance(facts, dict):
        raise BadFile(f"{where} must be a table with the keys {', '.join(_TEST_DATA)}, not {facts!r}.")
    check_keys(where, facts, _TEST_DATA, {})
    return PublishedOn(**facts)


def _check_margin(where: str, metric: str, margin: object) -> None:
    """Raise `BadFile` for a margin that is none."""
    if metric not in METRICS:
        raise BadFile(f"{where}: {UnknownName('metric', metric, METRICS)}")
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < math.inf:
        raise BadFile(f"{where} must be a number from 0 up, such as 0.05, not {margin!r}.")


def _figure(where: str, key: tuple[str, str, int, str], figure: object) -> Published:
    """Return one published figure; it is written as a string, to keep the digits as printed."""
    if key[3] not in METRICS:
        raise BadFile(f"{where}: {UnknownName('metric', key[3], METRICS)}")
    if not isinstance(figure, str) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", figure):
        raise BadFile(f'{where} must be a string of digits as printed, such as "26.84", not {figure!r}.')
    return Published(*key, value=float(figure), digits=len(figure.partition(".")[2]))
