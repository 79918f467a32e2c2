"""The image holds what an installation needs and no more, and runs without the rights of root."""

import re
import tomllib
from fnmatch import fnmatch

import pytest

from .conftest import ROOT

LINES = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text())


def admitted(path) -> bool:
    """Whether .dockerignore lets a path through: the last pattern that fits it, or a folder above it, decides."""
    parts = path.split("/")
    verdict = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if pattern.startswith("**/"):
            fits = any(fnmatch(part, pattern[3:]) for part in parts)
        else:  # a star stands for no separator: as many parts are compared as the pattern has
            fits = fnmatch("/".join(parts[: pattern.count("/") + 1]), pattern)
        if pattern and not pattern.startswith("#") and fits:
            verdict = line.startswith("!")
    return verdict


def test_everything_that_an_installation_takes_goes_into_the_image():
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, setuptools = facts["project"], facts["tool"]["setuptools"]
    patterns = [pattern for group in setuptools["data-files"].values() for pattern in group]
    patterns += [f"{package}/{pattern}" for package, group in setuptools["package-data"].items() for pattern in group]
    files = [path for pattern in patterns for path in ROOT.glob(pattern)] + [
        *ROOT.glob("bench/**/*.py"),
        *ROOT.glob("methods/**/*.py"),
    ]
    names = [path.relative_to(ROOT).as_posix() for path in files if path.is_file()]
    names += ["pyproject.toml", project["readme"], *project["license-files"]]
    assert [name for name in names if not admitted(name)] == []


@pytest.mark.parametrize(
    "name",
    [".git/config", "tests/conftest.py", "reports/out/mini/table2.md", "reports/published/mini/table2.png",
     "runs/x/1.pt", "photos/face/1.png", ".env", "bench/__pycache__/plan.cpython-311.pyc", "docs/mini.png"],
)  # fmt: skip
def test_nothing_else_does(name):
    assert not admitted(name)


def test_the_image_runs_the_command_as_a_user_on_a_base_that_does_not_change():
    bases = re.findall(r"^FROM (\S+)", LINES, re.MULTILINE)
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases), bases
    assert len(set(bases)) == 1, "what is built on one Python is run on another"
    users = re.findall(r"^USER (\S+)", LINES, re.MULTILINE)
    assert users[-1:] == ["bench"]
    assert 'ENTRYPOINT ["glean-bench"]' in LINES
    assert re.search(r"^ARG TORCH_INDEX=https://download\.pytorch\.org/whl/cpu$", LINES, re.MULTILINE)
