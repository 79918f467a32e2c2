import io
import re
import time
from threading import Event

from rich.console import Console

from bench import progress


def test_downloads_are_named_as_each_is_done():
    items = [(5, 10, "a"), (10, 10, "a"), (3, 3, "b")]
    assert list(progress.follow(items)) == ["a", "b"]
    assert list(progress.follow([])) == []


def test_a_terminal_sees_rate_and_count_and_a_pipe_sees_nothing(monkeypatch):
    for terminal in (True, False):
        shown = io.StringIO()
        console = Console(file=shown, force_terminal=terminal, width=100)
        monkeypatch.setattr(progress, "Console", lambda console=console, **_: console)
        assert list(progress.track(range(3), "restore face", 3)) == [0, 1, 2]
        if terminal:
            assert all(words in shown.getvalue() for words in ("restore face", "3/3", "images/s"))
        else:
            assert shown.getvalue() == "", "a log file must not fill with bars"


def test_without_a_terminal_lines_say_how_far_it_is(monkeypatch, capsys):
    """In a log nothing was printed for hours."""
    monkeypatch.setattr(progress, "EVERY", 0.05)
    for _ in progress.track(range(4), "restore face 16x \x1b[31mSlow", 4):
        time.sleep(0.12)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 10, "one each 0.05 seconds at most, and not none"
    assert re.fullmatch(r"restore face 16x .*Slow: 0 of 4, for 0 seconds", lines[0]), "also before the first is done"
    assert re.search(r": 3 of 4, [\d.]+/s, 0 seconds left$", lines[-1])
    assert "\x1b" not in lines[0]


def test_many_short_pieces_of_work_are_told_too(monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0.1)
    for number in range(10):
        for _ in progress.track([1], f"piece {number}", 1):
            time.sleep(0.05)
    assert 2 <= len(capsys.readouterr().err.splitlines()) <= 6


def test_quietly_nothing_is_told(monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0.01)
    monkeypatch.setattr(progress, "_QUIET", Event())
    progress.silence()
    for _ in progress.track([1], "piece", 1):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""
