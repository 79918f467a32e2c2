"""Text of others cannot be more than text, in whatever it is written to: hostile strings, and real parsers."""

import csv
import io
import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pylatexenc.latexwalker import LatexMacroNode, LatexWalker
from rich.console import Console

from bench import console, escape
from bench.cost import cost_table
from bench.progress import track
from bench.report import figures, notes, render, spreadsheet, storing
from bench.spec import Task, Weights

from .test_table import GOOD, build, records, variants

BITS = [
    "|", "||", "\\", "\\|", "`", "``", "```", "`a|b`", "*", "**", "_", "__", "_a_", "~", "~~", "<",
    "<script>alert(1)</script>", "<!--", "-->", "<https://x.org>", "[a](javascript:alert(1))", "![a](data:x)",
    "[1]: javascript:x", "&amp;", "&lt;b&gt;", "&#60;", "&", "#", "##", "$", "$$", "$\\badmacro$",
    "\\input{/etc/passwd}", "\\end{tabular}", "%", "{", "}", "^", "^^M", "^^5cinput", "\n", "\r", "\r\n", "\n\n",
    "\t", "    ", "- ", "+ ", "* ", "1. ", "12) ", "> ", "---", "===", "\x1b[31m", "\x1b]0;title\x07", "\x9b2J",
    "\x00", "\x7f", "\u202e", "\u2066", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\ud800", "\udcff",
    "=cmd|' /C calc'!A0", "=1+1", "+1", "-1", "@SUM(A1)", "'=", "'", '"', ",", ";", "--", "''", "[", "]", "[red]",
    "[/red]", ":smile:", "❤", "é", "測", "a", "B", "7", " ",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(BITS) | st.text(max_size=3), max_size=6).map("".join)
COMMONMARK = MarkdownIt("gfm-like", {"linkify": False})
BLOCKS = ("html_block", "fence", "code_block", "hr", "blockquote_open", "ordered_list_open")
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")
ALLOWED_LATEX = {"textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"}
ENVIRONMENTS = {"table", "table*", "tabular", "adjustbox", "threeparttable", "tablenotes"}
ALLOWED_LATEX |= {"textasciigrave", "textbf", "textsuperscript", "pm", "infty", "hline", "\\", *"{}#$%&_"}
LAYOUT = "bottomrule caption centering footnotesize item label midrule raggedright scriptsize setlength tabcolsep"
LINES = r"(?:begin|end)\{|(?:top|mid|bottom)rule|centering\\|caption\{|label\{tab:|item\["
ALLOWED_LATEX |= {*LAYOUT.split(), "textwidth", "tnote", "toprule"}


SMALL = ("<sub>", "</sub>")
"""Around published values, which are numbers: the one mark-up of HTML in a report."""
OURS = ("t.md", "t.details.md")
"""The two files of a report, which refer to each other: what its only links lead to."""


def inline(text):
    """What Markdown shows of inline tokens; any mark-up but bold, code and small numbers would fail here."""
    shown = []
    for token in text.children:
        if token.type == "code_inline":
            shown.append(f"`{token.content}`")
        elif token.type in ("text", "text_special"):
            shown.append(token.content)
        elif token.content not in SMALL:
            ours = token.type == "link_close" or token.attrs.get("href") in OURS
            assert ours or token.type in ("strong_open", "strong_close"), f"{token.type}: {token.content!r} is mark-up"
    return "".join(shown)


@given(HOSTILE)
def test_markdown_shows_a_text_as_it_is(text):
    expected = escape.plain(text).strip()
    for before, after, kinds in (
        ("# ", "\n", ["heading_open", "inline", "heading_close"]),
        ("", "\n", ["paragraph_open", "inline", "paragraph_close"]),
    ):
        tokens = COMMONMARK.parse(f"{before}{escape.markdown(text)}{after}")
        if expected:
            assert [token.type for token in tokens] == kinds, "the text is a list, a quotation, code or a rule"
            assert inline(tokens[1]) == expected
    cells = COMMONMARK.parse(f"| a | b |\n|--|--|\n| {escape.markdown(text)} | x |\n")
    shown = [inline(token) for token in cells if token.type == "inline"]
    assert shown == ["a", "b", expected, "x"], "the text is not one cell of a table"


def latex_text(text):
    """What LaTeX sets; a macro that is not one of ours would fail here."""
    plain = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">"}
    plain |= {"textbar": "|", "textasciigrave": "`", "pm": "±", "infty": "∞"}

    def read(nodes):
        for node in nodes:
            if isinstance(node, LatexMacroNode):
                assert node.macroname in ALLOWED_LATEX, node.macroname
                yield plain.get(node.macroname, node.macroname)
            elif hasattr(node, "chars"):
                yield node.chars
            else:
                known = getattr(node, "environmentname", "table") in ENVIRONMENTS
                assert type(node).__name__ in ("LatexGroupNode", "LatexMathNode", "LatexEnvironmentNode"), node
                assert known, node
                yield from read(node.nodelist)

    return "".join(read(LatexWalker(text, tolerant_parsing=False).get_latex_nodes()[0]))


