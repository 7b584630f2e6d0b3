"""schedules.yaml: what is right is read, and what is wrong is named with file, schedule and key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.config.schedules import interval_seconds, load_schedules
from rlr.foundation.errors import UserError

Write = Callable[[str], Path]
CRON = 'cron: "0 0 3 * * *"'
# What stands in a schedule, and what the sentence says after its name.
WRONG = {
    'cron: "0 0 3 31 2 *"': "cron: no year has such a day, so it never comes",
    'cron: "0 0 3 31 4,6 ?"': "cron: no year has such a day, so it never comes",
    'cron: "0 3 * * *"': "cron: there are five fields, where Kubeflow has six, seconds first: "
    "write '0 0 3 * * *', but got '0 3 * * *'.",
    'cron: "3 * * *"': "cron: there must be six fields",
    'cron: "0 0 3 * * 7"': "cron: '7' is no weekday; they go from 0 to 6 (or sun to sat)",
    'cron: "0 0 22-3 * * *"': "cron: the range '22-3' of the hour runs backwards",
    'cron: "@daily"': "cron: write six fields, or an interval",
    "cron: 5": "cron: Input should be a valid string, but got 5.",
    f"{CRON}, interval: 6h": "cron, interval: give one of the two, and one only.",
    "enabled: false": "cron, interval: give one of the two, and one only.",
    "interval: 6": "interval: Input should be a valid string, but got 6.",
    "interval: 6x": "interval: write days, hours, minutes, seconds in this order",
    "interval: 5m1h": "interval: write days, hours, minutes, seconds in this order",
    "interval: 0s": "interval: write days, hours, minutes, seconds in this order",
    "interval: 6h, timezone: UTC": "timezone: an interval has none; remove it.",
    f"{CRON}, timezone: Mars": "timezone: there is no such time zone; write one as Europe/Berlin",
    f'{CRON}, timezone: ""': "timezone: there is no such time zone",
    f"{CRON}, timezone: ../etc": "timezone: there is no such time zone",
    f"{CRON}, concurrency: 0": "concurrency: Input should be greater than or equal to 1",
    f"{CRON}, concurrency: 11": "concurrency: Input should be less than or equal to 10",
    f"{CRON}, catchup: true": "catchup: unknown key; `rlr schedule schema` lists all.",
    f"{CRON}, parameters: {{seed: x}}": "parameters.seed: Input should be a valid integer",
    f"{CRON}, parameters: {{overrides: [1]}}": "parameters.overrides.0: Input should be a valid",
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file of schedules."""

    def run(text: str) -> Path:
        path = tmp_path / "schedules.yaml"
        path.write_text(text)
        return path

    return run


def test_what_is_left_out_has_its_default(write: Write) -> None:
    path = write(f"schedules: [{{name: nightly, pipeline: training, {CRON}}}]")
    found = load_schedules(path)
    (nightly,) = found.schedules
    assert (found.cluster_timezone, found.experiment) == ("UTC", "rlr")
    assert found.zone_of(nightly) == "UTC"
    assert (nightly.enabled, nightly.concurrency, nightly.catch_up) == (True, 1, False)
    assert nightly.parameters.config == "published"
    assert found.named("nightly") is nightly
    with pytest.raises(UserError, match="has no schedule weekly; it has nightly"):
        found.named("weekly")


def test_an_empty_file_has_no_schedules(write: Write) -> None:
    assert load_schedules(write("# nothing yet\n")).schedules == ()


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_named(words: str, write: Write) -> None:
    path = write(f"schedules:\n  - {{name: nightly, pipeline: training, {words}}}\n")
    with pytest.raises(UserError) as caught:
        load_schedules(path)
    assert str(caught.value).startswith(f"{path}: schedule nightly: {WRONG[words]}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schedules: 3", "schedules: Input should be a valid array"),
        ("- 3", "a mapping is expected"),
        ("schedules: [3]", "schedule number 1: Input should be an object"),
        (
            "schedules: [{pipeline: t, interval: 6h}]",
            "schedule number 1: name: this key is missing",
        ),
        (
            "schedules: [{name: A b, pipeline: t, interval: 6h}]",
            "schedule A b: name: small letters, digits and hyphens are expected",
        ),
        (
            f"schedules: [{', '.join(2 * ['{name: a, pipeline: t, interval: 6h}'])}]",
            "name: two schedules are named a; rename one.",
        ),
        ("cluster_timezone: Mars", "cluster_timezone: there is no such time zone"),
        ("schedule: []", "schedule: unknown key"),
        ("a: {", "not valid YAML"),
    ],
)
def test_what_is_wrong_with_the_file_is_named(text: str, words: str, write: Write) -> None:
    path = write(text)
    with pytest.raises(UserError) as caught:
        load_schedules(path)
    assert str(caught.value).startswith(f"{path}: {words}")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(No such file or directory\)"):
        load_schedules(tmp_path / "schedules.yaml")


@pytest.mark.parametrize(
    ("interval", "seconds"), [("6h", 21600), ("1d", 86400), ("1h30m", 5400), ("0.25s", 0.25)]
)
def test_an_interval_is_read(interval: str, seconds: float) -> None:
    assert interval_seconds(interval) == seconds
