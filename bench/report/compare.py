"""Two runs of a table, image by image: how far the second lies from the first, and whether it is worse.

A cell is worse if its mean is on the worse side and even the pessimistic end of the 95 % interval of the paired
difference is not within the tolerance, or if an image, or the whole method, failed that had not. Equal runs differ by
nothing, so their interval is nothing; without a tolerance a mean may not be worse at all. Values of different
protocols or sizes of images are never subtracted.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.report.runs import Place, Run
from bench.scores import stats
from bench.scores.metrics import METRICS, find, known
from bench.spec import BenchError

_SHOWN = 3
_RESOLUTION = 1e-6
"""Below this two values are one: some files hold six decimals."""
_MADE = "LR made by the suite"
_UNTOLD = (
    "a .images.csv does not say how its values were made: see to it that protocols, sizes and LR images are the same"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """How the second run of a cell differs from the first by a metric: second minus first."""

    place: Place
    metric: str
    n: int
    """Images that both have."""
    only: tuple[int, int]
    """How many images are in the first alone, in the second alone."""
    mean: float
    half_width: float
    """Of the 95 % t interval; infinite for a single image."""
    farthest: str
    """The image with the largest difference; empty if all are equal."""
    worse: str
    """Why it is worse than allowed; empty if it is not."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing two runs."""

    differences: tuple[Difference, ...]
    remarks: tuple[str, ...]
    """What could not be compared, and what else differs, a sentence each."""
    refused: bool
    """Whether a metric of both is of different protocols, or a cell of both of other LR images or another size."""
    lost: tuple[str, ...]
    """Cells of the first whose method failed altogether in the second, and why."""


def compare(first: Run, second: Run, tolerance: Mapping[str, float]) -> Comparison:
    """Compare two runs, by every metric that both have; `tolerance` says how much worse a mean may be, 0 if unsaid."""
    remarks = [_UNTOLD] if not (first.protocols and second.protocols) else []
    places = [place for place in first.scores if place in second.scores]
    for which, one, other in (("first", first, second), ("second", second, first)):
        alone = [" ".join(map(str, place)) for place in one.scores if place not in other.scores]
        if alone:
            remarks.append(f"only in the {which}: {_listed(alone)}")
    unlike = {place: sentence for place in places if (sentence := _unlike(first, second, place))}
    remarks += dict.fromkeys([*unlike.values(), *_elsewhere(first, second, places)])
    places = [place for place in places if place not in unlike]
    metrics = [name for name in _metrics(first) if name in _metrics(second)]
    apart = {name for name in metrics if _apart(first, second, name)}
    remarks += [
        f"{name} is {first.protocols[name]} in the first and {second.protocols[name]} in the second: not compared"
        for name in metrics
        if name in apart
    ]
    remarks += [
        f"{name} is a figure of all images together, and they are not the same in both: not compared"
        for name in metrics
        if any(_other_set(first, second, place, name) for place in places)
    ]
    remarks += _of_other_seeds(first, second, places)
    remarks += _of_one_alone(first, second, places, [name for name in metrics if name not in apart])
    facts = [name for name in first.machine if second.machine.get(name, first.machine[name]) != first.machine[name]]
    remarks += [f"{name}: {first.machine[name]}, then {second.machine[name]}" for name in facts]
    found = [
        difference
        for name in metrics
        if name not in apart
        for place in places
        for difference in _difference(first, second, place, name, tolerance.get(name))
    ]
    lost = [
        f"{' '.join(map(str, place))} failed: {second.lost[place]}" for place in first.scores if place in second.lost
    ]
    return Comparison(tuple(found), tuple(remarks), bool(apart or unlike), tuple(lost))


def _unlike(first: Run, second: Run, place: Place) -> str:
    """Return why the values of a cell of both are of other images, or "", also where a file does not say it."""
    if place not in first.sides or place not in second.sides:
        return ""
    lr, side = ([told.get(place) for told in pair] for pair in ((first.lr, second.lr), (first.sides, second.sides)))
    if lr[0] != lr[1]:
        told = f"{lr[0] or _MADE} in the first, {lr[1] or _MADE} in the second"
    elif side[0] != side[1]:
        told = f"images of {side[0]} px in the first, of {side[1]} px in the second"
    else:
        return ""
    return f"{place.category} {place.factor}x: {told}: not compared"


