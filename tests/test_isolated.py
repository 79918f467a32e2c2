"""Guests run in processes of their own: what one does costs its own images alone, and it sees no ground truth."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from threading import Thread

import pandas as pd
import pytest
import torch

from bench.resize import eight_bit
from bench.running import declared, process, runner, wire
from bench.running.isolated import Isolated, IsolatedLoaded
from bench.running.places import HERE
from bench.running.process import Ended
from bench.running.runner import LoadError
from bench.running.session import Session
from bench.spec import BenchError, ContractError, Effort, Spec, Task

from . import guests
from .conftest import ROOT

TASK = Task("mini", "face", 16, 64, preset="mini")
CPU = torch.device("cpu")
LR = torch.linspace(0, 1, 3 * 3 * 16).view(3, 3, 4, 4)
GROWN = eight_bit(LR.repeat_interleave(16, -1).repeat_interleave(16, -2))
ENDED = r"its process ended with exit status \d|its process was ended by SIG|broke off|not tried: .* 3 times in a row"


def loaded(folder, **parts) -> runner.Loaded:
    """A guest, loaded in its process."""
    return Isolated(guests.write(folder, **parts), timeout=parts.pop("timeout", None) or 60).load(TASK, CPU)


UPSCALE = "def act(lr):\n    import ctypes, os, sys, time\n    {}\n"
"""Something that a guest does whenever it restores."""
HOSTILE = {
    "sys.exit(0)": "SystemExit: 0",
    "os._exit(0)": ENDED,
    "ctypes.string_at(0)": ENDED,
    "os.kill(os.getpid(), 9)": ENDED,
    "os.abort()": ENDED,
    "os.closerange(3, 200)": ENDED,
    "raise GeneratorExit": "GeneratorExit",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise BaseException('mine')": "BaseException: mine",
    "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()": "E: an error whose text cannot be told",
    "raise type('E', (Exception,), {'__str__': lambda self: exit(3)})()": "SystemExit: 3",
    "os.fork() or time.sleep(60); os._exit(0)": ENDED,
}


@pytest.mark.parametrize("act", HOSTILE)
def test_whatever_ends_a_guest_is_a_reason(tmp_path, act):
    with closing(loaded(tmp_path, before=UPSCALE.format(act), result=" if act(lr) is None else 0")) as guest:
        outcomes = guest.attempt(LR)
    assert [outcome.image for outcome in outcomes] == [None] * 3
    assert all(re.search(HOSTILE[act], outcome.reason) for outcome in outcomes), [each.reason for each in outcomes]


@pytest.mark.parametrize("act", ["sys.exit(0)", "os._exit(0)", "ctypes.string_at(0)", "raise BaseException('mine')"])
@pytest.mark.parametrize("place", ["before", "init"])
def test_whatever_ends_a_guest_before_its_first_image_fails_its_cells(tmp_path, act, place):
    text = act if place == "init" else f"import ctypes, os, sys\n{act}"
    parts = {"before": "import ctypes, os, sys", "init": act} if place == "init" else {"before": text}
    with pytest.raises(LoadError, match=rf"SystemExit: 0|BaseException: mine|{ENDED}"):
        loaded(tmp_path, **parts)


def test_an_image_that_ends_the_process_ends_nothing_else(tmp_path):
    deadly = "os._exit(1) if bool((lr[:, 0, 0, 0] > 0.5).any()) else None"
    with closing(loaded(tmp_path, before=UPSCALE.format(deadly), result=" if act(lr) is None else 0")) as guest:
        outcomes = guest.attempt(LR)
    assert [outcome.image is not None for outcome in outcomes] == [True, True, False]
    assert torch.equal(outcomes[0].image, GROWN[0]), "images were mixed up"


@pytest.mark.parametrize("act", ["os.fork()", "if os.fork() == 0: raise ValueError('of the child')"])
def test_a_guest_that_forks_answers_once_an_image(tmp_path, act):
    """Else what its child answers about one image would be taken for the result of the next."""
    with closing(loaded(tmp_path, before=UPSCALE.format(act), result=" + (act(lr) or 0)")) as guest:
        for index in range(3):
            (outcome,) = guest.attempt(LR[index : index + 1])
            assert outcome.image is not None, outcome.reason
            assert outcome.image.equal(GROWN[index])


def test_a_guest_that_sleeps_for_ever_is_ended(tmp_path):
    parts = {"before": UPSCALE.format("time.sleep(600)"), "result": " if act(lr) is None else 0"}
    start = time.monotonic()
    with closing(Isolated(guests.write(tmp_path, **parts), timeout=0.5).load(TASK, CPU)) as guest:
        outcomes = guest.attempt(LR[:1])
    assert "longer than" in outcomes[0].reason
    assert "--timeout" in outcomes[0].reason, "the user must know what to change"
    assert time.monotonic() - start < 60


FORGING = """
import os, stat, struct, time
LINES = [fd for fd in range(3, 100) if os.path.exists(f"/proc/self/fd/{{fd}}") and stat.S_ISSOCK(os.fstat(fd).st_mode)]
def act(lr):
    for fd in LINES:
        os.write(fd, {})
    while True:
        for fd in LINES:
            os.write(fd, b" ")
        time.sleep(0.05)
