"""A page to hand on: a table with the first of its pictures, in a folder of its own or in one file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from bench import atomic, files
from bench.escape import file_name
from bench.images.pillow import strict
from bench.report import stored
from bench.spec import BenchError
from bench.viewer import again, page, pictures
from bench.viewer.pictures import Pictures


@dataclass(frozen=True, slots=True)
class Form:
    """How a page is handed on."""

    limit: int
    """Pictures of so many images of each category and factor, the first ones."""
    single: bool = False
    """Whether the page is one file, pictures included."""
    quality: int | None = None
    """Of WebP, in which results and ground truth are written; None: as the PNG files they are."""
    hidden: tuple[str, ...] = ()
    """Methods, lr or hr, whose pictures are left out: those of images that may not be handed on."""


def write(path: Path, target: Path, form: Form, others: Path | None = None) -> list[Path]:
    """Write the page of a <table>.json for other people: target is a folder, or the file if the page is one.

    Its pictures lie beside it, unless `others` is the folder of the profile in another run, of which they are taken;
    the page says so, unless the table there is this one. Return what was written but for the pictures. Raises
    `BenchError` if there are none.
    """
    found = stored.read(path)
    where = others or path.parent
    another = others is not None and not _same(path, others / path.name)
    pictures.check((row.cell.method for row in found.table.rows), form.hidden)
    there = pictures.find(found.records, where, again=another)
    shown = [_first(each, form.limit) for each in there if (each.method or each.kind) not in form.hidden]
    if not any(each.kind == "sr" for each in shown):
        raise BenchError(
            f"no pictures of {path.name} lie in {where.absolute()}. Measure the table again into that folder, or name "
            "the folder of a profile's results that has them: --images reports/out/mini."
        )
    told = [_told(each, target, form) for each in shown]
    html = target if form.single else target / f"{path.stem}.html"
    made_again = again.remark(path, where / path.name, found.table, shown) if another else ""
    remarks = _remarks(form, made_again)
    atomic.write(html, page.content(path, found.table, found.machine, told, " ".join(remarks)))
    return [html]


def _same(path: Path, other: Path) -> bool:
    """Tell whether two files of a table are of the same run."""
    return other.is_file() and path.read_bytes() == other.read_bytes()


def _first(found: Pictures, limit: int) -> Pictures:
    """Return the first of some pictures."""
    return replace(found, files=dict(islice(found.files.items(), limit)))


def _told(found: Pictures, target: Path, form: Form) -> Mapping[str, Any]:
    """Return where pictures lie; they are written first, if they do not go into the page."""
    # The few pixels of LR images would be no smaller.
    lossy = form.quality is not None and found.kind != "lr"
    contents = {image: _content(path, form.quality if lossy else None) for image, path in found.files.items()}
    if form.single:
        return page.embedded(found, contents, "image/webp" if lossy else "image/png")
    task = found.task
    folder = target / "pictures" / file_name(task.category) / f"x{task.factor}" / _folder(found)
    ending = ".webp" if lossy else ".png"
    paths = {image: folder / f"{file_name(image)}{ending}" for image in contents}
    for image, content in contents.items():
        atomic.write(paths[image], content)
    return page.address(replace(found, files=paths), target)


def _folder(found: Pictures) -> str:
    """Return the folder of pictures; those of methods are told from LR and truth, whatever they are called."""
    return f"method-{file_name(found.method)}" if found.kind == "sr" else found.kind


def _content(path: Path, quality: int | None) -> bytes:
    """Return a picture as it is, or as WebP."""
    content = files.content(path, files.PHOTOGRAPH)
    if quality is None:
        return content
    told = BytesIO()
    with strict(), Image.open(BytesIO(content), formats=["png"]) as image:
        image.save(told, "webp", quality=quality, method=6)
    return told.getvalue()


def _remarks(form: Form, made_again: str) -> Iterator[str]:
    """Yield what is to be said of the pictures."""
    yield f"Here are the pictures of the first {form.limit} images of each category; the values are of all images."
    if made_again:
        yield made_again
    if form.quality is not None:
        yield (
            f"To be small, they are WebP of quality {form.quality}, and so is the difference to the truth; what was "
            "measured are PNG files without loss."
        )
