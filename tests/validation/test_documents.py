"""What a validation leaves behind, says, and does not say."""

import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlr.config.validation import Severities, ValidationConfig
from rlr.foundation.documents import read_result
from rlr.foundation.errors import MachineError
from rlr.validation import Offender, Outcome, Verdict, validate
from rlr.validation.judge import judge
from rlr.validation.suite import Check, class_checks, image_checks

from .conftest import VERSION, PartSet

Judged = Callable[..., Verdict]
Settings = Callable[..., ValidationConfig]
DARK = ["cap/train/good/003.png", "cap/train/good/004.png", "cap/train/good/005.png"]


@pytest.fixture
def dark(parts: PartSet) -> PartSet:
    """Return a set with three dark images in one class."""
    for path in DARK:
        noise = parts.random.integers(0, 4, parts.picture().shape, dtype=np.uint8)
        parts.write(path, noise)
    return parts


def read_strictly(path: Path) -> dict[str, Any]:
    """Read JSON as a strict reader does: NaN and infinity are no numbers."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in {path}")

    document: dict[str, Any] = json.loads(path.read_text(), parse_constant=refuse)
    return document


def entry(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the entry of one expectation."""
    (found,) = [one for one in document["expectations"] if one["name"] == name]
    return dict(found)


def test_the_document_lists_files_up_to_a_limit(
    dark: PartSet, judged: Judged, output: Path
) -> None:
    verdict = judged(dark, max_listed=2)
    document = read_strictly(output / "validation.json")
    assert document["data_version"] == VERSION
    assert document["passed"] is True
    assert [one["name"] for one in document["expectations"]] == list(Severities.model_fields)
    told = entry(document, "brightness")
    assert told["severity"] == "warning"
    assert told["success"] is False
    assert told["offending"] == 3
    assert [offender["name"] for offender in told["offenders"]] == DARK[:2]
    assert re.fullmatch(r"brightness 0\.00\d+", told["offenders"][0]["found"])
    assert len(verdict.warnings[0].offenders) == 3
    assert document["classes"][1] == {
        "class": "cap",
        "train_good": 9,
        "validation_good": 2,
        "test_good": 3,
        "test_defective": 3,
        "unlabelled": 0,
        "imbalance": 1.0,
    }


def test_the_result_says_what_the_next_step_needs(
    dark: PartSet, judged: Judged, output: Path
) -> None:
    verdict = judged(dark)
    result = read_result(output, "validate")
    assert result["passed"] is True
    assert result["failures"] == []
    assert result["warnings"] == ["brightness"]
    assert result["data_version"] == VERSION
    assert result["sentence"] == verdict.sentence()
    assert verdict.sentence() == "Validation passed with warnings: brightness (3 images)."


def test_severities_are_those_of_the_configuration(
    dark: PartSet, judged: Judged, output: Path
) -> None:
    stopped = judged(dark, severity={"brightness": "critical"})
    assert not stopped.passed
    assert [outcome.name for outcome in stopped.failures] == ["brightness"]
    assert read_result(output, "validate")["passed"] is False

    silent = judged(dark, severity={"brightness": "off", "near_duplicate_across_splits": "off"})
    assert silent.passed
    assert silent.warnings == []
    document = read_strictly(output / "validation.json")
    assert document["off"] == ["near_duplicate_across_splits", "brightness"]
    assert len(document["expectations"]) == len(Severities.model_fields) - 2


def test_nothing_undefined_is_written_as_a_number(
    parts: PartSet, judged: Judged, output: Path
) -> None:
    parts.remove("train", "cap")
    parts.remove("train", "bolt")
    for path in parts.rows:
        (parts.root / path).write_bytes(path.encode())
    assert not judged(parts).passed
    document = read_strictly(output / "validation.json")
    assert document["measures"] == {"brightness": None, "sharpness": None}
    assert [row["imbalance"] for row in document["classes"]] == [None, None]
    assert "<svg" in (output / "validation.html").read_text()


def test_the_sentence_names_the_first_files_and_what_to_do(parts: PartSet, judged: Judged) -> None:
    for path in DARK:
        (parts.root / path).write_bytes(b"")
    (parts.root / "cap/test/scratch/000.png").write_bytes(b"")
    parts.rows["bolt/train/good/003.png"]["label"] = "scratch"
    sentence = judged(parts, min_train_good=1).sentence()
    assert sentence.startswith(
        "Validation failed at readable: every image can be decoded, but 4 of 34 images break it: "
        "cap/test/scratch/000.png (unreadable because cannot identify"
    )
    assert sentence.endswith(
        "and 1 more; replace or remove the files; also failed: label_of_split."
    )
    assert "\n" not in sentence


