"""The folder of a spool: the entries of one run, and how far they have been sent.

    OUTPUT/spool/RUN_ID/spool.json           which run, on which server
    OUTPUT/spool/RUN_ID/entries.jsonl        the entries; only ever appended to
    OUTPUT/spool/RUN_ID/acknowledged.json    how far the server has them
    OUTPUT/spool/RUN_ID/files/NUMBER/NAME    copies of files that are still to be sent
    OUTPUT/spool/RUN_ID/lock                 held by the one process that sends

Whoever is killed in the middle of a line loses that line: it is not read, and the next who appends
cuts it off. A lost `acknowledged.json` costs nothing either, for everything may be sent twice.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlr.foundation.atomic import explained_writes
from rlr.foundation.documents import dump_json, read_json, write_json
from rlr.foundation.errors import UserError
from rlr.registry.spool.entries import VERSION, Entry, FileEntry, decode, encode

SPOOL = "spool"
ABOUT = "spool.json"
ENTRIES = "entries.jsonl"
ACKNOWLEDGED = "acknowledged.json"
FILES = "files"
LOCK = "lock"


@dataclass(frozen=True)
class Position:
    """How far a spool has been read.

    Attributes:
        bytes: Where the next line begins.
        entries: How many lines stand before it.
    """

    bytes: int = 0
    entries: int = 0


@dataclass(frozen=True)
class Spool:
    """The spool of one run.

    Attributes:
        folder: Its folder.
        run_id: The run.
        server: Address of the tracking server it was written for, without a password.
    """

    folder: Path
    run_id: str
    server: str

    @property
    def entries_file(self) -> Path:
        """The file with the entries."""
        return self.folder / ENTRIES

    def append(self, entry: Entry) -> None:
        """Write an entry down, on the disk itself before this returns.

        Raises:
            MachineError: The disk is full or the place cannot be written.
        """
        with explained_writes(self.entries_file):
            _append(self.entries_file, encode(entry))

    def append_file(self, file: Path, place: str) -> None:
        """Copy a file into the spool, then write down that it is to be sent.

        Args:
            file: The file; it may change or vanish afterwards.
            place: Folder of the run's artifacts.

        Raises:
            MachineError: The disk is full or the place cannot be written.
        """
        with explained_writes(self.folder / FILES / file.name):
            copy = self._new_place() / file.name
            shutil.copyfile(file, copy)
            with copy.open("rb") as written:
                os.fsync(written.fileno())
        self.append(FileEntry(file=copy.relative_to(self.folder / FILES).as_posix(), place=place))

    def copy_of(self, entry: FileEntry) -> Path:
        """Return where the copy of a file lies."""
        return self.folder / FILES / entry.file

    def entries(self, start: Position) -> Iterator[tuple[Entry, Position]]:
        """Yield the entries from a position on, each with the position behind it.

        Raises:
            UserError: A line is damaged, or of a later version.
        """
        with self.entries_file.open("rb") as file:
            file.seek(start.bytes)
            position = start
            for line in file:
                if not line.endswith(b"\n"):
                    return  # whoever wrote it is not done yet, or was killed
                position = Position(position.bytes + len(line), position.entries + 1)
                yield self._decode(line, position.entries), position

    def acknowledged(self) -> Position:
        """Return how far the server has the entries; the beginning where nobody knows."""
        try:
            known = Position(**read_json(self.folder / ACKNOWLEDGED))
        except (UserError, TypeError):
            return Position()
        return known if known.bytes <= self.entries_file.stat().st_size else Position()

    def acknowledge(self, position: Position) -> None:
        """Write down that the server has all entries before a position."""
        # Not `write_json`, which looks at the umask of the whole process: this is a thread.
        temporary = self.folder / f".{ACKNOWLEDGED}"
        temporary.write_text(dump_json(asdict(position)), encoding="utf-8")
        temporary.replace(self.folder / ACKNOWLEDGED)

    def forget(self, entry: FileEntry) -> None:
        """Remove the copy of a file that was sent."""
        shutil.rmtree(self.copy_of(entry).parent, ignore_errors=True)

    def unsent(self) -> int:
        """Return how many entries the server does not have yet, as far as is known."""
        return sum(1 for _ in self.entries(self.acknowledged()))

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Yield whether this process is now the one that sends; nobody is waited for.

        The kernel lets go of the lock when the process ends, however that is. Where the folder
        cannot be written, nobody can be kept out, which costs some requests and nothing else.
        """
        try:
            file = (self.folder / LOCK).open("a")
        except OSError:
            yield True
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def is_being_sent(self) -> bool:
        """Return whether a process that is alive sends from here; nothing is changed by asking."""
        try:
            with (self.folder / LOCK).open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # nobody has ever sent from here
            return False
        return False

    def _decode(self, line: bytes, number: int) -> Entry:
        try:
            return decode(line)
        except ValueError as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"{self.entries_file}, line {number} cannot be read ({reason}); restore the file, "
                "or remove that line to give it up."
            ) from error

    def _new_place(self) -> Path:
        files = self.folder / FILES
        files.mkdir(exist_ok=True)
        number = max((int(path.name) for path in files.iterdir()), default=0) + 1
        # Numbers of copies that were sent already come again, which is no harm: they are gone.
        place = files / str(number)
        place.mkdir()
        return place


def open_spool(output: Path, run_id: str, server: str) -> Spool:
    """Open the spool of a run in the output folder of a step, and make it where there is none.

    Args:
        output: Output folder of the step.
        run_id: The run.
        server: Address of the tracking server, without a password.

    Raises:
        MachineError: The disk is full or the place cannot be written.
    """
    folder = Path(output) / SPOOL / run_id
    spool = Spool(folder, run_id, server)
    with explained_writes(spool.entries_file):
        folder.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(spool.entries_file)
    if not (folder / ABOUT).is_file():
        write_json(folder / ABOUT, {"v": VERSION, "run_id": run_id, "server": server})
    return spool


def read_spool(folder: Path) -> Spool:
    """Return the spool in a folder.

    Raises:
        UserError: It is of a later version, or damaged.
    """
    about: Any = read_json(folder / ABOUT)
    try:
        if about["v"] != VERSION:
            raise UserError(
                f"{folder} was written by another version of RLR Ops (form {about['v']}, and this "
                f"one reads {VERSION}); use that one."
            )
        spool = Spool(folder, str(about["run_id"]), str(about["server"]))
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder / ABOUT} is damaged; remove the folder to give it up.") from error
    if not spool.entries_file.is_file():
        raise UserError(f"{spool.entries_file} is missing; remove the folder to give it up.")
    return spool


def find_spools(folder: Path) -> list[Path]:
    """Return the folders of all spools below a folder, sorted; itself, where it is one."""
    if (folder / ABOUT).is_file() and (folder / ENTRIES).is_file():
        return [folder]
    return sorted(file.parent for file in folder.rglob(f"{SPOOL}/*/{ABOUT}"))


def _append(file: Path, line: bytes) -> None:
    # One write a line: no other process sees half of it, unless this one is killed in it.
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _cut_torn_line(file: Path) -> None:
    with file.open("ab+") as entries:
        entries.seek(0)
        text = entries.read()
        whole = text.rfind(b"\n") + 1
        if whole != len(text):
            entries.truncate(whole)
