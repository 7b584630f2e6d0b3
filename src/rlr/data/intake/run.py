"""`rlr data import`: from a bucket to a new data version."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.annotations import CAPTURE_CSV, GROUP_CSV
from rlr.data.images import begins_as_image
from rlr.data.index import index_images
from rlr.data.intake.fetching import Fetched, fetch_objects
from rlr.data.intake.labelling import read_judge
from rlr.data.intake.ledger import Ledger, Record, read_ledger
from rlr.data.intake.listing import BucketObject
from rlr.data.intake.location import Location
from rlr.data.intake.naming import tree_path
from rlr.data.intake.sorting import Sorted, sort_objects, wanted_suffixes
from rlr.data.intake.source import open_source
from rlr.data.intake.tree import (
    add_files,
    add_rows,
    copy_tree,
    holds_files,
    in_place_of,
    refuse_other_trees,
    restore,
)
from rlr.data.manifest import Manifest
from rlr.data.versions import data_version, record_parent
from rlr.data.workplace import workplace
from rlr.foundation.errors import UserError

FETCHED = "fetched"
ACTION = "import"


@dataclass(frozen=True)
class Imported:
    """What an import has made.

    Attributes:
        manifest: The data folder as it is now, with its version.
        parent: The data version that the new one was made of; None: there was none, or nothing
            new came in.
        new: Number of images that came in.
        size: Their bytes.
        known: Number of objects that had been taken before.
        changed: Keys of new images that are there with an older content, too.
        left_out: Why an object was not taken, by its key.
    """

    manifest: Manifest
    parent: str | None
    new: int
    size: int
    known: int
    changed: Sequence[str]
    left_out: Mapping[str, str]


def import_images(config: DataConfig, source: str, base: Path | None = None) -> Imported:
    """Fetch the new images of a bucket into `config.root`, which becomes a new data version.

    The folder is replaced when all of them are here and the whole can be indexed; until then it
    stays as it was. What was fetched by an import that failed or was killed lies beside the
    folder and is not fetched again. Where nothing is new, the folder and its version stay.

    Args:
        config: Folder, layout and the section `intake`.
        source: s3://BUCKET/PREFIX, or a folder.
        base: Folder with the version that the new one is made of, which stays as it is; what
            `config.root` holds is replaced, and where nothing is new nothing is made there.
            None: `config.root` itself.

    Raises:
        UserError: The bucket does not exist or refuses access, the CSV or the pattern is wrong,
            an object has changed (and `intake.changed` is refuse), or there are no images.
        MachineError: The server cannot be reached, the disk is full, or an object is damaged.
    """
    suffixes = wanted_suffixes(config.intake)
    root = Path(config.root).resolve()  # of a link, what it leads to is replaced
    old = base.resolve() if base else root
    place = open_source(source, config.intake, root)
    location = place.location
    with workplace(root) as tree:
        restore(root, tree.parent)
        refuse_other_trees(old)
        ledger = read_ledger(old)
        objects = place.list_objects()
        judge = read_judge(place.client(), config.intake, location, objects)
        found = sort_objects(objects, ledger, judge, config.intake, suffixes)
        store = tree.parent / FETCHED
        fetched = fetch_objects(place, config.intake, list(found.wanted), store)
        new = _place(found, fetched, old)
        left_out = dict(sorted({**found.left_out, **_strays(fetched, new)}.items()))
        if not new and not holds_files(old):
            shutil.rmtree(store, ignore_errors=True)
            raise UserError(_empty_words(location, left_out))
        parent = data_version(old) if new and holds_files(old) else None
        if new:
            copy_tree(old, tree)
            add_files(tree, {path: fetched.files[thing] for path, thing in new.items()})
            _write_notes(tree, config, found, new)
            _records(ledger, fetched, new).write(tree)
            record_parent(tree, parent, ACTION, {"source": location.url, "images": len(new)})
            with in_place_of(root, tree, tree.parent):
                manifest = index_images(config, root)
        else:
            manifest = index_images(config, old)
        shutil.rmtree(store, ignore_errors=True)
    size = sum(thing.size for thing in new.values())
    return Imported(manifest, parent, len(new), size, found.known, found.changed, left_out)


def _place(found: Sorted, fetched: Fetched, root: Path) -> dict[str, BucketObject]:
    """Return the images that have arrived by their path in the tree."""
    places: dict[str, BucketObject] = {}
    for thing, judgement in found.wanted.items():
        if thing not in fetched.files or not begins_as_image(fetched.files[thing]):
            continue
        path = tree_path(thing, judgement)
        if path in places or (root / path).exists():
            raise UserError(
                f"{thing.source} would become {path}, which is there already; move that file away."
            )
        places[path] = thing
    return places


def _strays(fetched: Fetched, new: Mapping[str, BucketObject]) -> dict[str, str]:
    strangers = fetched.files.keys() - set(new.values())
    words = {thing.key: "does not begin as an image does" for thing in strangers}
    return words | {thing.key: fate for thing, fate in fetched.lost.items()}


def _empty_words(location: Location, left_out: Mapping[str, str]) -> str:
    if not left_out:
        return f"{location.url} is empty; correct the prefix, or wait for the first images."
    key, why = next(iter(left_out.items()))
    hint = "name one with --class or data.intake.key_pattern" if "class" in why else "correct it"
    return (
        f"{location.url} holds no image to take: {len(left_out)} objects were left out, such as "
        f"{key}, which {why}; {hint}."
    )


def _write_notes(
    tree: Path, config: DataConfig, found: Sorted, new: Mapping[str, BucketObject]
) -> None:
    """Write where the images come from, when they were taken and what part they show."""
    known = {path: found.wanted[thing] for path, thing in new.items()}
    captured = [
        {
            "path": path,
            "captured_at": known[path].captured_at,
            "source": thing.source,
            "licence": config.licence,
        }
        for path, thing in new.items()
    ]
    add_rows(tree / CAPTURE_CSV, ("path", "captured_at", "source", "licence"), captured)
    groups = [{"path": path, "group": each.group} for path, each in known.items() if each.group]
    add_rows(tree / GROUP_CSV, ("path", "group"), groups)


def _records(ledger: Ledger, fetched: Fetched, new: Mapping[str, BucketObject]) -> Ledger:
    paths = {thing: path for path, thing in new.items()}
    return ledger.with_records(
        Record(thing.source, thing.etag, thing.size, paths.get(thing, ""))
        for thing in fetched.files
    )
