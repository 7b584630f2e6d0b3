"""Rows on disk: whole or not there, made once, within a bound, and never another's."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from rlr.cache import Bound, Place, Rows, find_shards, open_rows, prepare_rows
from rlr.cache.shard import shard_name
from rlr.data.workplace import workplace
from rlr.foundation.errors import UserError

VALUES, GROUP = 1000, 4
ROW = VALUES * 4
KEYS = [f"{number:064x}" for number in range(10)]


def row_of(key: str) -> np.ndarray:
    return np.full(VALUES, int(key, 16), dtype=np.float32)


class Computer:
    """Computes rows, two a block, and remembers which."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.asked: list[str] = []
        self.fail_after = fail_after

    def __call__(self, keys: Sequence[str]) -> Iterator[np.ndarray]:
        for start in range(0, len(keys), 2):
            if self.fail_after is not None and len(self.asked) >= self.fail_after:
                raise KeyboardInterrupt
            block = keys[start : start + 2]
            self.asked.extend(block)
            yield np.stack([row_of(key) for key in block])


def place_in(folder: Path, limit: int = 2**30, version: int = 1) -> Place:
    bound = Bound(folder, limit, "features.disk.max_gib", "raise it")
    return Place(bound, {"version": version}, VALUES, GROUP)


def prepare(place: Place, keys: Sequence[str] = KEYS, compute: Callable | None = None) -> Rows:
    return prepare_rows(place, keys, compute or Computer(), "rows")


def check(rows: Rows, keys: Iterable[str] = KEYS) -> None:
    for key in keys:
        np.testing.assert_array_equal(rows[key], row_of(key))


def partials(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name != ".lock"]


def test_rows_are_computed_once_and_read_again(tmp_path: Path) -> None:
    first, second = Computer(), Computer()
    check(prepare(place_in(tmp_path), KEYS, first))
    rows = prepare(place_in(tmp_path), KEYS[::-1], second)
    check(rows)
    rows.advise(KEYS)
    assert (first.asked, second.asked) == (KEYS, [])
    assert not rows[KEYS[0]].flags.writeable
    assert [len(find_shards(tmp_path)), partials(tmp_path)] == [3, []]


def test_of_a_grown_set_only_what_is_new_is_computed(tmp_path: Path) -> None:
    prepare(place_in(tmp_path), KEYS[::2])
    computer = Computer()
    check(prepare(place_in(tmp_path), KEYS, computer))
    assert sorted(computer.asked) == KEYS[1::2]


def test_another_recipe_sees_nothing(tmp_path: Path) -> None:
    prepare(place_in(tmp_path))
    computer = Computer()
    prepare(place_in(tmp_path, version=2), KEYS, computer)
    assert computer.asked == KEYS
    recipes = sorted(json.loads(f.read_text())["version"] for f in tmp_path.glob("*/recipe.json"))
    assert recipes == [1, 2]


