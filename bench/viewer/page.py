"""A table as one page: an HTML file that opens from the disk, with its data, script and style in it.

The script is the files of this folder, one after the other, in one inline module: a browser loads no module from beside
a page of the disk (its origin is opaque), and modules in a page cannot import each other. Each file stays one by
itself for `node --check`, and all share their names, which is how `tsc --project` (jsconfig.json) checks their types.
The page names the checksums of script and style, and a browser runs no other: text of others stays text.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench import atomic, escape, files
from bench.report import made_with, notes, render, spreadsheet
from bench.report.data_frames import comparisons, interval
from bench.report.table import Table
from bench.scores.metrics import columns
from bench.spec import Record
from bench.viewer import pictures
from bench.viewer.pictures import Pictures

_HERE = Path(__file__).parent
SCRIPTS = ("dom.js", "data.js", "state.js", "table.js", "zoom.js", "panes.js", "strip.js", "plots.js", "main.js")
"""The files of the script, in their order: what a file uses while it is read stands above it."""


def write(folder: Path, table: Table, records: Sequence[Record], machine: Mapping[str, str]) -> list[Path]:
    """Write <table>.html beside the <table>.json of a folder, for the pictures in it; return its path."""
    path = folder / f"{table.report.name}.html"
    told = [address(each, folder) for each in pictures.find(records, folder)]
    atomic.write(path, content(path.with_suffix(".json"), table, machine, told))
    return [path]


def content(
    path: Path, table: Table, machine: Mapping[str, str], told: Sequence[Mapping[str, Any]], remark: str = ""
) -> bytes:
    """Return the page of a table.

    Args:
        path: Its <table>.json, which goes into the page as it is; the seconds are looked for beside it.
        table: The same, as values.
        machine: Versions and device.
        told: Where pictures lie, as `address` says it.
        remark: What is to be said of the pictures.
    """
    seconds = _seconds(path.with_name(f"{table.report.name}.timing.csv"))
    summaries = [(row.summary, row.metric.digits) for row in table.rows]
    printed = [interval(found.mean, found.half_width, digits) if found else "" for found, digits in summaries]
    facts = {"metrics": _metrics(table), "printed": printed, "seconds": seconds, "pictures": list(told)}
    page = json.dumps(facts, ensure_ascii=False)
    data = escape.unturned(f'{{"table": {files.content(path, files.PHOTOGRAPH).decode()}, "page": {page}}}')
    style, script = (_HERE / "page.css").read_text(encoding="utf-8"), _script()
    text: str = _template().render(
        report=table.report,
        caption=f"{table.report.caption} {notes.sizes(table.rows, table, escape.plain)}".strip(),
        legend=notes.legend(table, "Bold", escape.plain),
        remarks=notes.remarks(table, escape.plain),
        compared=render.compared(table),
        comparisons=comparisons(table).to_dict("records"),
        protocols=made_with.protocols(table, escape.plain),
        machine=made_with.machine(table, machine, escape.plain),
        remark=remark,
        several=table.of_seeds,
        plain=escape.plain,
        data=Markup(data.replace("<", "\\u003c")),  # noqa: S704 - no `</script>` ends it
        style=Markup(style),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        checksums={"style": _checksum(style), "script": _checksum(script)},
    )
    return text.encode(errors="backslashreplace")


def _metrics(table: Table) -> dict[str, dict[str, Any]]:
    """Return what the page's script is told of each metric; of two with one title the second goes by its name."""
    metrics = columns((*table.report.metrics, *table.report.also))
    first = {metric.title: metric for metric in reversed(metrics)}
    return {
        metric.name: {
            "title": metric.title if first[metric.title] is metric else metric.name,
            "higher": metric.higher_is_better,
            "digits": metric.digits,
        }
        for metric in metrics
    }


def address(found: Pictures, folder: Path) -> dict[str, Any]:
    """Return for a page in a folder where pictures lie: a common beginning of their addresses, and the rest of each."""
    first = next(iter(found.files.values())).parent
    common = "".join(f"{escape.address(part)}/" for part in first.relative_to(folder).parts)
    names = {image: escape.address(path.name) for image, path in found.files.items()}
    return {**_of(found), "common": common, "files": names}


def embedded(found: Pictures, contents: Mapping[str, bytes], kind: str) -> dict[str, Any]:
    """Return the same with the files themselves, of one kind such as image/png, in the page."""
    told = {image: b64encode(content).decode() for image, content in contents.items()}
    return {**_of(found), "common": f"data:{kind};base64,", "files": told}


def _of(found: Pictures) -> dict[str, Any]:
    """Return of what pictures are."""
    return {"category": found.task.category, "factor": found.task.factor, "kind": found.kind, "method": found.method}


def _seconds(path: Path) -> list[dict[str, Any]]:
    """Return the median seconds an image of each cell took, where a run wrote them down."""
    timing = files.found(path, files.TEXT)
    if timing is None:
        return []
    keys = ["category", "factor", "method"]
    found = spreadsheet.read(timing, ("category", "method"))[[*keys, "median"]].rename(columns={"median": "seconds"})
    return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


def _script() -> str:
    """Return the script."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)


def _checksum(text: str) -> str:
    """Return the checksum of an element's text as a Content-Security-Policy has it."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _template() -> Any:  # noqa: ANN401
    """Return the template; all that is put into it is escaped, unless it is marked."""
    place = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return place.get_template("page.html.j2")
