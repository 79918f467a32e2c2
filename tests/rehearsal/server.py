"""Runs the suite's command line, each command in a process forked from this one, which has everything loaded.

Started in a copy of the suite. Each line of standard input is a command as JSON: its words, its environment, its
working directory, the files for what it prints. It is answered by two lines: the process, and how that ended and what
it took. A line before all others says that everything is loaded.
"""

import importlib
import json
import os
import sys
from pathlib import Path

LATER = ("torch._dynamo", "torch.fx.experimental.symbolic_shapes", "lpips", "onnxruntime", "matplotlib.pyplot")
"""Packages that are imported when they are needed: seconds each, which every command would take anew."""


def loaded() -> None:
    """Import what the commands import, from the working directory."""
    sys.path.insert(0, str(Path.cwd()))
    from bench import commands
    from bench.report import figures, render, table
    from bench.scores import metric_networks
    from methods.training import __main__ as training

    for module in (commands, figures, render, table, metric_networks, training):
        if not Path(module.__file__).is_relative_to(Path.cwd()):
            raise SystemExit(f"{module.__file__} is not of the copy in {Path.cwd()}")
    for name in LATER:
        importlib.import_module(name)


def command(order) -> None:
    """Be the command line; never returns."""
    from bench.__main__ import main

    status = 70
    try:
        os.environ.update(order["environment"])
        os.chdir(order["at"])
        for stream, name in enumerate((os.devnull, order["out"], order["err"])):
            os.dup2(os.open(name, os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        sys.argv = ["bench", *order["words"]]
        main()
    except SystemExit as error:
        status = error.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Serve until standard input ends."""
    loaded()
    answer({"ready": os.getpid()})
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            command(json.loads(line))
        answer({"process": process})
        _, status, usage = os.wait4(process, 0)
        answer(
            {
                "status": os.waitstatus_to_exitcode(status),
                "seconds": usage.ru_utime + usage.ru_stime,
                "peak": usage.ru_maxrss * 1024,
            }
        )


def answer(values) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
