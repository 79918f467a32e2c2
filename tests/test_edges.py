"""What must not end a run: absent images, odd guests; and what must not begin or end without a word."""

import re
import time
from collections.abc import Callable

import pytest
import torch
from PIL import Image

from bench import pipeline, progress
from bench.cost import duration
from bench.cost.count import count
from bench.measurement import Measurement
from bench.restore import RunSettings
from bench.spec import ContractError, Method, MissingImages, Spec, Task

from . import guests

CARD = 'title = "Car"\nhr_size = 64\nreader = "folder"\nsource = "gone"\ntest_set = "Cars"\ntrain_set = ""\n'


@pytest.fixture
def table2(bench, photos, tmp_path) -> Callable[..., tuple[int, str, str]]:
    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out")
    return lambda *more: bench(*words, *more)


@pytest.mark.slow
def test_a_missing_data_set_is_refused_with_what_is_missing_and_the_others_go_on(table2, photos):
    (photos / "car.toml").write_text(CARD)
    status, out, err = table2()
    assert (status, err) == (0, "")
    assert re.search(r"no images of car: there is no .*gone; put the images of car \(Cars\) there", out)
    assert re.search(r"Bicubic +\d.* ± .* \d.* ± .* - \[\d\]", out), "values of face and cat, a note for the car"
    for step in ("restore", "score", "render"):
        assert table2("--only", step)[0] == 0, f"{step} alone"


def test_all_missing_is_an_error(bench, tmp_path):
    (tmp_path / "car.toml").write_text(CARD)
    status, _, err = bench("table", "table2", "--profile", tmp_path)
    assert status == 2
    assert "put the images of car (Cars) there" in err
    with pytest.raises(MissingImages):
        pipeline.run("table2", [], RunSettings(tmp_path, torch.device("cpu")), profile=str(tmp_path))


ODD = {
    "slots": {"attributes": "__slots__ = ('factor',)"},
    "a string named method": {"init": "self.method = 'bilinear'"},
    "a string named inner": {"init": "self.inner = 'x'", "attributes": "inner_class = 'y'"},
    "no factor": {"init": "self.factor = None"},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("suffix", ["", "+bp"])
@pytest.mark.slow
def test_an_odd_guest_has_its_row(table2, tmp_path, odd, suffix):
    status, out, err = table2("--with", guests.write(tmp_path, **ODD[odd]) + suffix)
    assert (status, err) == (0, "")
    assert re.search(r"^g[^\n]* +\d+\.\d\d ± ", out, re.MULTILINE)


BAD = {
    "a remark that raises": ({"attributes": "remark = property(lambda self: 1 / 0)"}, "ZeroDivisionError"),
    "an exit": ({"result": " if torch.equal(lr, lr + 1) else exit('no GPU')"}, "SystemExit: no GPU"),
    "an exit while loading": ({"init": "exit('no GPU')"}, "SystemExit: no GPU"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.slow
def test_a_bad_guest_fails_alone(table2, tmp_path, bad):
    parts, reason = BAD[bad]
    status, out, err = table2("--with", guests.write(tmp_path, **parts))
    assert status == 1
    assert reason in err
    assert re.search(r"Bicubic +\d", out), "the other rows are not measured"


def test_a_guest_with_slots_and_networks_is_counted():
    class Slotted:
        __slots__ = ("bank",)
        spec = Spec(name="s", title="S", family="t", paper="p", factors=(2,))

        def __init__(self):
            self.bank = torch.nn.Conv2d(3, 3, 1, bias=False, device="meta")

        @classmethod
        def load(cls, _task, _device):
            return cls()

        def upscale(self, lr):
            return self.bank(lr)

    assert count(Slotted, Task("x", "x", 2, 8)).parts["bank"].trainable == 9


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_upscale_writes_nothing_for_nan(bench, tmp_path, value):
    Image.new("RGB", (16, 16), "red").save(tmp_path / "lr.png")
    guest = guests.write(tmp_path, result=f" * 0 / 0 + float('{value}')")
    status, _, err = bench("upscale", tmp_path / "lr.png", tmp_path / "sr.png", "--method", guest, "--factor", "16")
    assert status == 2
    assert "g returned NaN or infinity" in err
    assert not (tmp_path / "sr.png").exists(), "a black picture would be taken for a result"
    with pytest.raises(ContractError):
        pipeline.upscale(_nan(), torch.rand(1, 3, 4, 4), Task("mini", "face", 16, 64, preset="mini"))


def _nan() -> type[Method]:
    class Nan(Waiting):
        def upscale(self, lr):
            return lr.repeat_interleave(16, -1).repeat_interleave(16, -2) * torch.nan

    return Nan


class Waiting:
    """A search whose steps take a known time: 20 epochs of 50 steps, 200 draws; 0.2 s besides."""

    spec = Spec(name="waiting", title="Waiting", family="inversion", paper="p", factors=(16,))
    loops = ("epochs steps", "draws")

    def __init__(self):
        self.epochs, self.steps, self.draws = 20, 50, 200

    @classmethod
    def load(cls, _task, _device):
        return cls()

    def upscale(self, lr):
        for number, seconds in ((self.epochs * self.steps, 0.05), (self.draws, 0.02), (1, 0.2)):
            time.sleep(number * seconds)
        return lr.repeat_interleave(16, -1).repeat_interleave(16, -2)


@pytest.mark.slow
def test_the_duration_of_a_search_is_that_of_all_its_steps():
    task = Task("mini", "face", 16, 64, preset="mini")
    found = duration.seconds(Waiting(), task, torch.zeros(2, 3, 4, 4))
    assert 2 * found == pytest.approx(20 * 50 * 0.05 + 200 * 0.02 + 0.2, rel=0.3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.4, "1 second"), (3.2, "3 seconds"), (100, "2 minutes"), (5399, "90 minutes"), (86400 * 3, "72.0 hours")],
)
def test_durations_in_words(seconds, text):
    assert progress.spelt(seconds) == text


SEARCH = """

    def wait(self, lr):
        import time
        time.sleep(0.002 * self.steps)
        return G.plain(self, lr)

    plain, upscale = upscale, wait
"""


@pytest.mark.slow
def test_the_plan_tells_how_long_a_search_takes_until_it_is_done(table2, tmp_path):
    guest = guests.write(
        tmp_path, family="inversion", attributes="loops = ('steps',)", init="self.steps = 100",
        result=SEARCH,
    )  # fmt: skip
    status, out, err = table2("--with", guest, "--with", f"{guest}+bp")
    assert (status, err) == (0, "")
    (told,) = re.findall(r"^g searches for about (\d+) seconds?\b", out, re.MULTILINE)
    assert int(told) in (1, 2), "six images of 0.2 s, once, not again for +bp"
    assert out.index("g searches for about") < out.index("PSNR at 16x")
    assert "searches for about" not in table2("--with", guest, "--with", f"{guest}+bp")[1], "nothing is left to do"


@pytest.mark.slow
def test_the_hours_of_singan_on_a_folder_are_told_before_they_begin(bench, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Measurement, "restore", lambda _: iter(()))
    status, out, _ = bench(
        "table", "table1", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out", "--only", "restore"
    )
    assert status == 0
    assert re.search(
        r"^SinGAN searches for about [\d.]+ (hours|minutes), going by a few of its steps", out, re.MULTILINE
    )
