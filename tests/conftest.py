"""What several test files share: a small folder of photographs, methods that misbehave, where the extra files are."""

import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path

import matplotlib.font_manager
import numpy as np
import pytest
import torch
from PIL import Image

from bench import __main__ as command
from bench import machine, progress
from bench.cache import Cache
from bench.images import data
from bench.restore import RunSettings
from bench.scores import metric_networks
from methods import BY_NAME
from methods.formats import own_files
from methods.presets.dgp import DGP, DGP_BIGGAN
from methods.presets.mganprior import MGANPRIOR
from methods.presets.pulse import PULSE
from methods.presets.singan import SINGAN
from methods.weights import load

from . import sines

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items) -> None:
    """Tests marked `gpu` are skipped, with the reason, where there is none."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True, scope="session")
def caches(tmp_path_factory) -> Iterator[None]:
    """What methods keep from run to run goes into a folder of the tests.

    Matplotlib keeps its list of fonts where it was: to make it takes seconds and says so on standard error.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", matplotlib.get_cachedir())
        assert matplotlib.font_manager.fontManager.ttflist
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        yield


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request) -> Iterator[int]:
    """How many threads torch has, whatever the machine: so many images are searched at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal: a process in the background is started without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def vgg16_of_sines(monkeypatch) -> None:
    """Metrics of VGG16 are computed with the weights of tests/sines.py."""
    monkeypatch.setattr(metric_networks, "vgg16", lambda _: sines.vgg16())


@pytest.fixture
def settings(tmp_path) -> RunSettings:
    """Run on the CPU and write below the test's own folder."""
    return RunSettings(tmp_path / "out", torch.device("cpu"))


@pytest.fixture
def photos(tmp_path) -> Path:
    """A profile: a folder with three textured images of 64 px for each of two categories."""
    for category, shift in (("face", 0), ("cat", 40)):
        folder = tmp_path / "photos" / category
        folder.mkdir(parents=True)
        for index in range(3):
            Image.fromarray(textured(64, shift + index)).save(folder / f"{index}.png")
    return tmp_path / "photos"


def without_progress(err: str) -> str:
    """Return what a command said, without how far it was: a busy machine says that, an idle one is done before."""
    return re.sub(r"(?m)^.*: \d+ of \d+, .*\n", "", err)


def tables(folder) -> dict[str, bytes]:
    """What a run of Table 2 wrote, but for seconds: they have a file of their own, and the page holds them, too."""
    found = [path for path in folder.rglob("table2.*") if path.suffix != ".part" and "timing" not in path.name]
    return {path.name: re.sub(rb'"seconds": ?[\d.e-]+', b"", path.read_bytes()) for path in found}


def textured(size, seed) -> np.ndarray:
    """An image (size, size, 3) uint8 with smooth and fine parts, another one for each seed."""
    y, x = np.mgrid[:size, :size]
    planes = [(3 + c + seed) * x * y // 7 + (5 - c) * x + seed * 31 * y + (x * x + seed * y) // 3 for c in range(3)]
    smooth = 90 + 60 * np.sin(x / 9 + seed) * np.cos(y / (7 + seed % 5))
    return np.stack([(plane % 64 + smooth).clip(0, 255) for plane in planes], axis=-1).astype(np.uint8)


@contextmanager
def serving(handler) -> Iterator[ThreadingHTTPServer]:
    """A server on this machine; `asked` are the requests it got, `at` makes an address, quoted as in TOML."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        server.at = lambda path: f'"http://127.0.0.1:{server.server_port}{path}"'
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bench(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; returns exit status, standard output and standard error."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["bench", *map(str, words)])
        monkeypatch.setattr(data, "_CACHE", Cache(2**20, lambda image: image.nbytes))
        monkeypatch.setattr(machine, "jobs", lambda: 1)  # what a test changes in this process is to have an effect
        monkeypatch.setattr(progress, "EVERY", 1e9)  # standard error is what a test compares, however slow it is
        with pytest.raises(SystemExit) as stop:
            command.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def random_weights(monkeypatch, tmp_path) -> None:
    """Give every method that asks for a weight file one of the sizes of its task, with random values, really read.

    The methods that search get two steps.
    """

    def find(name, task, *, part="network", **_):
        path = tmp_path / f"{name}-{part}-{task.category}-{task.factor}-{task.hr_size}.safetensors"
        if not path.exists():
            network = getattr(BY_NAME[name].load(task, torch.device("meta")), part).to_empty(device="cpu")
            draw = torch.Generator().manual_seed(0)
            for key, value in network.state_dict().items():
                value.copy_(torch.randn(value.shape, generator=draw) * 0.02 + key.endswith("var"))
            path.write_bytes(own_files.safetensors(network))
        return path

    monkeypatch.setattr(load, "find", find)
    monkeypatch.setitem(PULSE, "mini", replace(PULSE["mini"], steps=2, fit_samples=1000))
    monkeypatch.setitem(MGANPRIOR, "mini", replace(MGANPRIOR["mini"], steps=2))
    for numbers in (DGP, DGP_BIGGAN):
        monkeypatch.setitem(numbers, "mini", replace(numbers["mini"], draws=2, steps=2))
    schedule = replace(SINGAN["mini"].schedule, epochs=2)
    monkeypatch.setitem(SINGAN, "mini", replace(SINGAN["mini"], schedule=schedule))