@given(HOSTILE)
def test_latex_sets_a_text_as_it_is(text):
    written = escape.latex(text)
    assert re.sub(r"\s", "", latex_text(written)) == re.sub(r"\s", "", escape.plain(text))
    assert not re.search(r"--|''|(?<!\{)\[|^\*", written), "a ligature, or an argument of the \\\\ before it"


def labels(name):
    """Those of the LaTeX of a table of this name."""
    text = render.latex(replace(sober(), report=replace(sober().report, name=name)))
    return re.findall(r"^\\label\{(.*)\}$", text, re.MULTILINE)


@settings(deadline=None, max_examples=30)
@given(HOSTILE, HOSTILE)
@example("a_b", "a-b")
@example("a-b", "a.b")
@example("é", ":e9:")
@example("a}b%{c", "a-b--c")
def test_a_label_of_a_table_is_one_and_another_for_each(name, other):
    """The name of a table's file went into its label as it was, braces and all; a_b and a-b had one."""
    ours, theirs = labels(name), labels(other)
    assert len(ours) == len(theirs) == 2, "a table of each metric"
    assert all(re.fullmatch("[A-Za-z0-9:.-]+", label) for label in ours + theirs)
    assert set(ours).isdisjoint(theirs) == (name != other), "LaTeX would refer to the wrong table"


@given(HOSTILE)
def test_a_comment_and_a_line_of_a_terminal_are_one_line_that_nothing_obeys(text):
    line = escape.plain(text)
    assert not OBEYED.search(line)
    assert len(line.splitlines()) <= 1
    line.encode()


@given(HOSTILE)
def test_a_cell_of_a_spreadsheet_is_no_formula_and_comes_back(text):
    cell = escape.cell(text)
    assert not re.match(r"[=+\-@\t\r]", cell) or re.fullmatch(r"[-+]?[\d.]+([eE][-+]?\d+)?|[-+](inf|nan)", cell)
    assert escape.from_cell(cell) == escape.plain(text)
    written = spreadsheet.text(spreadsheet.frame([[text, 1]], ["a", "b"]))
    assert list(csv.reader(io.StringIO(written))) == [["a", "b"], [cell, "1"]]


@pytest.mark.parametrize("number", ["-0.5", "+0.12", "-1e-7", "12", "-inf", "nan"])
def test_numbers_stay_numbers(number):
    assert escape.cell(number) == number, "a reader could not compute with it"


def test_columns_of_numbers_are_left_alone():
    frame = pd.DataFrame({"text": ["=1"], "whole": [-3], "real": [-0.5]})
    assert spreadsheet.text(frame) == "text,whole,real\n'=1,-3,-0.5\n"


@cache
def sober():
    """A table with a mark, a failure, a refusal and comparisons: what takes time is done once."""
    marked = records("a", GOOD[:8], GOOD[:8] / 100, remark="r", note="n", weights=(Weights("w", "t"),))
    broken = records("b", GOOD[:8] - 3, GOOD[:8] / 50, status="failed", reason="broken")
    return build(marked, broken, refused=("c",), test_set="photographs", sha256={})


def hostile_table(texts):
    """The same table, every text of it one of these."""
    title, remark, note, reason, weights, published = texts
    table = sober()

    def hostile(row):
        task = replace(row.cell.task, category=published)
        cell = replace(row.cell, title=title, trained_on=weights, task=task)
        told = {"remark": row.remark and remark, "reason": row.reason and (reason or "x"), "test_set": published}
        files = {title: weights} if row.weights else {}
        return replace(row, cell=cell, notes={note: 3} if row.notes else {}, weights=files, apart=reason, **told)

    contests = [replace(each, task=replace(each.task, category=published), other=title) for each in table.contests]
    report = replace(table.report, title=title, caption=remark)
    rows = tuple(map(hostile, table.rows))
    return replace(table, rows=rows, contests=tuple(contests), report=report, left_out=(reason,))


@settings(deadline=None, max_examples=40)
@example(("", "", "", "7", "", ""))
@given(st.tuples(*[HOSTILE] * 6))
def test_a_whole_report_of_hostile_texts_is_a_report(texts):
    table = hostile_table(texts)
    machine = {texts[0]: texts[1]}
    for text, expected in ((render.markdown(table, machine), 2), (render.details(table), 1 + bool(table.contests))):
        assert not OBEYED.search(text)
        for token in COMMONMARK.parse(text):
            assert token.type not in BLOCKS, token.content
            if token.type == "inline":
                inline(token)
        tables = [token for token in COMMONMARK.parse(text) if token.type == "table_open"]
        assert len(tables) == expected
    body = [line for line in render.latex(table).split("\n") if not line.startswith("%")]
    grid = r"\\(begin|end)\{tabular\}(\{l+\})?|&|--(?=\\t(?:extsup|note))"
    latex_text(re.sub(grid, "", "\n".join(body).replace(r"\&", "")))
    for line in render.latex(table).splitlines():
        assert not re.match(rf"\\(?!{LINES})", line), "a command of others is live"
    assert not OBEYED.search(render.latex(table) + render.summary(table))
    json.loads(storing.text(table, (), machine))


