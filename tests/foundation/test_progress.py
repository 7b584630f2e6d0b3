"""Progress: log lines off a terminal, a bar on one, never on stdout."""

import logging
import sys

import pytest

from rlr.foundation.progress import track


def test_off_a_terminal_it_is_plain_lines(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rlr"):
        assert list(track([5, 6, 7], "Reading", interval=0.0)) == [5, 6, 7]
    assert caplog.messages == [f"Reading: {done} of 3" for done in (1, 2, 3)]


def test_lines_keep_their_distance(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rlr"):
        assert list(track(range(1000), "Reading", interval=60.0)) == list(range(1000))
    assert caplog.messages == []


@pytest.mark.parametrize(("total", "shown"), [(None, "?"), (9, "9")])
def test_a_stream_has_the_total_it_is_given(
    total: int | None, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="rlr"):
        list(track(iter([1]), "Reading", total=total, interval=0.0))
    assert caplog.messages == [f"Reading: 1 of {shown}"]


def test_on_a_terminal_it_is_a_bar_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(track([1, 2], "Reading")) == [1, 2]
    shown = capsys.readouterr()
    assert "Reading" in shown.err
    assert shown.out == ""