"""
FORGED = {
    "struct.pack('>QQ', 1000, 0)": r"longer than 1 s to restore its images \(--timeout\)",
    "b'\\xff' * 16": "its process sent something that is no answer",
}


@pytest.mark.parametrize("act", FORGED)
def test_a_guest_that_writes_to_the_harness_itself_fails_its_image(tmp_path, act):
    parts = {"before": FORGING.format(act), "result": " if act(lr) is None else 0"}
    with closing(Isolated(guests.write(tmp_path, **parts), timeout=1).load(TASK, CPU)) as guest:
        (outcome,) = guest.attempt(LR[:1])
    assert re.search(FORGED[act], outcome.reason), outcome.reason


def test_bytes_that_drip_do_not_stop_the_clock():
    ours, theirs = socket.socketpair()
    until = time.monotonic() + 0.2

    def drip():
        theirs.send(struct.pack(">QQ", 100, 0))
        for _ in range(100):
            theirs.send(b" ")
            time.sleep(0.01)

    def look(_):
        if time.monotonic() > until:
            raise TimeoutError

    with ours, theirs:
        dripping = Thread(target=drip)
        dripping.start()
        with pytest.raises(TimeoutError):
            wire.receive(ours, look=look)
        dripping.join()


class Forging:
    """In place of a process: one that answers with whatever it likes."""

    def __init__(self, answer, content=b"") -> None:
        self.answer = answer, bytearray(content)
        self.ended = False

    def ask(self, *_, **__):
        return self.answer

    def end(self, patience: float = 0.0) -> str:
        self.ended = True
        return ""


EFFORT = {"g_forward": 0, "g_backward": 0, "note": ""}
FAILED = {"made": False, "reason": "r", "seconds": None, "effort": EFFORT}
MADE = {**FAILED, "made": True, "seconds": 1.0}
ANSWERS = {
    "attempt": [
        {}, {"outcomes": 3}, {"outcomes": []}, {"outcomes": [3]}, {"outcomes": ["made"]}, {"outcomes": [{}]},
        *({"outcomes": [{**FAILED, **odd}]} for odd in (
            {"reason": 3}, {"seconds": "x"}, {"seconds": 10**400}, {"seconds": []}, {"effort": None},
            {"effort": {"x": 1}}, {"effort": []}, {"made": True},
        )),
        *({"outcomes": [{**MADE, "seconds": odd}]} for odd in (None, float("nan"), float("inf"), -1, True)),
    ],
    "problems": [{}, {"problems": 3}, {"problems": [3]}, {"problems": "many"}, {"problems": {"a": 1}}],
    "seconds": [{}, {"seconds": None}, {"seconds": "1"}, {"seconds": -1.0}, {"seconds": float("nan")}],
    "load": [
        {}, {"layers": []}, {"layers": 3}, {"layers": [3]}, {"layers": [{}]}, {"layers": {"name": 1}},
        *({"layers": [{"name": "g", "title": "g", "run": "0" * 16, "remark": "", "weights": [], **odd}]} for odd in (
            {"name": 3}, {"run": "../x"}, {"remark": None}, {"weights": 3}, {"weights": ["x"]}, {"x": 1},
            {"weights": [{"file": 3, "trained_on": ""}]},
        )),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("asked", "answer"), [(name, each) for name, told in ANSWERS.items() for each in told])
def test_an_answer_that_is_none_is_a_sentence(asked, answer):
    """A guest can write to the line itself: what comes over it may be anything that JSON can say."""
    told = Forging(answer, bytes(3 * 64 * 64) if "'made': True" in str(answer) else b"")
    session = Session("guest.py:G", TASK, CPU, 60.0, HERE, told)
    assert "its process sent something that is no" in refusal(session, asked)
    assert told.ended, "what it says next could be about anything"


def refusal(session, asked) -> str:
    """Why a request came to nothing."""
    guest = IsolatedLoaded(session, (runner.Facts("g", "g", "0" * 16),))
    if asked == "problems":
        return guest.problems()[0]
    if asked == "attempt":
        return guest.attempt(LR[:1])[0].reason
    with pytest.raises(Ended) as error:
        session.load() if asked == "load" else guest.seconds(LR[:1])
    return str(error.value)


def test_a_guest_that_sleeps_while_it_is_imported_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "START", 1.0)
    guest = Isolated(guests.write(tmp_path, before="import time\ntime.sleep(600)"))
    assert "longer than 1 s to be imported" in guest.failure


@pytest.mark.slow
def test_a_worker_does_not_outlive_the_harness(tmp_path):
    parts = {"before": UPSCALE.format(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)")}
    guest = guests.write(tmp_path, **parts, result=" if act(lr) is None else 0")
    code = (
        "import torch; from bench.running.isolated import Isolated; from bench.spec import Task;"
        f"Isolated({guest!r}).load(Task('mini', 'face', 16, 64), torch.device('cpu')).attempt(torch.rand(1, 3, 4, 4))"
    )
    harness = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    until = time.monotonic() + 120
    while not ((tmp_path / "pid").is_file() and (tmp_path / "pid").read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text())
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    while _lives(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(pid), "a guest that hangs would hold its memory, or its GPU, until the machine is restarted"


def _lives(pid) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


TRUTH = """
import gc, sys
def look():
    seen = [name for name in sys.modules if name in ("bench.images.data", "bench.images.sources")]
    seen = [name for name in seen if getattr(sys.modules[name], "_CACHE", None) and sys.modules[name]._CACHE._values]
    frame = sys._getframe()
    while frame:
        seen += [name for name in frame.f_locals if name in ("hr", "card", "batch")]
        frame = frame.f_back
    seen += [str(tuple(each.shape)) for each in gc.get_objects()
             if isinstance(each, torch.Tensor) and each.shape[-1:] == (64,) and each.dim() in (3, 4)]
    open({0!r}, "w").write(" ".join(seen))
    return True