@settings(deadline=None)
@given(HOSTILE)
def test_csv_of_hostile_texts_has_the_columns_it_says(text):
    rows = list(csv.reader(io.StringIO(render.texts(hostile_table([text] * 6), {})[".csv"])))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if re.match(r"[=@]|[-+](?![\d.]|inf|nan)", cell)]


@pytest.mark.parametrize("title", ["$\\badmacro$", "_x", "a$b", "\\frac", "\x1b[31m", "\x00", "$", "x\ny"])
def test_a_picture_takes_any_title(title):
    with figures.mpl.rc_context(figures._PLAIN):
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        axes.set_title(escape.picture(title))
        handle = Line2D([], [], label=escape.picture(title))
        legend = figure.legend(handles=[handle])
        figure.savefig(io.BytesIO(), format="png")
    assert len(legend.get_texts()) == 1, "the legend leaves out what begins with an underscore"


def test_curves_of_a_title_with_a_formula_are_drawn(tmp_path):
    built = build(records("a", GOOD, GOOD / 100), records("b", GOOD, GOOD / 100))
    tasks = [replace(built.rows[0].cell.task, factor=factor) for factor in (8, 16)]
    cells = [replace(row.cell, title="$\\badmacro$", task=task) for task in tasks for row in built.rows]
    rows = tuple(replace(row, cell=cell) for row, cell in zip(built.rows * 2, cells, strict=True))
    assert figures.curves(replace(built, rows=rows), tmp_path / "c.png") == [tmp_path / "c.png"]


@pytest.mark.parametrize("text", ["[/red]", "[red]x", "\x1b[2J", ":smile:", "\\", "a\nb", "[link=x]", "\ud800"])
def test_a_line_on_the_terminal_is_what_was_said(capsys, text):
    console.tell("error", text)
    console.say(text.replace("\n", " "))
    out, err = capsys.readouterr()
    assert err == f"error: {escape.plain(text)}\n"
    assert out == f"{escape.plain(text)}\n"


@pytest.mark.parametrize("text", ["[/red]", "\x1b[2J", ":smile:"])
def test_a_progress_bar_takes_any_title(monkeypatch, text):
    buffer = io.StringIO()
    terminal = Console(file=buffer, force_terminal=True, width=200, emoji=False)
    monkeypatch.setattr("bench.progress.Console", lambda **_: terminal)
    assert list(track([1], text, 1)) == [1]
    assert escape.plain(text) in buffer.getvalue(), "rich takes brackets for mark-up and ends the run"


def test_the_table_of_costs_is_escaped():
    line = cost_table.Line(Task("p|q", "face", 16, 64), ("<b>",), "a", "R&D | $x$", None, refusal="no | [x](y)")
    report = build(records("a", GOOD, GOOD)).report
    text = cost_table.markdown(replace(report, title="a|b"), [line], {"x|": "<y>"})
    for token in COMMONMARK.parse(text):
        if token.type == "inline":
            inline(token)
    assert "no | [x](y)" in [inline(token) for token in COMMONMARK.parse(text) if token.type == "inline"]


def test_code_in_a_message_stays_code():
    # The reasons of the suite name commands; a table that was published must not change.
    text = "none was trained. `python -m bench train glean_x --factor 8` makes it, put it at ~/.cache."
    assert escape.markdown(text) == text
    text = "glean.no-decoder, pseudo_inverse, +0.12, (n = 3), 95 %"
    assert escape.markdown(text) == text


def test_a_category_that_looks_like_a_number_is_rendered_again():
    frame = pd.DataFrame({"category": ["2024"], "run": ["1e10"], "image": ["=1"], "psnr": [1.5]})
    found = spreadsheet.read(spreadsheet.text(frame).encode(), ("category", "run", "image"))
    assert found.to_dict("records") == frame.to_dict("records")


def test_legends_of_variants_escape_the_full_one():
    built = variants(records("a", GOOD - 2, GOOD), records("b", GOOD, GOOD), published=())
    rows = tuple(replace(row, cell=replace(row.cell, title="[B](x)")) for row in built.rows)
    assert "Full: \\[B\\](x)." in notes.legend(replace(built, rows=rows), "Bold", escape.markdown)
    assert np.isfinite([row.summary.mean for row in rows]).all()
