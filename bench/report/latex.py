"""A grid as a LaTeX table that can be pasted into a two-column article: booktabs, caption, label, notes below it."""

import re
from collections.abc import Iterable, Sequence

PREAMBLE = r"\usepackage{booktabs,threeparttable,adjustbox}"
"""What the preamble of the article must hold."""
_LABEL = {"_": "-", "-": ".", ":": "::"}
_RULES = (r"\toprule", r"\midrule", r"\bottomrule")


def table(label: str, caption: str, grid: str, items: Iterable[tuple[str, str]]) -> str:
    """Return a float over both columns, made narrower where it would not fit: (mark, text) of the notes below it.

    `grid` is a tabular with three lines of `hline`; all texts are LaTeX.
    """
    lines = [
        r"\begin{table*}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{label}}}",
        r"\begin{adjustbox}{max width=\textwidth}",
        r"\begin{threeparttable}",
        _ruled(grid),
        r"\begin{tablenotes}[flushleft]\scriptsize\raggedright",
        *(rf"\item[{mark}] {text}" for mark, text in items),
        r"\end{tablenotes}",
        r"\end{threeparttable}",
        r"\end{adjustbox}",
        r"\end{table*}",
    ]
    return "\n".join(lines)


def label(text: str) -> str:
    """Return a text as a part of a label: letters and digits of ASCII, `-`, `.` and `:`; another one for each text.

    LaTeX obeys or refuses other signs there, and packages for languages some of those that it takes.
    """
    return re.sub(r"[^A-Za-z0-9]", lambda sign: _LABEL.get(sign[0], f":{ord(sign[0]):x}:"), text)


def _ruled(grid: str) -> str:
    """Return a tabular with the rules of booktabs."""
    parts: Sequence[str] = grid.split(r"\hline")
    return "".join(part + rule for part, rule in zip(parts, (*_RULES, ""), strict=True))
