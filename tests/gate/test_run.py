"""Candidate and champion run here and now: formats, thresholds, what is left behind."""

import json
import shutil
from pathlib import Path

import pytest

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.detection.artifact import read_spec
from rlr.detection.detector import Detector
from rlr.evaluation.evaluate import judged_test_rows
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError
from rlr.gate.contest import Entrant, Ring, hold_contest
from rlr.gate.result import GateResult
from rlr.gate.run import run_gate
from rlr.registry.gate_results import parse_gate

ARTIFACTS = Path(__file__).parents[1] / "artifacts"


def test_what_is_written_is_the_decision_and_nothing_else(
    gated: tuple[Path, GateResult], candidate: Entrant, champion: Entrant
) -> None:
    output, result = gated
    assert {path.name for path in output.iterdir()} == {"gate.json", "gate.html", "result.json"}
    assert parse_gate((output / "gate.json").read_bytes(), "gate.json") == result
    written = json.loads((output / "result.json").read_text())
    assert (written["kind"], written["outcome"]) == ("gate", result.outcome)
    assert result.candidate.sha256 == file_sha256(candidate.folder / "detector.json")
    assert result.champion is not None
    assert result.champion.name == champion.name
    assert result.champion.sha256 == file_sha256(champion.folder / "detector.json")


def test_both_models_say_of_each_image_what_they_say_alone(
    small_manifest: Manifest,
    lenient: Config,
    candidate: Entrant,
    champion: Entrant,
    tmp_path: Path,
) -> None:
    rows, _ = judged_test_rows(small_manifest)
    ring = Ring.of(lenient, small_manifest, rows, tmp_path)
    contest = hold_contest(ring, candidate, champion)
    assert contest.champion is not None
    for entrant, side in ((candidate, contest.candidate), (champion, contest.champion)):
        frame = side.scored.frame
        assert list(frame["path"]) == list(rows["path"])
        detector = Detector.load(entrant.folder)
        image = detector.read(small_manifest.root / frame["path"].iloc[3])
        (alone,) = detector.predict([image], [frame["class"].iloc[3]])
        assert frame["image_score"].iloc[3] == pytest.approx(alone.image_score, rel=1e-5)
        assert frame["threshold"].iloc[3] == alone.threshold
        assert side.artifact_bytes == sum(f.stat().st_size for f in entrant.folder.iterdir())
        assert 0 < side.seconds_per_image < 10
    scores = [side.scored.frame["image_score"] for side in (contest.candidate, contest.champion)]
    assert not scores[0].equals(scores[1])
    # Their input sizes differ, the pixels that they are measured on do not.
    sizes = [side.scored.anomaly_maps.shape[1:] for side in (contest.candidate, contest.champion)]
    assert sizes == [(64, 64), (32, 32)]
    ours, theirs = contest.candidate.contributions, contest.champion.contributions
    for name, counts in ours.pixels.items():
        other = theirs.pixels[name]
        assert counts.negatives[:, -1].tolist() == other.negatives[:, -1].tolist()
        assert counts.positives[:, -1].tolist() == other.positives[:, -1].tolist()


def test_a_champion_of_an_earlier_format_is_compared(
    small_manifest: Manifest, lenient: Config, candidate: Entrant, tmp_path: Path
) -> None:
    old = Entrant("models:/rlr/1", ARTIFACTS / "format-2" / "model")
    result = run_gate(lenient, small_manifest, tmp_path / "gate", candidate, old)
    assert result.new_classes == []
    for compared in (*result.per_class["rings"].values(), *result.per_class["stripes"].values()):
        assert compared.candidate is not None
        assert compared.champion is not None


def test_a_champion_of_the_first_format_that_knows_no_class_runs_at_its_overall_threshold(
    small_manifest: Manifest, lenient: Config, candidate: Entrant, tmp_path: Path
) -> None:
    old = Entrant("models:/rlr/1", ARTIFACTS / "format-1" / "model")
    rows, _ = judged_test_rows(small_manifest)
    side, _ = Ring.of(lenient, small_manifest, rows, tmp_path).enter(old, "champion")
    overall = read_spec(old.folder).thresholds.overall.value
    assert set(side.scored.frame["threshold"]) == {overall}
    result = run_gate(lenient, small_manifest, tmp_path / "gate", candidate, old)
    assert result.new_classes == ["rings", "stripes"]
    assert result.outcome == "inconclusive"


def test_without_a_champion_the_floors_decide(
    small_manifest: Manifest, lenient: Config, candidate: Entrant, tmp_path: Path
) -> None:
    result = run_gate(lenient, small_manifest, tmp_path / "first", candidate, None)
    assert (result.outcome, result.champion, result.disagreements) == ("promote", None, [])
    floors = lenient.registry.floors.model_copy(update={"image_auroc": 1.1})
    registry = lenient.registry.model_copy(update={"floors": floors})
    strict = lenient.model_copy(update={"registry": registry})
    result = run_gate(strict, small_manifest, tmp_path / "second", candidate, None)
    assert result.outcome == "reject"
    assert "image_auroc" in result.reasons[0]
    assert "<svg" not in (tmp_path / "second" / "gate.html").read_text().partition("<nav")[2]


def test_a_gate_that_breaks_off_leaves_nothing_that_looks_finished(
    small_manifest: Manifest,
    lenient: Config,
    candidate: Entrant,
    gated: tuple[Path, GateResult],
    tmp_path: Path,
) -> None:
    output = Path(shutil.copytree(gated[0], tmp_path / "gate"))
    damaged = Path(shutil.copytree(candidate.folder, tmp_path / "damaged"))
    (damaged / "network.safetensors").write_bytes(b"cut")
    broken = Entrant("models:/rlr/2", damaged)
    with pytest.raises(UserError, match=r"network\.safetensors was changed"):
        run_gate(lenient, small_manifest, output, candidate, broken)
    assert not (output / "result.json").exists()
    assert not list(output.glob(".maps.*"))
