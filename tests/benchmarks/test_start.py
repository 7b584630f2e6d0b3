"""How long commands take to start, with and without compiled files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import start

FINDS_COMPILED = (
    "import json, sys; from importlib.util import cache_from_source as compiled; "
    "from pathlib import Path; sys.exit(not Path(compiled(json.__file__)).exists())"
)


def test_without_bytecode_no_compiled_file_is_found_or_left(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FINDS_COMPILED]
    with pytest.raises(subprocess.CalledProcessError):
        start.run(words, tmp_path, start.bare_of_bytecode(tmp_path))
    assert not (tmp_path / "none").exists()


def test_a_row_and_a_ratio_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "start.json"
    monkeypatch.setattr(start, "COMMANDS", {"python": [sys.executable, "-c", "import json"]})
    words = ["start.py", "--pairs", "2", "--bytecode", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", words)
    assert start.main() == 0
    found = json.loads(file.read_text())
    assert set(found["commands"]) == {"python", "python, no bytecode"}
    assert found["ratios"]["python / python, no bytecode"] > 0
    assert found["machine"]["pairs"] == 2
