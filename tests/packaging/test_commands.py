"""One set of commands: make, CI and the hooks; and a CI that lets no test be skipped quietly."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPORT = """<testsuites><testsuite time="1.5">
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="x"/></testcase>
<testcase classname="a" name="broken"><error message="x"/></testcase>
<testcase classname="a" name="idle"><skipped type="pytest.skip" message="{reason}"/></testcase>
<testcase classname="a" name="known"><skipped type="pytest.xfail" message="later"/></testcase>
</testsuite></testsuites>"""


def make_targets(repository: Path) -> set[str]:
    text = (repository / "Makefile").read_text()
    return set(re.findall(r"^([a-z0-9-]+):.*## ", text, re.MULTILINE))


def test_every_make_target_is_explained(repository: Path) -> None:
    lines = (repository / "Makefile").read_text().splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY:"))
    targets = set(phony.split()[1:])
    assert targets == make_targets(repository)
    shown = subprocess.run(
        ["make", "-C", str(repository)], capture_output=True, text=True, check=True
    ).stdout
    assert all(f"make {target} " in shown for target in targets)


def test_the_hooks_are_commands_of_ci(repository: Path) -> None:
    document = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text())
    entries = [hook["entry"] for source in document["repos"] for hook in source["hooks"]]
    ci = (repository / ".ci" / "run").read_text()
    assert len(entries) >= 3
    assert [entry for entry in entries if f" {entry}" not in ci] == []
    assert {source["repo"] for source in document["repos"]} == {"local"}  # nothing is fetched


def summary(repository: Path, action: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(repository / "tools" / "summary.py"), action, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_skip_without_an_excuse_fails_ci(repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    file.write_text(REPORT.format(reason="no time"))
    done = summary(repository, "skips", file)
    assert done.returncode == 1
    assert done.stdout == "a::idle was skipped (no time), but this machine could run it.\n"


def test_a_skip_for_want_of_a_gpu_is_excused_only_where_there_is_none(
    repository: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.xml"
    file.write_text(REPORT.format(reason="CUDA: no device"))
    has_gpu = Path("/dev/nvidiactl").exists()
    assert summary(repository, "skips", file).returncode == int(has_gpu)


def test_the_last_line_counts_everything(repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    file.write_text(REPORT.format(reason="no time"))
    done = summary(repository, "total", file)
    assert done.stdout == "===== 1 passed, 2 failed, 1 skipped, 1 xfailed in 1.50s =====\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("answer", "words"), [("3.12", "Python 3.11 is needed"), ("", "cannot be run")]
)
def test_another_python_is_refused_in_one_sentence(
    answer: str, words: str, repository: Path, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {answer}\n" if answer else "#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    done = subprocess.run(
        [str(repository / "tools" / "install.sh"), str(tmp_path / "venv")],
        env=os.environ | {"PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "venv").exists()
