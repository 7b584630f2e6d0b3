"""The store: a folder with a folder a backbone, each with its weights and their record.

    vit_base_patch14_reg4_dinov2.lvd142m/
        weights.safetensors
        record.json

An entry is there whole or not at all, and holds nothing that would have to be executed.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rlr.backbones.record import WeightsRecord
from rlr.config.features import BackboneConfig
from rlr.foundation.atomic import atomic_folder
from rlr.foundation.documents import file_sha256, write_json
from rlr.foundation.errors import UserError

STORE_VARIABLE = "RLR_BACKBONES"
STORE = ".rlr/backbones"
WEIGHTS_FILE = "weights.safetensors"
RECORD_FILE = "record.json"


@dataclass(frozen=True)
class Entry:
    """The weights of one backbone in the store.

    Attributes:
        folder: Its folder.
        record: What is known of it.
    """

    folder: Path
    record: WeightsRecord

    @property
    def weights(self) -> Path:
        """The safetensors file."""
        return self.folder / WEIGHTS_FILE

    def damage(self) -> str | None:
        """Return what is wrong with the bytes of the weights; None: they are as they came."""
        if not self.weights.is_file():
            return f"{WEIGHTS_FILE} is missing"
        if self.weights.stat().st_size != self.record.bytes:
            return f"has {self.weights.stat().st_size} bytes in place of {self.record.bytes}"
        found = file_sha256(self.weights)
        if found != self.record.sha256:
            return f"has the sha256 {found[:12]}... in place of {self.record.sha256[:12]}..."
        return None


@dataclass(frozen=True)
class WeightsStore:
    """The weights that were brought to this machine.

    Attributes:
        folder: Where they lie; it need not exist.
    """

    folder: Path

    def names(self) -> list[str]:
        """Return the names of all entries, those included whose record cannot be read."""
        if not self.folder.is_dir():
            return []
        return sorted(
            path.name
            for path in self.folder.iterdir()
            if path.is_dir() and not path.name.startswith(".")
        )

    def read(self, name: str) -> Entry:
        """Read an entry by the very name of its folder.

        Raises:
            UserError: There is none, or its record is damaged.
        """
        folder = self.folder / name
        path = folder / RECORD_FILE
        try:
            record = WeightsRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UserError(
                f"{path} cannot be read ({_first(error)}); bring {name} again, with "
                "`rlr backbone import --replace`."
            ) from error
        if record.name != name:
            raise UserError(
                f"{path} is of {record.name}, not of {name}: folders of the store are not renamed; "
                "move it back."
            )
        return Entry(folder, record)

    def find(self, name: str, of_the_hub: bool = False) -> Entry | None:
        """Find what a configuration means by a model name.

        Args:
            name: timm model name. Without a tag it means weights that were imported without one,
                else those with timm's own default tag.
            of_the_hub: Whether only weights will do that timm knows by a tag: an architecture
                alone names the default ones on the hub, and not somebody's own.

        Raises:
            UserError: The record is damaged.
        """
        names = self.names()
        if name in names and ("." in name or not of_the_hub):
            return self.read(name)
        if "." in name:
            return None
        tagged = [self.read(other) for other in names if other.partition(".")[0] == name]
        return next((entry for entry in tagged if entry.record.default_tag), None)

    def entries(self) -> "Iterator[Entry | UserError]":
        """Yield every entry, or why it cannot be read."""
        for name in self.names():
            try:
                yield self.read(name)
            except UserError as error:
                yield error

    def add(self, record: WeightsRecord, content: bytes, replace: bool = False) -> tuple[Entry, bool]:
        """Put weights into the store, atomically.

        Args:
            record: What is known of them.
            content: The safetensors file.
            replace: Whether other weights of that name give way.

        Returns:
            The entry, and whether anything was written: the same weights, used in the same way,
            are left as they are.

        Raises:
            UserError: Other weights have that name, and are not to be replaced.
            MachineError: The folder cannot be written.
        """
        folder = self.folder / record.name
        present = self._present(record.name)
        if present and present.record.means_the_same(record) and not present.damage():
            return present, False
        if folder.exists() and not replace:
            raise UserError(f"{_told(folder, present, record)}; replace it with --replace.")
        with atomic_folder(folder) as temporary:
            (temporary / WEIGHTS_FILE).write_bytes(content)
            write_json(temporary / RECORD_FILE, record.model_dump(mode="json"))
        return Entry(folder, record), True

    def _present(self, name: str) -> Entry | None:
        try:
            return self.read(name)
        except UserError:  # none, or one that is damaged
            return None


def open_weights_store(config: BackboneConfig) -> WeightsStore:
    """Return the store that a configuration names.

    It is `config.store`, else the variable RLR_BACKBONES: an image or a pod is told by its
    environment where the weights lie.
    """
    return WeightsStore(Path(config.store or os.environ.get(STORE_VARIABLE) or STORE))


def _told(folder: Path, present: Entry | None, record: WeightsRecord) -> str:
    """Return in which way what is there is not what is to come."""
    if present is None:
        return f"{folder} is damaged"
    if present.record.sha256 != record.sha256:
        return (
            f"{folder} holds other weights (sha256 {present.record.sha256[:12]}..., the new ones "
            f"{record.sha256[:12]}...)"
        )
    if present.damage():
        return f"{folder} is damaged ({present.damage()})"
    return f"{folder} holds the same weights with other options or another normalisation"


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}".lstrip(": ")
    return getattr(error, "strerror", None) or str(error)