def _elsewhere(first: Run, second: Run, places: Sequence[Place]) -> Iterator[str]:
    """Yield that the images of a category are of two profiles: files of one name may be different photographs."""
    for place in places:
        one, other = (run.profiles.get(place, "") for run in (first, second))
        if one and other and one != other:
            told = f"{place.category}: of profile {one} in the first, {other} in the second"
            yield f"{told}; images are paired by name alone"


def _of_other_seeds(first: Run, second: Run, places: Sequence[Place]) -> Iterator[str]:
    """Yield which methods were measured with other seeds or trainings, whose difference need not be the code's."""
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for place in places:
        one, other = (run.means_of.get(place, "") for run in (first, second))
        if one and other and one != other:
            alike[one, other].append(f"{place.method} ({place.category}, {place.factor}x)")
    for (one, other), methods in alike.items():
        names = _listed(methods)
        yield f"{names}: {one} in the first, {other} in the second; the intervals are of images alone"


def _of_one_alone(first: Run, second: Run, places: Sequence[Place], metrics: Sequence[str]) -> Iterator[str]:
    """Yield which images have values in one run alone, one sentence for all methods and metrics that lack the same."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, str]]] = defaultdict(list)
    for place in places:
        for name in metrics:
            one, other = (run.scores[place].get(name, {}) for run in (first, second))
            for which, mine, others in (("first", one, other), ("second", other, one)):
                if alone := tuple(image for image in mine if image not in others):
                    alike[f"{place.category} {place.factor}x", which, alone].append((place.method, name))
    for (where, which, images), of in alike.items():
        methods, names = (_listed(list(dict.fromkeys(each))) for each in zip(*of, strict=True))
        count = f"{len(images)} image{'s' if len(images) > 1 else ''}"
        yield f"{where}: {count} only in the {which} ({_listed(images)}), of {methods}; {names}"


def _metrics(run: Run) -> list[str]:
    """Return the metrics that a run has values of."""
    return list(dict.fromkeys(name for of in run.scores.values() for name in of))


def _apart(first: Run, second: Run, metric: str) -> bool:
    """Return whether both files say how a metric was made, and say it differently."""
    told = [run.protocols.get(metric) for run in (first, second)]
    return None not in told and told[0] != told[1]


def _other_set(first: Run, second: Run, place: Place, metric: str) -> bool:
    """Return whether a metric is of sets, and its values, which are shares in a figure, are of different ones."""
    one, other = (run.scores[place].get(metric, {}) for run in (first, second))
    return find(metric).pooled is not None and bool(one and other) and one.keys() != other.keys()


def _difference(first: Run, second: Run, place: Place, metric: str, tolerance: float | None) -> Iterator[Difference]:
    """Yield the difference of a cell by a metric, if both have values."""
    one, other = (run.scores[place].get(metric, {}) for run in (first, second))
    shared = [image for image in one if image in other]
    if not shared or _other_set(first, second, place, metric):
        return
    paired = {image: _minus(other[image], one[image]) for image in shared}
    summary = stats.summarise(list(paired.values()), find(metric).higher_is_better, find(metric).degree)
    spread = 0.0 if math.isinf(summary.half_width) else summary.half_width  # of a single image nothing is known
    better = summary.mean if find(metric).higher_is_better else -summary.mean
    gone = sorted((second.failed[place] - first.failed[place]) & set(shared))
    worse = ""
    if gone:
        worse = f"{len(gone)} more failed ({_listed(gone)})"
    elif math.isnan(better):
        worse = "some images are exact in one run alone, others in the other"
    elif better < -_RESOLUTION and better - spread < -(tolerance or 0):
        worse = "its mean is worse" if tolerance is None else f"worse than the tolerance of {tolerance:g} allows"
    farthest = max(paired, key=lambda image: abs(paired[image]))
    yield Difference(
        place,
        metric,
        len(shared),
        (len(one) - len(shared), len(other) - len(shared)),
        summary.mean,
        summary.half_width,
        farthest if paired[farthest] else "",
        worse,
    )


def _minus(value: float, other: float) -> float:
    """Return a difference; two exact images do not differ."""
    return 0.0 if value == other else value - other


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def tolerances(text: str) -> dict[str, float]:
    """Return metric -> how much worse a mean may be, of a text such as `psnr=0.05,lpips=0.002`. Raises `BenchError`."""
    found = {}
    for part in filter(None, text.split(",")):
        name, _, value = (each.strip() for each in part.partition("="))
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = math.nan
        if not known(name) or not 0 <= found[name] < math.inf:
            raise BenchError(
                f"--tolerance {part}: it takes METRIC=NUMBER, such as psnr=0.05, of {', '.join(METRICS)}, from 0 on."
            )
    return found
