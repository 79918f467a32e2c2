"""Everything the project does, one session each: `nox -s tests`, `nox -s table2`, `nox -s table2 -- --profile PATH`."""

import argparse
import os
import re
import shutil
import subprocess
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
    _install(session, "-e", ".[tests]")
    session.run("pytest", "-n", str(os.cpu_count()), *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def mutants(session: nox.Session) -> None:
    """Change the code in the ways of tests/mutants/mutants.toml and see the tests fail; `-- --sample 6` tries a few."""
    _install(session, "-e", ".[tests]")
    session.run("python", "tests/mutants/run.py", *session.posargs)


@nox.session
def tests_slow(session: nox.Session) -> None:
    """Run the tests that take seconds each: trainings, searches, the trained files; arguments go to pytest.

    The rehearsal is a session of its own: its tests share a copy of the suite, which each process would make anew.
    """
    _install(session, "-e", ".[tests]")
    options = ("-m", "slow", "--ignore", "tests/rehearsal", "-n", str(os.cpu_count()), "--durations", "20")
    session.run("pytest", *options, *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def rehearsal(session: nox.Session) -> None:
    """Walk the road to the paper's tables with random weights in the published layouts; `-- --full`: up to 1024 px."""
    _install(session, "-e", ".[tests]")
    session.run("pytest", "tests/rehearsal", "-m", "slow", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting, and the Dockerfile where Docker can build."""
    _install(session, "ruff>=0.15,<0.18")  # needs no install of the project, so this session takes seconds
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    if _docker_builds():
        session.run("docker", "build", "--check", ".", external=True)
    else:
        session.log("The Dockerfile is not checked: there is no Docker here that can build.")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy (strict) and pyright."""
    _install(session, "-e", ".[types]")
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
def robustness(session: nox.Session) -> None:
    """Measure Figure 6: pose and content, what turned, moved and other images cost each method."""
    _bench(session, "table", "robustness")


@nox.session
def seeds(session: nox.Session) -> None:
    """Measure how far trainings of the same method lie apart that differ by their seed alone."""
    _bench(session, "table", "seeds")


@nox.session
def blind(session: nox.Session) -> None:
    """Measure what training with blurred, noisy and compressed images costs and brings."""
    _bench(session, "table", "blind")


@nox.session
def tasks(session: nox.Session) -> None:
    """Measure colourisation, denoising and inpainting: the input, an RRDBNet of equal cost, GLEAN."""
    _bench(session, "table", "tasks")


@nox.session
def meta(session: nox.Session) -> None:
    """Train a bank by Reptile on all categories but one, and measure what it is worth for that one; half an hour."""
    _install(session, "-e", ".")
    session.run("python", "-m", "methods.training.meta", *session.posargs)


@nox.session
def retouch(session: nox.Session) -> None:
    """Measure Figures 11 and 19: what becomes of an amateur's edits, and of their seams, when an image is restored."""
    _bench(session, "table", "retouch")


@nox.session
def reference(session: nox.Session) -> None:
    """Measure Figure 10: what restores by reference, DFDNet and SRNTT, on the components of faces and on the rest."""
    _bench(session, "table", "reference")


@nox.session
def banks(session: nox.Session) -> None:
    """Measure GLEAN around a StyleGAN2 bank of each category, and around one BigGAN bank of all."""
    _bench(session, "table", "banks")


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
def latency(session: nox.Session) -> None:
    """Measure seconds and memory of the methods, one by one."""
    _bench(session, "latency")


@nox.session
def compare(session: nox.Session) -> None:
    """Compare two runs image by image: `-- A B --tolerance psnr=0.05`."""
    _bench(session, "compare")


@nox.session
def speed(session: nox.Session) -> None:
    """Time the parts of the suite, and what a table's time goes into; arguments go to pytest: --benchmark-json FILE."""
    _install(session, "-e", ".[tests]")
    options = ("-o", "addopts=", "--benchmark-only", "--benchmark-columns", "min,median,iqr,rounds")
    session.run("pytest", "tests/speed", *options, *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """On a GPU: its values against those of a CPU in float64, the seconds of every method, then Table 2."""
    _install(session, "-e", ".[tests]")
    session.run("pytest", "-m", "gpu", *session.posargs)
    for words in (("latency",), ("table", "table2")):
        session.run("python", "-m", "bench", *words, "--device", "cuda")


def _docker_builds() -> bool:
    """Return whether there is a Docker with its builder, and a daemon that answers."""
    if shutil.which("docker") is None:
        return False
    asked = (["docker", "buildx", "version"], ["docker", "info"])
    return all(subprocess.run(words, capture_output=True, check=False).returncode == 0 for words in asked)  # noqa: S603


def _install(session: nox.Session, *words: str) -> None:
    """Install packages, showing what is done: nox hides it, and the first time torch takes minutes to download."""
    session.log("Installing what this session needs; where torch is not there yet, its download takes minutes.")
    session.install(*words, silent=False)


def _bench(session: nox.Session, *words: str) -> None:
    """Install the project and run one verb of its command line; `--extra NAME` installs one of its extras, too."""
    wanted, others = extras(session.posargs)
    _install(session, "-e", f".[{','.join(wanted)}]" if wanted else ".")
    session.run("python", "-m", "bench", *words, *others)


def extras(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the extras that are asked for, and that the profile among a verb's words needs, and the other words.

    A profile's cards name their readers: `lmdb` for databases.
    """
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--extra", action="append", default=[])
    asked, others = options.parse_known_args(list(words))
    options.add_argument("--profile", default="mini")
    profile = options.parse_known_args(others)[0].profile
    ours = Path(__file__).parent / "datasets" / profile
    cards = [path.read_text(encoding="utf-8") for path in (ours if ours.is_dir() else Path(profile)).glob("*.toml")]
    databases = any(re.search(r"^(train_)?reader\s*=\s*.lmdb", card, re.MULTILINE) for card in cards)
    return sorted({*asked.extra, *(["lmdb"] if databases else [])}), others
