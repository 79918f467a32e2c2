"""What the command line prints, and how it ends: errors are one line, and the exit status tells which kind."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

from bench import escape
from bench.errors import BenchError

# What is imported here is not watched over by `run`: the rest is imported where it is used.
# ruff: noqa: PLC0415

WRONG, FAULT, STOPPED, CLOSED = 2, 70, 130, 1
"""Exit statuses: what a user can put right; a fault of the suite (EX_SOFTWARE); Ctrl-C; nobody reads on."""
LOADING = "loading torch and the other packages ..."
_VERBOSE = Event()
_LONGEST = 300  # characters of what an unforeseen error says


def say(text: str) -> None:
    """Print lines to standard output, at once: a run may take days."""
    print(escape.lines(text), flush=True)  # noqa: T201 - the one place


def set_verbose(*, verbose: bool) -> None:
    """Let `detail` print, or not."""
    if verbose:
        _VERBOSE.set()
    else:
        _VERBOSE.clear()


def detail(text: str) -> None:
    """Print lines, as `say`, if the user wants to read every one."""
    if _VERBOSE.is_set():
        say(text)


def tell(kind: str, text: str) -> None:
    """Print a line to standard error: what kind of thing it is, in red, and what is to be said."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ModuleNotFoundError:  # nothing that the suite needs is installed: this line is to say so
        print(f"{kind}: {escape.plain(text)}", file=sys.stderr)  # noqa: T201 - as below
        return
    line = Text.assemble((kind, "red"), f": {escape.plain(text)}")
    with suppress(OSError):  # with standard error full or closed there is nowhere left to say it
        Console(stderr=True, soft_wrap=True, highlight=False, emoji=False).print(line)


def loading() -> None:
    """Say on standard error that a command has begun that will take some time to start."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(LOADING, file=sys.stderr, flush=True)  # noqa: T201 - as `tell`


def run(command: Callable[[list[str]], int], words: Sequence[str]) -> int:
    """Run a command with its words; return its exit status, or that of what went wrong, which is told in one line.

    What was not foreseen is written to a log file, whose place is told, with a request to report it.
    """
    _encodable()
    try:
        _check(words)
        status = command(list(words))
        if sys.stdout is not None:  # as under `>&-`
            sys.stdout.flush()
    except BrokenPipeError:  # such as `| head`
        _hush()
        return CLOSED
    except KeyboardInterrupt:
        tell("stopped", "by Ctrl-C; what is finished stays and is not done again.")
        return STOPPED
    except Exception as error:  # noqa: BLE001 - nothing a user does may end in a traceback
        if isinstance(error, OSError) and error.filename is None:
            _hush()
        return _told(error)
    return status


def _told(error: Exception) -> int:
    """Tell an error in one line and return the exit status."""
    if isinstance(error, BenchError):
        tell("error", str(error))
    elif isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in ("", "bench", "methods"):
        tell("error", _absent(str(error.name).split(".")[0]))
    elif isinstance(error, OSError) and error.filename is not None:
        tell("error", f"{_named(error.filename)}: {error.strerror}; see that it is what is meant, and may be used.")
    elif isinstance(error, OSError) and error.strerror is not None:
        tell("error", f"the output cannot be written: {error.strerror}.")
    elif isinstance(error, MemoryError):
        tell("error", "there is not enough memory; take a smaller --batch-size or --hr-size, or fewer images.")
    else:
        import traceback

        what = "".join(traceback.format_exception_only(error)).strip()[:_LONGEST]
        tell("error", f"this is a fault of glean-bench: {what}. Please report it, with {_log(error)}")
        return FAULT
    return WRONG


def _absent(package: str) -> str:
    """Return what to do about a package that the suite needs and this Python does not have."""
    root = Path(__file__).resolve().parent.parent
    what = f"-e {shlex.quote(str(root))}" if (root / "pyproject.toml").is_file() else "glean-bench"
    return (
        f"{sys.executable} has no package {package}, which glean-bench needs. Install what it needs with "
        f"`{shlex.quote(sys.executable)} -m pip install {what}`, or run it in the environment that has it."
    )


def _named(filename: str | bytes | int) -> str:
    """Return the name of a file that an `OSError` is about."""
    return f"file {filename}" if isinstance(filename, int) else os.fsdecode(filename)


def _log(error: Exception) -> str:
    """Write what happened to a file in the folder for temporary files; return where, or why that cannot be."""
    import tempfile
    import traceback

    text = f"{shlex.join(sys.argv)}\n\n{''.join(traceback.format_exception(error))}"
    try:
        number, name = tempfile.mkstemp(prefix="glean-bench-", suffix=".log")
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as reason:
        return f"what you typed (no log could be written: {reason.strerror})."
    return f"the log {name}"


def _check(words: Sequence[str]) -> None:
    """Raise `BenchError` for words that can be no name or path, and for a working directory that is gone."""
    for place, word in enumerate(words, start=1):
        if not word.strip():
            raise BenchError(f"word {place} of the command is empty; was it a variable of the shell that is not set?")
        if "\0" in word:
            raise BenchError(f"word {place} of the command, {word!r}, holds a NUL byte; no name or path can.")
    try:
        Path.cwd()
    except OSError as error:
        raise BenchError("the working directory is not there any more; go to one that is.") from error


def _encodable() -> None:
    """Let a console that lacks a letter, such as ± or ≥, show a question mark instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a stand-in need not have it
        if reconfigure is not None:
            reconfigure(errors="replace")


def _hush() -> None:
    """Point standard output to nowhere, so that Python does not write to it again when it ends."""
    with suppress(OSError, ValueError, AttributeError):  # it may be none, or a stand-in without a number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