"""


@pytest.fixture
def table2(bench, photos, tmp_path) -> Callable[..., tuple[int, str, str]]:
    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out")
    return lambda *more: bench(*words, *more)


def values(out) -> pd.DataFrame:
    """The values of each image of bicubic, in the only table below a folder."""
    (path,) = out.rglob("table2.images.csv")
    found = pd.read_csv(path)
    return found[found["method"] == "bicubic"].reset_index(drop=True)


def test_a_guest_finds_no_ground_truth_in_memory(table2, tmp_path):
    guest = guests.write(tmp_path, before=TRUTH.format(str(tmp_path / "seen")), result=" if look() else 0")
    assert table2("--with", guest)[0] == 0
    assert (tmp_path / "seen").read_text() == "", "a method that knows the answer would win every table"


SPOILING = {
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "default device": "torch.set_default_device('meta')",
    "working directory": "import os, tempfile; os.chdir(tempfile.mkdtemp())",
    "Pillow": "from PIL import ImageFile; ImageFile.LOAD_TRUNCATED_IMAGES = True",
    "metrics": "import bench.scores.metrics as m; m.METRICS.clear(); m.psnr = m.ssim = lambda *_: torch.zeros(1)",
    "warnings": "import warnings; warnings.filterwarnings('error')",
    "threads and seed": "torch.set_num_threads(1); torch.manual_seed(3); torch.use_deterministic_algorithms(True)",
    "environment": "import os; os.environ.clear()",
}


@pytest.mark.slow
def test_a_guest_changes_no_other_row(table2, photos, tmp_path):
    whole = (photos / "face" / "1.png").read_bytes()
    (photos / "face" / "1.png").write_bytes(whole[: len(whole) * 9 // 10])  # refused, unless Pillow was told otherwise
    assert table2()[0] == 1
    before = values(tmp_path / "out")
    for index, what in enumerate(SPOILING):
        folder = tmp_path / str(index)
        folder.mkdir()
        status, _, err = table2("--with", guests.write(folder, before=SPOILING[what]), "--out", folder / "out")
        assert "Traceback" not in err, what
        assert status == 1, what
        pd.testing.assert_frame_equal(values(folder / "out"), before, obj=f"bicubic beside a guest that changes {what}")


@pytest.mark.slow
def test_two_guests_may_each_have_files_of_the_same_name_beside_them(table2, tmp_path):
    names = []
    for name, level in (("one", 0.0), ("two", 1.0)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "utils.py").write_text(f"LEVEL = {level}\n")
        names.append(guests.write(folder, name=name, before="import utils", result=" * 0 + utils.LEVEL"))
    assert table2("--with", names[0], "--with", names[1])[0] == 0
    (path,) = (tmp_path / "out").rglob("table2.images.csv")
    found = pd.read_csv(path).set_index("method")["psnr"]
    assert found["one"].mean() != found["two"].mean(), "the second got what the first had imported"


@pytest.mark.parametrize("reference", ["bicubic", "pseudo_inverse", "bicubic+bp"])
def test_in_a_process_of_its_own_a_method_does_the_same(reference):
    import methods

    here = runner.of(methods.find(reference)).load(TASK, CPU)
    with closing(Isolated(reference).load(TASK, CPU)) as apart:
        assert apart.facts == here.facts, "another fingerprint would make every result anew"
        pairs = zip(apart.attempt(LR), here.attempt(LR), strict=True)
        assert all(torch.equal(one.image, other.image) for one, other in pairs)
        assert apart.problems() == here.problems() == []


SEARCHES = {"family": "inversion", "before": "from bench.spec import Effort", "init": "self.efforts = []"}


def test_a_guest_that_searches_is_refined_from_its_stored_result(tmp_path):
    reference = guests.write(tmp_path, **SEARCHES)
    with closing(Isolated(f"{reference}+bp").load(TASK, CPU)) as guest:
        assert guest.inner is not None
        assert (guest.inner.facts.name, guest.facts.name) == ("g", "g+bp")
        inner = guest.inner.attempt(LR[:1])[0]
        refined = guest.refine((inner.image[None] / 255, Effort(3, 2, "a note"), 5.0), LR[:1])
    assert torch.equal(inner.image, GROWN[0])
    assert refined.effort == Effort(3, 2, "a note")
    assert refined.seconds > 5


@pytest.mark.slow
def test_what_a_guest_prints_is_not_the_tables(photos, tmp_path):
    guest = guests.write(tmp_path, init="print('loading my network')")
    words = [sys.executable, "-m", "bench", "check", guest, "--profile", str(photos)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "loading my network" not in done.stdout, "a table that is piped into a file would begin with it"
    assert "loading my network" in done.stderr


BAD_SPECS = {
    "factors": (16, "a tuple of whole numbers from 1, such as (8, 16)"),
    "name": ("", "a printable text"),
    "title": (3, "a text that is not empty"),
    "max_batch": (0, "a whole number from 1"),
    "seeded": ("yes", "True or False"),
    "categories": ("face", "a tuple of names"),
    "files": ((3,), "a tuple of file names"),
}


@pytest.mark.parametrize("name", BAD_SPECS)
def test_a_spec_that_cannot_be_says_which_attribute(name):
    value, words = BAD_SPECS[name]
    good = declared.to_plain(Spec(name="g", title="g", family="t", paper="p", factors=(16,)))
    assert declared.from_plain(good) == Spec(name="g", title="g", family="t", paper="p", factors=(16,))
    with pytest.raises(ContractError, match=re.escape(f"spec.{name} must be {words}")):
        declared.from_plain({**good, name: value})


def test_a_spec_that_is_something_else_says_what_it_must_be():
    with pytest.raises(ContractError, match=r"spec must be a bench.Spec, not \{'name': 'g'\}, which lacks name, title"):
        declared.spec({"name": "g"})


def test_a_guest_may_lie_in_a_folder_whose_name_is_no_utf_8(tmp_path):
    folder = tmp_path / os.fsdecode(b"m\xe9thodes")
    folder.mkdir()
    with closing(loaded(folder)) as guest:
        (outcome,) = guest.attempt(LR[:1])
    assert outcome.image is not None, outcome.reason


DECLARED = {
    "a remark that is no text": ({"attributes": "remark = 3"}, "g.remark must be a text"),
    "a remark that raises": ({"attributes": "remark = property(lambda self: 1 / 0)"}, "ZeroDivisionError"),
}


@pytest.mark.parametrize("what", DECLARED)
def test_what_a_guest_says_wrongly_is_named(tmp_path, what):
    parts, words = DECLARED[what]
    with pytest.raises(LoadError, match=words):
        loaded(tmp_path, **parts)


def test_a_load_without_return_is_named(tmp_path):
    guest = guests.write(tmp_path)
    path = tmp_path / "guest.py"
    path.write_text(path.read_text().replace("return cls(task.factor)", "cls(task.factor)"))
    with pytest.raises(LoadError, match="load returned NoneType; it must return the loaded method"):
        Isolated(guest).load(TASK, CPU)


@pytest.mark.parametrize("told", ["[7]", "3", "[Effort(-1)]", "[Effort('1')]", "[Effort(1, 1, 5)]"])
def test_efforts_that_cannot_be_fail_the_image(tmp_path, told):
    parts = {"before": "from bench.spec import Effort", "init": f"self.efforts = {told}"}
    with closing(loaded(tmp_path, **parts)) as guest:
        (outcome,) = guest.attempt(LR[:1])
    assert outcome.image is None
    assert "effort" in outcome.reason


@pytest.mark.slow
def test_check_and_table_judge_alike(bench, photos, tmp_path):
    guest = guests.write(tmp_path, spec=", max_batch=1", before="def alone(lr):\n    assert len(lr) == 1\n    return 1",
                         result=" * alone(lr)")  # fmt: skip
    assert bench("check", guest, "--profile", photos)[0] == 0, "it takes one image at a time, and says so"
    for parts, words in (
        ({"before": "import sys\nsys.exit(0)"}, "could not be imported: SystemExit: 0"),
        ({"spec": ", max_batch='many'"}, "spec.max_batch must be a whole number"),
        ({"init": "import os; os._exit(0)"}, "ended with exit status 0"),
    ):
        guest = guests.write(tmp_path, **parts)
        status, out, _ = bench("check", guest, "--profile", photos)
        assert (status, words in out) == (1, True), out
        words_of_table = ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out")
        status, out, err = bench(*words_of_table, "--with", guest)
        assert (status, words in err) == (1, True), err
        assert re.search(r"Bicubic +\d", out), "the other rows are not measured"


def test_a_file_or_class_that_is_not_there_is_a_mistake_of_the_command(tmp_path):
    with pytest.raises(BenchError, match="there is no file"):
        Isolated(f"{tmp_path}/gone.py:G")
    with pytest.raises(BenchError, match="has no class 'H'; it has: G"):
        Isolated(guests.write(tmp_path).replace(":G", ":H"))


@pytest.mark.slow
def test_with_a_time_limit_every_method_runs_apart_and_gives_the_same(table2, tmp_path):
    assert table2()[0] == 0
    before = values(tmp_path / "out")
    assert table2("--timeout", "600", "--out", tmp_path / "other")[0] == 0
    pd.testing.assert_frame_equal(values(tmp_path / "other"), before)
