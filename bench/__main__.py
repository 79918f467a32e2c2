"""The command line. This file finds the packages of the suite, and bench/commands.py has the verbs.

Nothing but what Python has loaded anyway is imported before the working directory is off the path, and nothing heavy
before `console.run` watches over it: Ctrl-C, or a broken package, is one line then, too.
"""

import os
import sys

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - see above


def main() -> None:
    """Run the command line and exit; what a user can put right is one sentence and exit status 2."""
    _leave_working_directory()
    from bench import console  # noqa: PLC0415 - not before

    status = console.run(_start, sys.argv[1:])
    if status == console.STOPPED:
        _end_threads(status)
    sys.exit(status)


def _end_threads(status: int) -> None:
    """End at once if threads compute yet, with what is to be done at an end: cut off in C++, they would abort."""
    import atexit  # noqa: PLC0415
    import threading  # noqa: PLC0415

    if threading.active_count() == 1:
        return
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to run them before the threads are ended
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # full, closed, or none
            continue
    os._exit(status)


def _leave_working_directory() -> None:
    """Take the working directory, which `python -m` puts first, off the path: no `methods.py` there is the suite's."""
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:  # it is gone; `console.run` says so
        return
    if sys.path and os.path.realpath(sys.path[0] or here) == here != _ROOT:
        del sys.path[0]


def _start(words: list[str]) -> int:
    """Run a verb; return its exit status.

    Raises `BenchError` if something hides the methods of the suite.
    """
    from importlib.util import find_spec  # noqa: PLC0415

    from bench.errors import BenchError  # noqa: PLC0415

    methods = find_spec("methods")
    origin = methods.origin if methods is not None else None
    if origin is None or not os.path.realpath(origin).startswith(os.path.join(_ROOT, "")):  # noqa: PTH118
        raise BenchError(
            f"the package `methods` was found at {origin or 'no place'}, not in {_ROOT}; take what hides it off "
            "PYTHONPATH, or install glean-bench again."
        )
    # Figures are drawn for files: matplotlib wants the name of a display's backend to be one while it is imported.
    os.environ["MPLBACKEND"] = "agg"
    from bench import commands  # noqa: PLC0415 - see above

    return commands.start(words)


if __name__ == "__main__":
    main()
