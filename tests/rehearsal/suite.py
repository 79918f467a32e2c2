"""A copy of the suite with a catalogue and efforts of its own, and its command line as a user has it.

No function is replaced. What differs are facts: the checksums of the catalogue, and the numbers of REDUCED, by which a
search of thousands of steps has one or two, and networks that are trained are narrow.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..conftest import ROOT

_SERVER = Path(__file__).with_name("server.py")
_SIZES = (
    r"\1bank_coarse=3, bank_widest=16, bank_base=2**10, critic_widest=16, style_dim=16, mapping_layers=2, "
    r"trunk_channels=8, trunk_blocks=1, trunk_growth=4, esrgan_plus=Shape(blocks=1, multiple=4, growth=4), "
    r"srgan_channels=8, srgan_blocks=1,\n\2"
)
REDUCED = (
    ("pulse", r"steps: int = 100", "steps: int = 2"),
    ("pulse", r"fit_samples: int = 1_000_000", "fit_samples: int = 1_000"),
    ("mganprior", r"steps: int = 2000", "steps: int = 1"),
    ("mganprior", r"codes: int = 30", "codes: int = 2"),
    ("dgp", r"draws: int = 500", "draws: int = 2"),
    ("dgp", r"steps: int = 1000", "steps: int = 1"),
    ("singan", r"epochs: int = 2000", "epochs: int = 2"),
    ("bank", r"25_000_000, _BATCH", "1600, 8"),
    ("restorer", r"images=300_000 \* 16, batch=16", "images=1600, batch=8, crop=48"),
    (
        "sizes",
        r"(_PAPER = Sizes\()[\s\S]*?(    generators=)",
        _SIZES,
    ),
)
"""(file of methods/presets, pattern, what is put in its place), each found once."""


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    words: tuple[str, ...]
    status: int
    """As a shell has it; negative: the signal that ended it."""
    out: str
    err: str
    seconds: float
    """Of the CPU."""
    peak: int
    """Bytes of memory, with what is loaded before it begins."""


class Suite:
    """The command line of a copy of the suite."""

    def __init__(self, folder, catalogue, environment):
        """Make the copy in a folder, with the text of its catalogue, and load it."""
        self._folder, self._environment = folder, environment
        self.done: list[Done] = []
        _copy(folder / "suite")
        (folder / "suite/methods/weights/catalogue.toml").write_text(catalogue)
        self._server = subprocess.Popen(
            [sys.executable, str(_SERVER)],
            cwd=folder / "suite", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | environment | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        self._answer()

    def start(self, *words, **environment) -> int:
        """Start a command; return its process."""
        self._words = tuple(map(str, words))
        for name in ("out.txt", "err.txt"):
            (self._folder / name).write_text("")
        order = {
            "words": self._words, "environment": environment, "at": str(self._folder),
            "out": str(self._folder / "out.txt"), "err": str(self._folder / "err.txt"),
        }  # fmt: skip
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return self._answer()["process"]

    def end(self) -> Done:
        """Wait for the command that was started last."""
        answer = self._answer()
        out, err = ((self._folder / name).read_text() for name in ("out.txt", "err.txt"))
        done = Done(self._words, out=out, err=err, **answer)
        self.done.append(done)
        return done

    def run(self, *words, **environment) -> Done:
        """Run a command."""
        self.start(*words, **environment)
        return self.end()

    def _answer(self):
        line = self._server.stdout.readline()
        assert line, "the suite could not be loaded"
        return json.loads(line)

    def close(self) -> None:
        """Let the copy go."""
        self._server.stdin.close()
        self._server.wait(60)
        self._server.stdout.close()


def _copy(to) -> None:
    """Copy what a user's checkout has, with the numbers of REDUCED."""
    for name in ("bench", "methods", "datasets", "reports"):
        results = ("__pycache__", *(("out", "published") if name == "reports" else ()))
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns(*results))
    for name, pattern, numbers in REDUCED:
        path = to / "methods/presets" / f"{name}.py"
        text, times = re.subn(pattern, numbers, path.read_text())
        assert times == 1, f"{path.name} holds {pattern} {times} times"
        path.write_text(text)