def test_the_words_are_those_of_the_limits(settings: Settings) -> None:
    limits = settings(min_side=48, min_test_defective=3, near_duplicate_quantile=0.02)
    checks = {check.name: check for check in [*image_checks(limits), *class_checks(limits)]}
    assert "48 to 16384 pixels" in checks["size"].expected
    assert checks["minimum_counts"].expected == (
        "every class has at least 8 good training, 1 good validation, 1 good test and "
        "3 defective test images"
    )
    assert "2 % of the pairs" in checks["near_duplicate_across_splits"].expected


def test_what_was_not_judged_does_not_pass() -> None:
    outcome = Outcome("size", "critical", "small", "wait", None, "not judged", "image", ())
    assert not Verdict((outcome,)).passed
    assert Verdict((outcome,)).failures == []


def test_the_page_opens_without_a_network(dark: PartSet, judged: Judged, output: Path) -> None:
    dark.rows["cap/test/scratch/001.png"]["mask"] = None
    name = dark.add("cap/train/good/<b>&.png", "train", "good", dark.picture()[:, :, 0])
    judged(dark, modes=["RGB"])
    page = (output / "validation.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "url(" not in page
    assert name not in page
    assert "cap/train/good/&lt;b&gt;&amp;.png" in page
    for shown in ("brightness", "mask_present_for_defects", "mode"):
        assert f'<section id="{shown}">' in page
    assert '<section id="size">' not in page
    assert page.count("data:image/jpeg") == 3 + 1 + 1


def test_twins_and_masks_stand_beside_the_image(
    parts: PartSet, judged: Judged, output: Path
) -> None:
    twin = "cap/test/good/001.png"
    (parts.root / twin).write_bytes((parts.root / DARK[0]).read_bytes())
    parts.mask("cap/test/scratch/001.png", size=(60, 60))
    (parts.root / "bolt/test/good/000.png").write_bytes(b"")
    judged(parts)
    page = (output / "validation.html").read_text()
    assert page.count("data:image/jpeg") == 2 * 2 + 2  # the unreadable one cannot be shown


def test_nothing_is_printed_and_nobody_is_called(
    parts: PartSet,
    judged: Judged,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with caplog.at_level(logging.INFO):
        judged(parts)
    assert capfd.readouterr() == ("", "")
    assert [record.name for record in caplog.records if record.name != "rlr"] == []


def test_an_output_that_is_not_finished_does_not_look_so(
    parts: PartSet, judged: Judged, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(parts)

    def fail(*_: object, **__: object) -> None:
        raise MachineError("The disk is full.")

    monkeypatch.setattr("rlr.validation.run.write_page", fail)
    with pytest.raises(MachineError):
        judged(parts)
    assert not (output / "result.json").exists()


def test_a_rule_that_breaks_is_no_bad_image(parts: PartSet) -> None:
    import great_expectations.expectations as gxe

    rule = gxe.ExpectColumnValuesToNotBeNull(column="colour")
    check = Check("readable", "every image has a colour", "paint it", (rule,))
    with pytest.raises(MachineError, match=r"could not judge readable .*colour"):
        judge(parts.manifest().frame, "path", [check])


def test_an_offender_reads_as_a_sentence() -> None:
    assert str(Offender("a.png", "mode L")) == "a.png (mode L)"


def test_the_room_imports_nothing_slow() -> None:
    code = (
        "import sys, rlr.validation\n"
        "slow = {'great_expectations', 'torch', 'scipy', 'jinja2'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_limits_stand_in_order() -> None:
    with pytest.raises(ValueError, match=r"lower limit 0\.9 is above the upper one 0\.1"):
        ValidationConfig.model_validate({"brightness": (0.9, 0.1)})


def test_the_schema_is_always_critical() -> None:
    with pytest.raises(ValueError, match="schema_columns"):
        Severities.model_validate({"schema_columns": "off"})


def test_white_is_what_the_camera_says(parts: PartSet, settings: Settings, output: Path) -> None:
    from PIL import Image

    path = "cap/train/good/003.png"
    Image.fromarray(parts.picture()[:, :, 0].astype(np.uint16) * 16).save(parts.root / path)
    manifest = parts.manifest()
    assert manifest.frame.set_index("path").loc[path, "mode"] == "I;16"
    assert validate(manifest, settings(), output, white_level=4095).warnings == []
    strict = settings(brightness=(0.1, 0.9))
    warned = validate(manifest, strict, output)
    assert [o.name for w in warned.warnings for o in w.offenders] == [path]
