"""How the command line ends: one line, never a traceback, and an exit status that tells what happened."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import bench as package
from bench import cards, commands, console, paths
from bench.errors import BenchError, MissingImages
from bench.scores import metric_networks
from methods.training import __main__ as training
from methods.training import processes

from .conftest import ROOT, textured, without_progress

PYTHON = [sys.executable, "-m", "bench"]
LOADING = f"{console.LOADING}\n"
STOPPED = "stopped: by Ctrl-C; what is finished stays and is not done again.\n"


def start(*words, cwd=ROOT, **changes):
    """Run the command line in a process of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "OMP_NUM_THREADS": "1"} | changes
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.run(
        [*PYTHON, *map(str, words)], cwd=cwd, env=environment, capture_output=True, errors="replace", check=False
    )


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (BenchError("what to do"), 2, r"error: what to do"),
        (BenchError("a [/red] \x1b[31m\nb"), 2, r"error: a \[/red\] \\x1b\[31m b"),
        (BenchError(""), 2, "error: "),
        (PermissionError(13, "Permission denied", "/x"), 2, "error: /x: Permission denied"),
        (OSError(28, "No space left on device"), 2, "error: the output cannot be written: No space left on device"),
        (MemoryError(), 2, "error: there is not enough memory"),
        (KeyboardInterrupt(), 130, "stopped: by Ctrl-C"),
        (
            ZeroDivisionError("a\nb"),
            70,
            r"error: this is a fault of glean-bench: ZeroDivisionError: a b. Please report",
        ),
        (RecursionError(), 70, ".*RecursionError"),
        (UnicodeError("x" * 10_000), 70, ".*UnicodeError: xxx"),
    ],
)
def test_whatever_goes_wrong_is_one_line(capsys, error, status, words):
    def fail(_):
        raise error

    assert console.run(fail, []) == status
    out, err = capsys.readouterr()
    assert re.match(words, err)
    assert (out, err.count("\n")) == ("", 1)
    assert len(err) < 700


def test_an_error_that_cannot_even_be_shown_is_one_line(capsys):
    class Odd(Exception):
        def __str__(self):
            raise ValueError

    def fail(_):
        raise Odd

    assert console.run(fail, []) == 70
    assert "Odd" in capsys.readouterr().err


def test_the_log_holds_the_traceback_and_the_words(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["bench", "list"])

    def fail(_):
        raise ZeroDivisionError("\udcff")

    assert console.run(fail, ["list"]) == 70
    (log,) = tmp_path.iterdir()
    assert str(log) in capsys.readouterr().err
    text = log.read_text()
    assert text.startswith("bench list\n")
    assert "Traceback" in text
    assert "raise ZeroDivisionError" in text


def test_without_a_place_for_the_log_it_is_one_line_all_the_same(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))

    def fail(_):
        raise ZeroDivisionError

    assert console.run(fail, []) == 70
    assert "no log could be written" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet(capsys):
    def fail(_):
        raise BrokenPipeError(32, "Broken pipe")

    assert console.run(fail, []) == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("words", [[""], ["table", " "], ["table", "a\0b"], ["\0"]])
def test_a_word_that_names_nothing_is_refused(capsys, words):
    assert console.run(lambda _: 0, words) == 2
    assert re.match(r"error: word \d of the command", capsys.readouterr().err)


VERBS = [
    "table",
    "view",
    "export",
    "render",
    "compare",
    "inputs",
    "check",
    "list",
    "upscale",
    "retouch",
    "diagnose",
    "sheet",
    "convert",
    "fetch",
    "lists",
    "flops",
    "tabel",
]
OPTIONS = [
    "--profile", "--with", "--only", "-n", "--limit", "--device", "--batch-size", "--hr-size", "--seed", "--out",
    "--method", "--methods", "--factor", "--category", "--count", "--allow-enlarge", "--nothing",
]  # fmt: skip
SILLY = [
    "-1", "0", "1", "nan", "inf", "1e9", "9" * 30, "-" + "9" * 30, "x", "é", "..", "/", "/dev/null", "/dev/null/x",
    "a" * 300, "\x1b[31m", "\n", "[/red]", "~nobody-at-all", "~", "{folder}", "{file}", "{locked}", "mini", "table2",
    "bicubic", "bicubic:Bicubic", "{file}:X", "=1", "meta", "cpu", "cuda:99", "restore", "\udcff", "--help", "--",
]  # fmt: skip


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(VERBS),
    st.lists(st.sampled_from(SILLY) | st.tuples(st.sampled_from(OPTIONS), st.sampled_from(SILLY)), max_size=4),
)
def test_silly_words_are_one_line(capsys, monkeypatch, tmp_path_factory, verb, rest):
    """Nothing is measured or drawn here: what is tested is what becomes of the words before."""
    base = tmp_path_factory.mktemp("words")
    (base / "file").write_text("x")
    (base / "locked").mkdir(mode=0o500)
    places = {"folder": base, "file": base / "file", "locked": base / "locked" / "x"}
    words = [word for part in rest for word in ([part] if isinstance(part, str) else part)]
    words = [word.format(**places) if "{" in word else word for word in words]
    monkeypatch.chdir(base)
    for name in ("_restore", "_render"):
        monkeypatch.setattr(f"bench.verbs.table.{name}", lambda *_: False)
    for name in ("estimate.sentences", "measurement.Measurement.score", "running.runner.sweep"):
        monkeypatch.setattr(f"bench.{name}", lambda *_: iter(()))
    monkeypatch.setattr("bench.cost.cost_table.counted", lambda *_: iter(()))
    monkeypatch.setattr("methods.weights.download.fetch", lambda *_: iter(()))
    monkeypatch.setattr("methods.weights.download.sizes", lambda _: {})
    monkeypatch.setattr("bench.images.listing.write_lists", lambda *_: [])
    monkeypatch.setattr("bench.store.save_sheet", lambda *_: None)
    status = console.run(commands.start, [verb, *words])
    out, err = capsys.readouterr()
    assert status in (0, 1, 2), err
    assert "Traceback" not in out + err
    if status == 2:
        assert err.count("\n") == 1
        assert err.startswith("error: ")


