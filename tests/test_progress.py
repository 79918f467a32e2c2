import io

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
