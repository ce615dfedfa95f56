"""The bar: silence where nobody watches, nothing before two seconds, closed whatever happens."""

import io

import pytest

from entropist import progress


class Watched:
    """A standard error that someone looks at, a clock that jumps, and a bar that only notes."""

    def __init__(self, monkeypatch, seconds_a_step):
        self.now, self.shown, self.closed = 0.0, [], 0
        self.step = seconds_a_step
        monkeypatch.setattr(progress.sys, "stderr", self)
        monkeypatch.setattr(progress.time, "monotonic", self.clock)
        monkeypatch.setattr(progress, "_Bar", lambda description, total, done: self)

    def isatty(self):
        return True

    def clock(self):
        self.now += self.step
        return self.now

    def show(self, done):
        self.shown.append(done)

    def close(self):
        self.closed += 1

    def write(self, text):
        raise AssertionError("nothing but the bar writes")


def test_no_bar_before_two_seconds(monkeypatch):
    watched = Watched(monkeypatch, 0.01)
    assert list(progress.tracked(range(50), 50, "x")) == list(range(50))
    assert (watched.shown, watched.closed) == ([], 0)


def test_a_bar_after_two_seconds(monkeypatch):
    watched = Watched(monkeypatch, 0.9)
    assert list(progress.tracked(range(6), 6, "x")) == list(range(6))
    assert watched.shown == [2, 3, 4, 5]
    assert watched.closed == 1


def test_the_bar_is_closed_when_the_work_stops(monkeypatch):
    watched = Watched(monkeypatch, 5)
    work = progress.tracked(range(6), 6, "x")
    next(work), next(work)
    with pytest.raises(KeyboardInterrupt):
        work.throw(KeyboardInterrupt())
    assert watched.closed == 1


def test_silence_where_nobody_watches(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_PATIENCE", -1.0)
    assert list(progress.tracked("abc", 3, "x")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_the_real_bar_draws_on_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_PATIENCE", -1.0)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress.tracked("abc", 3, "letters")) == ["a", "b", "c"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "letters" in err


def test_the_spinner_is_drawn_for_who_watches_and_no_one_else(capsys, monkeypatch):
    with progress.working("thinking"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.working("thinking"):
        pass
    out, err = capsys.readouterr()
    assert out == ""
    assert "thinking" in err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_what_is_done_stands_beside_what_is_being_done(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    with progress.working("scoring") as tell:
        tell("3 documents")
    assert "scoring: 3 documents" in terminal.getvalue()


def test_nobody_is_told_where_nobody_watches(capsys):
    with progress.working("scoring") as tell:
        tell("3 documents")
    assert capsys.readouterr() == ("", "")