def test_an_interrupted_writer_leaves_whole_shards_alone(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        prepare(place_in(tmp_path), KEYS, Computer(fail_after=6))  # within the second shard
    assert len(find_shards(tmp_path)) == 1
    assert partials(tmp_path) == []
    computer = Computer()
    check(prepare(place_in(tmp_path), KEYS, computer))
    assert computer.asked == KEYS[GROUP:]


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_cache import KEYS, Computer, place_in, prepare

def slow(keys):
    for block in Computer()(keys):
        yield block
        if keys[0] != KEYS[0]:
            print("within", flush=True)
            time.sleep(60)

prepare(place_in(Path(sys.argv[2])), KEYS, slow)
"""


def test_a_killed_writer_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    words = [sys.executable, "-c", KILLED, here, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "within\n"
        process.send_signal(signal.SIGKILL)
    (whole,) = find_shards(tmp_path)
    assert whole.name == shard_name(KEYS[:GROUP])
    assert partials(tmp_path)
    # Whoever comes next clears its half shard away, whatever that one wants.
    prepare(place_in(tmp_path, version=2), KEYS[:1])
    assert partials(tmp_path) == []
    computer = Computer()
    check(prepare(place_in(tmp_path), KEYS, computer))
    assert computer.asked == KEYS[GROUP:]


def test_what_two_want_at_once_is_computed_once(tmp_path: Path) -> None:
    both, computers = threading.Barrier(2), [Computer(), Computer()]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        def slow(keys: Sequence[str]) -> Iterator[np.ndarray]:
            for block in computers[number](keys):
                time.sleep(0.01)
                yield block

        try:
            both.wait()
            check(prepare_rows(place_in(tmp_path), KEYS, slow, "rows", number / 2))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert sorted(computers[0].asked + computers[1].asked) == KEYS
    assert all(computer.asked for computer in computers)  # they begin apart


@pytest.mark.parametrize("harm", ["flip", "cut", "no rows", "no index", "another index"])
def test_what_is_damaged_is_computed_again(
    harm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(place_in(tmp_path))
    (shard,) = (s for s in find_shards(tmp_path) if s.name == shard_name(KEYS[:GROUP]))
    rows, index = shard / "rows.bin", shard / "index.json"
    content = bytearray(rows.read_bytes())
    if harm == "flip":
        content[-1] ^= 1
        rows.write_bytes(content)
    elif harm == "cut":
        rows.write_bytes(content[:-1])
    elif harm == "no rows":
        rows.unlink()
    elif harm == "no index":
        index.unlink()
    else:
        index.write_text("[]")
    computer = Computer()
    with caplog.at_level(logging.WARNING, "rlr"):
        check(prepare(place_in(tmp_path), KEYS, computer))
    assert computer.asked == KEYS[:GROUP]
    assert "is damaged" in caplog.text


def test_the_oldest_go_and_what_is_in_use_stays(tmp_path: Path) -> None:
    limit = 3 * GROUP * ROW + 10_000  # and three indices
    used = prepare(place_in(tmp_path, limit), KEYS[:GROUP])
    for version in (2, 3):
        prepare(place_in(tmp_path, limit, version), KEYS[:GROUP])
    by_version = {
        json.loads((shard.parent / "recipe.json").read_text())["version"]: shard
        for shard in find_shards(tmp_path)
    }
    for age, version in enumerate((2, 3, 1)):
        os.utime(by_version[version], (age, age) if version != 1 else (0, 0))
    prepare(place_in(tmp_path, limit, 4), KEYS[:GROUP])
    left = set(find_shards(tmp_path))
    assert by_version[1] in left, "in use"
    assert by_version[2] not in left, "the oldest that may go"
    assert by_version[3] in left
    check(used, KEYS[:GROUP])


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    held = prepare(place_in(tmp_path, 10 * ROW + 10_000), KEYS[:GROUP])
    before = sorted(tmp_path.rglob("*"))
    computer = Computer()
    place = place_in(tmp_path, 10 * ROW + 10_000, version=2)
    with pytest.raises(
        UserError, match=r"GiB do not fit into .*features.disk.max_gib=.*; raise it"
    ):
        prepare(place, KEYS, computer)
    assert computer.asked == []
    assert sorted(tmp_path.rglob("*")) == before
    del held
    prepare(place, KEYS, computer)  # now the old ones may go
    assert computer.asked == KEYS


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlr.cache import bound

    class Usage:
        free = ROW

    monkeypatch.setattr(bound.shutil, "disk_usage", lambda _folder: Usage)
    with pytest.raises(UserError, match=r"3.73e-06 GiB of the disk are free"):
        prepare(place_in(tmp_path))


def test_a_shard_that_goes_while_it_is_read_goes_for_others_alone(tmp_path: Path) -> None:
    """Removing takes a name; pages that are mapped stay."""
    rows = prepare(place_in(tmp_path))
    for shard in find_shards(tmp_path):
        (shard / "rows.bin").unlink()
    check(rows)
    check(prepare(place_in(tmp_path)))


def test_a_folder_that_may_only_be_read_serves(tmp_path: Path) -> None:
    prepare(place_in(tmp_path))
    place = place_in(tmp_path)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        check(open_rows(place, KEYS))
    finally:
        for path in (tmp_path, *tmp_path.rglob("*")):
            path.chmod(0o755)


def test_a_workplace_in_use_is_not_cleared(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    place.folder.mkdir(parents=True)
    with workplace(place.folder / "busy") as files:
        files.mkdir()
        prepare(place)
        assert files.is_dir()


LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
from rlr.cache import Bound, Place, prepare_rows

MIB, VALUES = 2**20, 2**16
status = Path("/proc/self/status").read_text().splitlines()
held = next(int(line.split()[1]) for line in status if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + 12 * MIB,) * 2)
keys = [f"{n:064x}" for n in range(128)]  # 32 MiB
try:
    np.ones((len(keys), VALUES), dtype=np.float32)
    sys.exit("the limit does not hold")
except MemoryError:
    pass

def compute(wanted):
    for key in wanted:
        yield np.full((1, VALUES), int(key, 16), dtype=np.float32)

place = Place(Bound(Path(sys.argv[1]), 2**30, "", ""), {}, VALUES, 32)
rows = prepare_rows(place, keys, compute, "")
for key in np.random.default_rng(0).permutation(keys):
    assert rows[key].min() == rows[key].max() == int(key, 16)
"""


def test_more_than_fits_into_memory_is_written_and_read(tmp_path: Path) -> None:
    """32 MiB of rows, where an array of that size is refused."""
    words = [sys.executable, "-c", LARGE, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
