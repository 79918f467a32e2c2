"""The command line. This file finds the packages of the suite, and bench/commands.py has the verbs.

Nothing heavy is imported before `main` watches over it: Ctrl-C, or a broken package, is one line then, too.
"""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import console
from bench.spec import BenchError

_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the command line and exit; what a user can put right is one sentence and exit status 2."""
    sys.exit(console.run(_start, sys.argv[1:]))


def _start(words: Sequence[str]) -> int:
    """Run a verb; return its exit status."""
    _leave_working_directory()
    methods = importlib.util.find_spec("methods")
    if methods is None or methods.origin is None or not Path(methods.origin).resolve().is_relative_to(_ROOT):
        found = "nowhere" if methods is None else f"at {methods.origin or 'a folder without __init__.py'}"
        raise BenchError(
            f"the package `methods` was found {found}, not in {_ROOT}; take what hides it off PYTHONPATH, or install "
            "glean-bench again."
        )
    from bench import commands  # noqa: PLC0415 - torch takes seconds to import

    return commands.start(words)


def _leave_working_directory() -> None:
    """Take the working directory, which `python -m` puts first, off the path: no `methods.py` there is the suite's."""
    first = sys.path[0] if sys.path else None
    if first is not None and Path(first or ".").resolve() == Path.cwd() != _ROOT:
        del sys.path[0]


if __name__ == "__main__":
    main()