@pytest.mark.parametrize("name", ["nope", "", "meta", "cuda:99", "cuda:-1", "cpu:7x", "xla", "mps", "hpu", "\0", "é"])
def test_a_device_that_is_not_there_is_a_sentence(bench, photos, name):
    status, _, err = bench("check", "bicubic", "--profile", photos, "--device", name)
    assert status == 2
    assert err.count("\n") == 1


def test_diagnose_of_the_images_in_the_wrong_order_says_so(bench, tmp_path):

    for name, size in (("small", 8), ("large", 64), ("odd", 60)):
        Image.fromarray(textured(size, 0)).save(tmp_path / f"{name}.png")
    for first, second in (("large", "small"), ("small", "odd"), ("large", "large"), ("odd", "large")):
        status, _, err = bench("diagnose", tmp_path / f"{first}.png", tmp_path / f"{second}.png")
        assert status == 2
        assert "give the low-resolution image first" in err
    assert bench("diagnose", tmp_path / "small.png", tmp_path / "large.png")[0] == 0


@pytest.mark.parametrize("target", ["/", ".", "..", "folder"])
@pytest.mark.parametrize("verb", ["upscale", "retouch", "sheet", "convert"])
def test_a_folder_where_a_file_is_to_be_written_is_a_sentence(bench, monkeypatch, tmp_path, verb, target):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    status, _, err = bench(verb, *([] if verb == "sheet" else ["x.png"]), target)
    assert status == 2
    assert "is a directory" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    ["upscale a.png a.png", "upscale a.png link.png", "upscale a.png pipe", "retouch a.png link.png", "sheet pipe"],
)
def test_nothing_is_written_over_what_is_read_or_is_no_file(bench, monkeypatch, tmp_path, words):
    """As root, a picture would take the place of /dev/null; and a user's only copy that of its enlargement."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 4)).save("a.png")
    before = Path("a.png").read_bytes()
    Path("link.png").hardlink_to("a.png")
    os.mkfifo("pipe")
    status, _, err = bench(*words.split())
    assert status == 2
    assert re.search("never written to|not a file", err)
    assert Path("a.png").read_bytes() == before
    assert Path("pipe").is_fifo()


@pytest.mark.parametrize("words", ["upscale a.png x.jpg", "upscale a.png x", "sheet x.jpeg"])
def test_a_png_is_not_written_under_another_name(bench, monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 4)).save("a.png")
    status, _, err = bench(*words.split())
    assert (status, "would be a PNG; give it a name that ends in .png" in err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("seconds", ["inf", "1e300", "nan"])
def test_a_time_limit_that_no_clock_has_is_a_sentence(bench, seconds):
    assert bench("check", "bicubic", "--timeout", seconds)[0] == 2


def test_a_file_where_results_are_to_go_is_a_sentence(bench, photos):
    status, _, err = bench("table", "table2", "--profile", photos, "--out", photos / "face" / "0.png")
    assert status == 2
    assert "0.png' is a file" in err


@pytest.mark.parametrize("words", [["--seed", "x"], ["--profile", "mni"], ["--category", "x"], [""]])
def test_training_with_silly_words_is_no_traceback(capsys, words):
    try:
        status = training.main(["bank", *words])
    except SystemExit as stop:  # argparse
        status = stop.code
    assert status == 2
    assert "error: " in capsys.readouterr().err


def test_the_public_names_are_there():
    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018


@pytest.mark.slow
def test_a_full_disk_behind_standard_output_is_a_sentence():
    with Path("/dev/full").open("w") as full:
        for words in (["list"], ["--help"]):
            done = subprocess.run(
                [*PYTHON, *words], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
            assert done.returncode == 2
            assert done.stderr == "error: the output cannot be written: No space left on device.\n"


@pytest.mark.slow
def test_a_reader_that_leaves_and_a_closed_output_are_quiet():
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m bench list | head -n 1; {sys.executable} -m bench list >&-"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_a_console_without_the_letters_shows_others(photos, tmp_path, encoding):
    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out", "-n", "2")
    done = start(*words, PYTHONIOENCODING=encoding)
    assert (done.returncode, without_progress(done.stderr)) == (0, LOADING)
    assert "Bicubic" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("words", [["list"], ["table", "table1", "--profile", "~/x"], ["fetch", "bigsr.pth"]])
def test_without_a_home_and_without_an_entry_in_the_list_of_users_the_suite_works(words):
    program = (
        "import os, pwd, runpy, sys\n"
        "def absent(_):\n    raise KeyError('uid not found')\n"
        "pwd.getpwuid = pwd.getpwnam = absent\n"
        "sys.argv[:] = ['bench', *sys.argv[1:]]\n"
        "runpy.run_module('bench', run_name='__main__', alter_sys=True)\n"
    )
    environment = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if words == ["list"] else 2), done.stderr
    assert "Traceback" not in done.stderr
    assert "fault of glean-bench" not in done.stderr


def test_without_a_home_weights_are_looked_for_here(monkeypatch, tmp_path):
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("GLEAN_WEIGHTS", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda text: text)
    monkeypatch.chdir(tmp_path)
    assert paths.user_weights() == [tmp_path / ".cache" / "glean-bench" / "weights"]
    assert paths.short(paths.user_weights()[0] / "x.pth") == ".cache/glean-bench/weights/x.pth"
    assert metric_networks.arcface_file().parent == metric_networks.SHIPPED
    with pytest.raises(MissingImages, match="there is no folder"):
        cards.profile_folder("~nobody/photos")


@pytest.mark.slow
def test_files_of_the_working_directory_are_not_the_suites(tmp_path):
    (tmp_path / "other").mkdir()
    for name in ("methods.py", "random.py", "torch.py", "typer.py", "other/methods.py"):
        (tmp_path / name).write_text("raise ImportError('the file of a user')")
    done = start("list", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), "python -m puts the working directory first"
    done = start("list", cwd=tmp_path, PYTHONPATH=str(tmp_path / "other"))
    assert done.returncode == 2
    assert re.fullmatch(r"error: the package `methods` was found at .*methods\.py, not in .*\n", done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(("package", "said"), [("torch", LOADING), ("typer", "")])
def test_ctrl_c_while_the_packages_are_imported_is_one_line(package, said):
    """They take seconds; nothing of them may be imported before errors are watched for."""
    program = (
        "import importlib.abc, runpy, sys\n"
        "class Stop(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == '{package}' and self in sys.meta_path:\n"
        "            sys.meta_path.remove(self)\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "sys.argv[:] = ['bench', 'doctor']\n"
        "runpy.run_module('bench', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, said + STOPPED)


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("jobs", [1, 3])
def test_ctrl_c_in_the_middle_of_a_run_is_one_line(tmp_path, jobs):
    """A search of 25 images: it is not over before the signal comes."""
    words = ("table", "table2", "--category", "face", "--method", "pulse", "--jobs", jobs, "--out", tmp_path / "out")
    command = [*PYTHON, *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert any(" cells, " in line for line in program.stdout), "the plan is printed before anything is restored"
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert (program.returncode, err) == (130, LOADING + STOPPED)
    assert not list((tmp_path / "out").rglob("0*.json")), "images whose search was stopped count as failed"


def test_a_missing_package_is_a_sentence_even_where_nothing_is_installed():
    """After the README's two commands `python -m bench list` ended in `ModuleNotFoundError: numpy`."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "bench", "list"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: .* has no package \w+, which glean-bench needs\. .*-m pip install -e .*\n", done.stderr
    )


