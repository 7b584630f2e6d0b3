"""Sum up pytest's JUnit files: summary.py skips|total FILE...

`skips` names every test that was skipped although this machine could run it, and exits with 1
where there is one; `total` prints one summary line over all files.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

REPOSITORY = Path(__file__).resolve().parents[1]


def excused() -> tuple[str, ...]:
    """Return the beginnings of the skip reasons that hold on this machine."""
    reasons = []
    if not (REPOSITORY.parent / "shared").is_dir():
        reasons.append("shared:")
    if not Path("/dev/nvidiactl").exists():
        reasons.append("CUDA:")
    return tuple(reasons)


def cases(files: list[Path]) -> Iterator[tuple[str, str, str]]:
    """Yield name, outcome and reason of every test."""
    for file in files:
        for case in ElementTree.parse(file).iter("testcase"):  # noqa: S314 - written by pytest
            name = f"{case.get('classname')}::{case.get('name')}"
            bad = [part for part in case if part.tag in ("failure", "error")]
            skip = case.find("skipped")
            if bad:
                yield name, "failed", ""
            elif skip is None:
                yield name, "passed", ""
            elif skip.get("type") == "pytest.xfail":
                yield name, "xfailed", skip.get("message", "")
            else:
                yield name, "skipped", skip.get("message", "")


def print_skips(files: list[Path]) -> int:
    """Print the tests that had no excuse; return how many they are."""
    idle = [
        (name, reason)
        for name, outcome, reason in cases(files)
        if outcome == "skipped" and not reason.startswith(excused())
    ]
    for name, reason in idle:
        print(f"{name} was skipped ({reason}), but this machine could run it.")
    return len(idle)


def print_total(files: list[Path]) -> int:
    """Print one line in the manner of pytest; return how many tests failed."""
    counts = Counter(outcome for _, outcome, _ in cases(files))
    seconds = sum(
        float(suite.get("time", 0))
        for file in files
        for suite in ElementTree.parse(file).iter("testsuite")  # noqa: S314 - written by pytest
    )
    parts = [f"{counts['passed']} passed", f"{counts['failed']} failed"]
    parts += [f"{counts[name]} {name}" for name in ("skipped", "xfailed") if counts[name]]
    print(f"===== {', '.join(parts)} in {seconds:.2f}s =====")
    return counts["failed"]


if __name__ == "__main__":
    action = {"skips": print_skips, "total": print_total}[sys.argv[1]]
    sys.exit(1 if action([Path(name) for name in sys.argv[2:]]) else 0)
