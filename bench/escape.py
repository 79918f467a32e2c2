"""Text that others gave, as each kind of output may hold it: titles, remarks, notes, reasons, ids, names of files.

Whatever writes such text takes one of these functions, so that a name can neither end a comment, nor become a link, a
formula or a command of a terminal.
"""

import hashlib
import re
from urllib.parse import quote

_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
# What a terminal or an editor obeys instead of showing it; half a character; what turns the order of letters around.
_OBEYED = re.compile(rf"[\x00-\x1f\x7f-\x9f\ud800-\udfff]|{_TURNING.pattern}")

_CODE = re.compile(
    r"((?<!`)`(?![\s`])[^`|\\]*(?<![\s`])`(?!`))"
)  # nothing in it is obeyed, and our own messages have such
# An underscore within a word marks nothing, a tilde before a path closes nothing, an ampersand alone is itself.
_MARKDOWN = re.compile(r"[\\`*\[\]<|#$]|(?<![^\W_])_|_(?![^\W_])|(?!(?<!\S)~/)~|&(?=#?\w+;)")
# At the start of a paragraph: a list, a rule, a quotation.
_BLOCK = re.compile(r"^(\d{0,9})([-+.)](?=\s|$)|-(?=[-\s]*$)|>)")

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}", "±": r"$\pm$", "∞": r"$\infty$",
}  # fmt: skip
"""A bracket or a star at the start of a row would be an argument of the `\\\\` before it."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(inf|nan)")
_FORMULA = re.compile(r"'*[=+\-@]")

_LONGEST_NAME = 200
"""Bytes; file systems take 255, with endings."""


def plain(text: str) -> str:
    r"""Return a text as one line without control characters, for a terminal, a comment or a picture.

    They become what Python writes for them, such as \x1b; line breaks and tabs become spaces.
    """
    line = _BREAKS.sub(" ", text).replace("\t", " ")
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), line)


def unturned(text: str) -> str:
    r"""Return JSON in which signs that turn the order of letters around are spelt, as `plain` has them: \u202e.

    A title's would turn the value beside it as well: 21.88 was read as 88.12.
    """
    return _TURNING.sub(lambda match: rf"\\u{ord(match[0]):04x}", text)


def lines(text: str) -> str:
    """Return a text of several lines, each as `plain` makes it: for what we lay out ourselves."""
    return "\n".join(plain(line) for line in text.split("\n"))


def markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, in a paragraph, a heading, an item or a cell of a table.

    Code between single backticks stays code.
    """
    parts = _CODE.split(plain(text).strip())
    marked = "".join(part if index % 2 else _MARKDOWN.sub(r"\\\g<0>", part) for index, part in enumerate(parts))
    return _BLOCK.sub(r"\1\\\2", marked)


def latex(text: str) -> str:
    """Return a text that LaTeX sets as it is; two hyphens or quotes stay two. For a comment, `plain` is enough."""
    return re.sub(r"(?<=-)-|(?<=')'", r"{}\g<0>", "".join(_LATEX.get(letter, letter) for letter in plain(text)))


def cell(text: str) -> str:
    """Return a text that a spreadsheet shows instead of computing it: an apostrophe before = + - @, unless a number.

    `from_cell` takes it away again.
    """
    line = plain(text)
    return f"'{line}" if _FORMULA.match(line) and not _NUMBER.fullmatch(line) else line


def from_cell(text: str) -> str:
    """Return what `cell` was given, but for control characters."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def picture(text: str) -> str:
    """Return a text for matplotlib, whose legends leave out what begins with an underscore."""
    line = plain(text)
    return f" {line}" if line.startswith("_") else line


def address(path: str) -> str:
    """Return a relative path as an address; half a character, which JSON may hold, does not end it."""
    return quote(path, errors="surrogatepass")


def file_name(name: str) -> str:
    """Return a name as that of a file: another one for each name, and never a hidden one, a path or too long a one.

    What may not be in it is written %XX, as in addresses. Of a long one the end becomes a hash, behind `~`, which is in
    no other file name.
    """
    quoted = quote(name, safe=" +", errors="surrogatepass").replace("~", "%7E")
    if not quoted:
        return "%"
    if quoted.startswith("."):
        quoted = "%2E" + quoted[1:]
    if len(quoted) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
        quoted = f"{quoted[: _LONGEST_NAME - 17]}~{digest[:16]}"
    return quoted
