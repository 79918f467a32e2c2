"""What `doctor` finds: what is installed, what is here, what each table could fill, and what is broken."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch

import methods as suite
from bench import cards, checkup, pipeline, report_files
from bench.checkup import Finding
from bench.images import data, known
from bench.paths import short
from bench.profiles import profiles, tables
from bench.progress import track
from bench.restore import RunSettings
from bench.spec import BadFile, BenchError
from methods.weights import catalogue, trained
from methods.weights.folders import every_shipped


def findings(folder: Path) -> Iterator[Finding]:
    """Yield everything, in the order in which it is printed."""
    yield from track(checkup.packages(), "packages", len(checkup.PACKAGES) + 3)
    yield from checkup.hardware()
    yield checkup.folder("results", folder)
    yield checkup.data_folder()
    yield checkup.weights_folder()
    yield checkup.shipped_files()
    yield _own()
    yield _published()
    for profile in profiles():
        images = [_images(profile, category) for category in cards.cards(profile)]
        yield from images
        yield from _tables(profile, folder, there=any(dict(finding.counts)["images"] for finding in images))


def _own() -> Finding:
    """Return how many files were trained here, and which of them cannot be used."""
    shipped, wrong, unfinished = every_shipped(), [], 0
    files = [path for path in trained.present() if path.parent not in shipped]
    for path in files:
        try:
            unfinished += bool(trained.unfinished(path))
            trained.check_seed(path)
        except BenchError as error:
            wrong.append(str(error))
    text = f"{len(files)} trained here, {unfinished} of them not to the end, {len(wrong)} damaged or out of place"
    counts = (("files", len(files)), ("unfinished", unfinished), ("damaged", len(wrong)))
    return Finding("weights", "own", text, " ".join(wrong), counts)


def _published() -> Finding:
    """Return how many of the published files are here, and which of them are not what was published."""
    files, wrong = catalogue.present(), []
    for file, path in track(files, "published weight files", len(files)):
        try:
            problem = catalogue.wrong(file, path)
        except BenchError as error:
            problem = str(error)
        if problem:
            wrong.append(f"{short(path)} {problem}. Delete it, and {catalogue.advice(file)}")
    known_files = len(catalogue.catalogue())
    text = f"{len(files)} of {known_files} are here, {len(wrong)} damaged"
    counts = (("files", len(files)), ("of", known_files), ("damaged", len(wrong)))
    return Finding("weights", "published", text, " ".join(wrong), counts)


def _images(profile: str, category: str) -> Finding:
    """Return how many test images of a category can be read; that some are missing breaks nothing."""
    section, none = f"images of {profile}", (("images", 0),)
    try:
        card = cards.card(profile, category)
        count = len(data.image_ids(card))
        known.check(card)
    except BadFile as error:
        return Finding(section, category, "unusable", str(error), none)
    except BenchError as error:  # the first part of its sentence says what, the rest where to get it, as `data` does
        return Finding(section, category, f"missing: {str(error).partition(';')[0]}", counts=none)
    return Finding(section, category, f"{count} images", counts=(("images", count),))


def _tables(profile: str, folder: Path, *, there: bool) -> Iterator[Finding]:
    """Yield how many cells of each table would run now, on the images of a profile."""
    section = f"tables on {profile}"
    if not there:
        yield Finding(section, "all", "nothing, as no category has its images", counts=(("runnable", 0),))
        return
    preset = cards.preset(profile)
    names = [name for name in tables() if report_files.read(name).metrics]
    for name in track(names, f"tables on {profile}", len(names)):
        report = report_files.read(name, preset)
        methods = [suite.find(method) for method in report.methods if method not in report.pending]
        try:
            cells = pipeline.prepare(report, methods, RunSettings(folder, torch.device("cpu")), profile=profile).cells
        except BenchError as error:
            yield Finding(section, name, f"nothing: {error}", counts=(("runnable", 0),))
            continue
        refused = sum(cell.refusal is not None for cell in cells)
        counts = (("runnable", len(cells) - refused), ("refused", refused))
        yield Finding(section, name, f"{len(cells) - refused} cells run, {refused} are refused", counts=counts)


def text(found: list[Finding]) -> str:
    """Return the findings by section, a line each."""
    lines = []
    for section in dict.fromkeys(finding.section for finding in found):
        lines.append(section)
        lines += [f"  {each.name:17} {each.text}" for each in found if each.section == section]
    return "\n".join(lines)


def as_json(found: list[Finding]) -> str:
    """Return the findings as JSON: section -> name -> text, and numbers where there are some."""
    told: dict[str, dict[str, object]] = {}
    for each in found:
        told.setdefault(each.section, {})[each.name] = {"text": each.text, **dict(each.counts)}
    problems = [each.problem for each in found if each.problem]
    return json.dumps({**told, "broken": problems}, indent=1, ensure_ascii=False)
