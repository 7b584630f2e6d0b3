"""The checkout: where pipelines and components lie, which the package does not carry."""

import ast
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rlr.foundation.checkout import PIPELINES, find_checkout
from rlr.foundation.errors import UserError

COMPONENTS = "components"


@dataclass(frozen=True)
class Project:
    """A checkout with pipelines.

    Attributes:
        root: Its folder, absolute.
    """

    root: Path

    @property
    def compiled(self) -> Path:
        """Folder of the compiled pipelines."""
        return self.root / PIPELINES / "compiled"

    def pipeline_names(self) -> list[str]:
        """Return the names of the pipelines, sorted."""
        files = (self.root / PIPELINES).glob("*.py")
        return sorted(file.stem for file in files if not file.stem.startswith("_"))

    def summary(self, name: str) -> str:
        """Return the first line of what a pipeline says of itself."""
        text = (self.root / PIPELINES / f"{name}.py").read_text(encoding="utf-8")
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]

    @contextmanager
    def load(self, name: str) -> Iterator[ModuleType]:
        """Import the module of a pipeline, for as long as the block lasts.

        Args:
            name: File name in `pipelines/`, without `.py`.

        Raises:
            UserError: There is no such pipeline.
        """
        if name not in self.pipeline_names():
            known = ", ".join(self.pipeline_names())
            raise UserError(f"{self.root} has no pipeline '{name}'; it has {known}.")
        _forget_modules()
        sys.path.insert(0, str(self.root))
        try:
            yield importlib.import_module(f"{PIPELINES}.{name}")
        finally:
            sys.path.remove(str(self.root))
            _forget_modules()


def find_project(folder: Path | None = None) -> Project:
    """Find the checkout.

    Args:
        folder: The checkout; None: the nearest folder, from the working directory upwards, that
            has `pipelines/`.

    Raises:
        UserError: There is none.
    """
    return Project(find_checkout(folder))


def _forget_modules() -> None:
    """Let the next import read this project's files, not those of another checkout."""
    for name in list(sys.modules):
        if name.partition(".")[0] in (PIPELINES, COMPONENTS):
            del sys.modules[name]
