"""Everything the project does, one session each: `nox -s tests`, `nox -s table2`, `nox -s table2 -- --profile PATH`."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "tests_slow"]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, one process a core; arguments go to pytest."""
    session.install("-e", ".[tests]")
    session.run("pytest", "-n", str(os.cpu_count()), *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def mutants(session: nox.Session) -> None:
    """Change the code in the ways of tests/mutants/mutants.toml and see the tests fail; `-- --sample 6` tries a few."""
    session.install("-e", ".[tests]")
    session.run("python", "tests/mutants/run.py", *session.posargs)


@nox.session
def tests_slow(session: nox.Session) -> None:
    """Run the tests that take seconds each: trainings, searches, the trained files; arguments go to pytest.

    The rehearsal is a session of its own: its tests share a copy of the suite, which each process would make anew.
    """
    session.install("-e", ".[tests]")
    options = ("-m", "slow", "--ignore", "tests/rehearsal", "-n", str(os.cpu_count()))
    session.run("pytest", *options, *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def rehearsal(session: nox.Session) -> None:
    """Walk the road to the paper's tables with random weights in the published layouts; `-- --full`: up to 1024 px."""
    session.install("-e", ".[tests]")
    session.run("pytest", "tests/rehearsal", "-m", "slow", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff>=0.15,<0.18")  # needs no install of the project, so this session takes seconds
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy (strict) and pyright."""
    session.install("-e", ".[types]")
    session.run("mypy")
    session.run("pyright")


@nox.session
def table1(session: nox.Session) -> None:
    """Regenerate Table 1: ArcFace similarity of faces."""
    _bench(session, "table", "table1")


@nox.session
def table2(session: nox.Session) -> None:
    """Regenerate Table 2: PSNR and LPIPS of five categories."""
    _bench(session, "table", "table2")


@nox.session
def factors(session: nox.Session) -> None:
    """Measure every method at 8x, 16x, 32x and 64x, and draw each metric against the factor."""
    _bench(session, "table", "factors")


@nox.session
def ablation(session: nox.Session) -> None:
    """Measure what each part of GLEAN brings (Figures 7, 8, 9), a table for each."""
    for path in sorted(Path("reports").glob("ablation_*.toml")):
        _bench(session, "table", path.stem)


@nox.session
def flops(session: nox.Session) -> None:
    """Count the operations and parameters of every method."""
    _bench(session, "flops")


@nox.session
def speed(session: nox.Session) -> None:
    """Time the parts of the suite; arguments go to pytest, such as --benchmark-json FILE."""
    session.install("-e", ".[tests]")
    options = ("-o", "addopts=", "--benchmark-only", "--benchmark-columns", "min,median,iqr,rounds")
    session.run("pytest", "tests/speed", *options, *session.posargs)


def _bench(session: nox.Session, *words: str) -> None:
    """Install the project and run one verb of its command line."""
    session.install("-e", "." + extras(session.posargs))
    session.run("python", "-m", "bench", *words, *session.posargs)


def extras(words: Sequence[str]) -> str:
    """Return the extras that the profile among a verb's words needs, as `[lmdb]`, by the readers its cards name."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--profile", default="mini")
    profile = options.parse_known_args(list(words))[0].profile
    ours = Path(__file__).parent / "datasets" / profile
    cards = [path.read_text(encoding="utf-8") for path in (ours if ours.is_dir() else Path(profile)).glob("*.toml")]
    return "[lmdb]" if any(re.search(r"^(train_)?reader\s*=\s*.lmdb", card, re.MULTILINE) for card in cards) else ""
