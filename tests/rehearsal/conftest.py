"""The option of the rehearsal, and its suite, which all its tests share."""

import pytest

from bench import cards

from . import files, images
from .suite import Suite

SIDE = 64
"""Of images and networks, in pixels, unless `--full` asks for the published ones."""


def pytest_addoption(parser) -> None:
    parser.addoption("--full", action="store_true", help="the rehearsal at the published sizes, up to 1024 px")


@pytest.fixture(scope="session")
def side(request) -> int | None:
    """Pixels; None: as published."""
    return None if request.config.getoption("--full", default=False) else SIDE


@pytest.fixture(scope="session")
def size(side) -> list[str]:
    """The words that ask for the side."""
    return ["--hr-size", str(side)] if side else []


@pytest.fixture(scope="session")
def paper():
    return cards.cards("paper")


@pytest.fixture(scope="session")
def suite(tmp_path_factory, paper, side):
    """The suite as a user has it who found every file."""
    at = tmp_path_factory.mktemp("rehearsal")
    catalogue = files.write(at / "weights", paper, side)
    images.paper(at / "data", paper, side)
    home = {"HOME": str(at), "XDG_CACHE_HOME": str(at / "cache"), "GLEAN_WEIGHTS": str(at / "weights")}
    made = Suite(at, catalogue, home | {"GLEAN_DATA": str(at / "data")})
    made.at = at
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def told(request, suite):
    """Print what each command took, at the end."""
    yield
    plugins = request.config.pluginmanager
    reporter = plugins.getplugin("terminalreporter")
    if reporter is None:  # of a process that pytest-xdist has started
        return
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        reporter.write_line("")
        for done in suite.done:
            took = f"{done.seconds:7.1f} s {done.peak / 1e6:7,.0f} MB {done.status:4d}"
            reporter.write_line(f"{took}  bench {' '.join(done.words)}")
        reporter.write_line(f"{sum(done.seconds for done in suite.done):7.1f} s of the CPU")
