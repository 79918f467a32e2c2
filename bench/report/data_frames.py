"""Table -> data frames: every row with all its figures, the values of each image, the comparisons, the timing."""

import math
from collections.abc import Sequence

import pandas as pd

from bench.profiles import profile_title
from bench.report import spreadsheet
from bench.report.row import Row
from bench.report.table import Table
from bench.scores.contests import Contest
from bench.spec import Record


def frame(table: Table) -> pd.DataFrame:
    """Return every row of the table with all its figures, for CSV and the details."""
    return spreadsheet.frame(_facts(row) for row in table.rows)


def images(table: Table, records: Sequence[Record]) -> pd.DataFrame:
    """Return the values of each image, a row each: what every figure of the table can be computed from.

    `run` is the fingerprint of code, weights, versions and device; a failed image has the values of its bicubic result.
    Of several seeds or trainings, a column tells which.
    """
    metrics = {row.metric.name: row.metric.protocol() for row in table.rows}
    keys = ["category", "factor", "method", "seed", "training", "image", "status", "run"]
    values = [
        [r.task.category, r.task.factor, r.method, r.task.seed, r.task.training, r.image, r.status, r.run]
        + [r.metrics.get(protocol, math.nan) for protocol in metrics.values()]
        for r in records
        if r.image is not None
    ]
    found = spreadsheet.frame(values, [*keys, *metrics]).round(9)
    return found.drop(columns=[name for name in ("seed", "training") if len(set(found[name])) <= 1])


def timing(records: Sequence[Record]) -> pd.DataFrame:
    """Return the method's own seconds per image, apart from the table because no two runs agree on them.

    Beside them the mean number of passes through a generator, forward and backward, that an optimisation made.
    """
    timed = [record for record in records if record.image is not None and not math.isnan(record.seconds)]
    keys, figures = ["category", "factor", "method"], ["image", "seconds", "g_forward", "g_backward"]
    facts = [[r.task.category, r.task.factor, r.method, r.image, r.seconds, r.g_forward, r.g_backward] for r in timed]
    groups = spreadsheet.frame(facts, [*keys, *figures]).groupby(keys, sort=False)
    return groups.agg(
        images=("image", "nunique"),
        median=("seconds", "median"),
        mean=("seconds", "mean"),
        total=("seconds", "sum"),
        g_forward=("g_forward", "mean"),
        g_backward=("g_backward", "mean"),
    ).reset_index()


def comparisons(table: Table) -> pd.DataFrame:
    """Return the paired comparisons with the best or the full method, one row each.

    Where methods have several seeds or trainings, p does not decide alone, and a column says what was decided.
    """
    return spreadsheet.frame(
        {
            "category": contest.task.category,
            "factor": contest.task.factor,
            "metric": contest.metric.name,
            "full" if table.full else "best": contest.first,
            "other": contest.other,
            "n": contest.result.n,
            "difference": _difference(contest),
            "p": f"{contest.p:.4f}",
            "p (adjusted)": f"{contest.p_adjusted:.4f}",
            "win rate": f"{contest.result.win_rate:.2f}",
            "Wilcoxon p": f"{contest.result.wilcoxon_p:.2g}",
            "effect d_z": number(contest.result.effect, 2),
            "detectable": number(contest.detectable, contest.metric.digits + 1) or "none",
            **({"told apart": "yes" if contest.told else ""} if table.of_seeds else {}),
        }
        for contest in table.contests
    )


def _facts(row: Row) -> dict[str, object]:
    """Return one row of the details."""
    digits, task = row.metric.digits + 2, row.cell.task
    facts: dict[str, object] = {
        "profile": profile_title(task.profile),
        "category": task.category,
        "factor": task.factor,
        "hr_size": task.hr_size,
        "seed": " ".join(map(str, row.seeds)),
        **({"training": " ".join(map(str, row.trainings))} if row.trainings != (0,) else {}),
        "method": row.cell.method,
        "metric": row.metric.name,
        "n_ok": row.n_ok,
        "n": row.n,
    }
    if row.summary is not None:
        facts |= {
            "mean": f"{row.summary.mean:.{digits}f}",
            "ci95": number(row.summary.half_width, digits),
            # shares in the figure of a set say nothing one by one
            "median": "" if row.metric.pooled else f"{row.summary.median:.{digits}f}",
            "worst 5 %": "" if row.metric.pooled else f"{row.summary.worst5:.{digits}f}",
            "exact": str(row.summary.infinite or ""),
            "seed sd": number(row.spread.deviation, digits) if row.spread else "",
        }
    published = "" if row.published is None else f"{row.published.value:.{row.published.digits}f}"
    difference = "" if math.isnan(row.difference) else f"{row.difference:+.{digits}f}"
    return facts | {
        "best": "yes" if row.best else "",
        "published": published,
        "difference": difference,
        "verdict": row.verdict,
        "status": row.status,
        "reason": row.why,
        "protocol": row.protocol,
    }


def _difference(contest: Contest) -> str:
    """Return the mean difference and its interval; exact images on both sides leave none."""
    if math.isnan(contest.result.mean):
        return "none: both have exact images"
    return interval(contest.result.mean, contest.result.half_width, contest.metric.digits + 1)


def interval(mean: float, half_width: float, digits: int) -> str:
    """Return a mean and its interval as printed, without the interval if there is none."""
    if math.isinf(mean):
        return "∞" if mean > 0 else "-∞"
    return f"{mean:.{digits}f}" + (f" ± {half_width:.{digits}f}" if math.isfinite(half_width) else "")


def number(value: float, digits: int) -> str:
    """Return a number as printed; nothing for one that is not finite."""
    return f"{value:.{digits}f}" if math.isfinite(value) else ""
