"""What code is running is known with git, without git, and from the baked facts."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from rlr.foundation import build, checkout


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    build.current_build.cache_clear()
    yield
    build.current_build.cache_clear()


def test_a_checkout_asks_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (repository / ".git").exists():
        monkeypatch.setattr(checkout, "_git", lambda *_words: "ab" * 20)
    facts = build.current_build()
    assert re.fullmatch(r"[0-9a-f]{40}", facts.commit)
    assert isinstance(facts.dirty, bool)
    assert facts.lock_sha256 == build.file_sha256(repository / "requirements.lock")


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    facts = build.current_build()
    assert (facts.commit, facts.dirty) == ("unknown", None)


def test_baked_facts_go_before_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    baked = {"version": "9", "commit": "c" * 40, "dirty": False, "lock_sha256": "d" * 64}
    (tmp_path / "_build.json").write_text(json.dumps(baked))
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    monkeypatch.setattr(build, "git_state", lambda _checkout: pytest.fail("git was asked"))
    monkeypatch.setenv("RLR_IMAGE", "rlr-train@sha256:00")
    facts = build.current_build().as_dict()
    assert facts["commit"] == "c" * 40
    assert facts["dirty"] is False
    assert facts["lock_sha256"] == "d" * 64
    assert facts["image"] == "rlr-train@sha256:00"