@pytest.mark.parametrize("name", ["bench.gone", "methods.gone"])
def test_a_module_of_our_own_that_is_missing_is_a_fault(capsys, name):
    def broken(_):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    assert console.run(broken, []) == console.FAULT


class Offended:
    """A finder of modules under which the import of torch ends as it does if a variable has a value that is none."""

    @staticmethod
    def find_spec(name, *_):
        if name == "torch":
            raise ValueError("Invalid log settings: nonsense")


def test_a_variable_that_torch_cannot_read_is_named(bench, monkeypatch):
    monkeypatch.setenv("TORCH_LOGS", "nonsense")
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(sys, "meta_path", [Offended, *sys.meta_path])
    status, _, err = bench("doctor")
    assert status == 2
    assert re.search(r"unset the environment variables? that it reads: .*TORCH_LOGS=nonsense", err), err


@pytest.mark.parametrize("told", [{"RANK": "abc", "WORLD_SIZE": "2"}, {"RANK": "0", "WORLD_SIZE": "x"}, {"RANK": "0"}])
def test_a_number_of_a_process_that_is_none_is_named(monkeypatch, told):
    for name, value in {"MASTER_ADDR": "localhost", "MASTER_PORT": "29500", **told}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BenchError, match=rf"could not join.*RANK={told['RANK']}.*torchrun, or unset RANK"):
        processes.join()


@pytest.mark.slow
def test_figures_need_no_display_whatever_is_said_of_it(tmp_path):
    done = start("render", tmp_path, MPLBACKEND="nonsense")
    assert (done.returncode, "fault of glean-bench" in done.stderr) == (2, False), done.stderr
