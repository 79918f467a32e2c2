"""Reads the facts of tables: reports/<name>.toml -> `Report`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import degradation, schema
from bench.cards import LARGEST
from bench.paths import expanded
from bench.profiles import check_table, facts_root, tables
from bench.scores import from_pyiqa
from bench.scores.metrics import METRICS, find
from bench.scores.references import REFERENCES
from bench.spec import BadFile, BenchError, Published, PublishedOn, Report, UnknownName, Variant


@dataclass(frozen=True, slots=True)
class _MetricName:
    """The name of a metric, ours or one of pyiqa."""

    words: str = f"one of {', '.join(METRICS)}, or {from_pyiqa.PREFIX}NAME"

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile`, with the nearest names, for one that is not known, or whose package is missing."""
        schema.TEXT.check(where, key, value)
        try:
            find(str(value))
        except BenchError as error:
            raise BadFile(f"{where}: {key}: {error}") from error


_METRIC = _MetricName()
_FIGURE = schema.form(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", 'of digits as printed, such as "26.84"')
_FACTOR = schema.form(r"x[1-9][0-9]{0,4}", "of x and the factor, such as x16")
_ASKED: dict[str, schema.Kind] = {
    "title": schema.NAME,
    "caption": schema.TEXT,
    "metrics": schema.ListOf(_METRIC),
    "categories": schema.ListOf(schema.NAME, least=1),
    "factors": schema.ListOf(schema.whole(1, LARGEST), least=1),
    "methods": schema.ListOf(schema.NAME, least=1),
}
_FURTHER: dict[str, schema.Kind] = {
    "also": schema.ListOf(_METRIC),
    "full": schema.NAME,
    "trainings": schema.ListOf(schema.whole(0, 2**31 - 1), least=1),
    "front": schema.whole(1, LARGEST),
}
_REPORT = schema.Table(
    {"source": schema.TEXT, **_ASKED},
    {
        **_FURTHER,
        "pending": schema.TableOf(schema.NAME, schema.NAME),
        "test_sets": schema.TableOf(schema.NAME, schema.NAME),
        "test_data": schema.TableOf(
            schema.NAME,
            schema.Table(
                {"hr_size": schema.whole(1, LARGEST)},
                {"sha256": schema.TEXT, "operator": schema.NAME, "names": schema.NAME},
            ),
        ),
        "published": schema.TableOf(
            _FACTOR, schema.TableOf(schema.NAME, schema.TableOf(schema.NAME, schema.TableOf(_METRIC, _FIGURE)))
        ),
        "margin": schema.TableOf(_METRIC, schema.MARGIN),
        "references": schema.ListOf(schema.Choice("reference", REFERENCES)),
        "variants": schema.TableOf(
            schema.form(r"[a-z0-9][a-z0-9-]*", "of small letters, digits and -"),
            schema.Table(
                {},
                {
                    "degradation": degradation.LIST,
                    "of": schema.NAME,
                    "network": schema.NAME,
                    "mixture": schema.NAME,
                },
            ),
        ),
        "presets": schema.TableOf(schema.NAME, schema.Table({}, {**_ASKED, **_FURTHER})),
    },
)


def read(name: str, preset: str = "") -> Report:
    """Return a table's facts by name, or from a .toml file anywhere; for a preset, with what it says of that instead.

    Raises `UnknownName`, or `BadFile` if its file cannot be used as it stands.
    """
    path = _path(name)
    values = schema.read(path, _REPORT)
    values |= values.pop("presets", {}).get(preset, {})
    if "full" in values and values["full"] not in values["methods"]:
        raise BadFile(f"{path}: full: {UnknownName('method', values['full'], values['methods'])}")
    if values.get("front", values["factors"][0]) not in values["factors"]:
        raise BadFile(f"{path}: front is {values['front']}, which is none of its factors.")
    if twice := set(values["metrics"]) & set(values.get("also", [])):
        raise BadFile(f"{path}: also names {', '.join(sorted(twice))}, which stands among the metrics; take it out.")
    published = tuple(_published(values.pop("published", {})))
    test_data = {category: PublishedOn(**facts) for category, facts in values.pop("test_data", {}).items()}
    variants = tuple(_variants(path, values.pop("variants", {})))
    facts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return Report(name=path.stem, published=published, test_data=test_data, variants=variants, **facts)


def _variants(path: Path, values: Mapping[str, Mapping[str, Any]]) -> Iterator[Variant]:
    """Yield the further columns. Raises `BadFile` for one that would be a second time what another column is."""
    seen = {Variant(""): "its category itself; say what is different (degradation, of, network, mixture)"}
    for name, told in values.items():
        facts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
        if same := seen.get(nameless := Variant("", **facts)):
            raise BadFile(f"{path}: variants.{name} is the same as {same}, or take it out.")
        seen[nameless] = f"variants.{name}; say what is different"
        yield replace(nameless, name=name)


def _path(name: str) -> Path:
    """Return the file of a table. One of somebody else's needs a name of its own: results lie under it."""
    own = name.endswith(".toml")
    if not own and name not in tables():
        raise UnknownName("table", name, tables())
    path = expanded(name) if own else facts_root() / "reports" / f"{name}.toml"
    check_table(path)
    return path


def _published(factors: Mapping[str, Any]) -> Iterator[Published]:
    """Yield the figures of [published.x<factor>.<category>] tables: method = { metric = "26.84" }."""
    for factor, categories in factors.items():
        for category, methods in categories.items():
            for method, figures in methods.items():
                for metric, figure in figures.items():
                    digits = len(figure.partition(".")[2])
                    yield Published(method, category, int(factor[1:]), metric, float(figure), digits)
