"""The weights that come with the package."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "features" / "packaged"


def packaged_weights(name: str) -> Path | None:
    """Return the file with the package's own weights of a backbone; None: it has none.

    Args:
        name: timm model name; a tag says nothing here.
    """
    path = FOLDER / f"{name.partition('.')[0]}.safetensors"
    return path if path.is_file() else None


def packaged_names() -> list[str]:
    """Return the backbones whose weights come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))
