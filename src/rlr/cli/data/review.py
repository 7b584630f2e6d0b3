"""`rlr data review|label|remove|history`: judge images, withdraw them, and see what came of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.data.noun import FolderArgument, RemoteOption, app, settings_of
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rlr.data.changes import Edited
    from rlr.data.judgement import Judgement

MOVES_SHOWN = 20

RootOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder with the images; without it, data.root."),
]
PublishOption = Annotated[
    bool, typer.Option("--publish", help="Also put the new version into the remote.")
]
PinOption = Annotated[
    bool, typer.Option("--pin", help="Also write data.dvc, which pins the new version.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be done, and leave all as it is.")
]


@app.command()
def review(
    folder: FolderArgument = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN_OR_MODEL",
            help="What a training held back: its folder, or models:/NAME/VERSION.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Score the images now: a folder, or models:/NAME@ALIAS."
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page to judge the images by."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Only the N least normal images of each class."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the images that nobody has judged; where a model has seen them, the worst first."""
    settings = settings_of(config, overrides, folder)

    from rlr.orchestration.review import review_images

    found = review_images(settings, source, model, page, limit)
    emit({**found.as_dict(), "page": str(page) if page else None}, as_json, _review_lines)


@app.command()
def label(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATHS...", help="Images, or folders of them."),
    ] = None,
    label_name: Annotated[
        str | None,
        typer.Option("--as", metavar="LABEL", help="good, or the name of a defect."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="SPLIT", help="train or test; else good ones train, defects test."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="CSV", help="Judgements: path, label and if wanted split."),
    ] = None,
    root: RootOption = None,
    publish: PublishOption = False,
    remote: RemoteOption = None,
    pin: PinOption = False,
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what images show: they move to their place, which makes a new data version."""
    settings = settings_of(config, overrides, root).data

    from rlr.data.changes import edit, plan_labels

    judgements = _judgements(paths or [], label_name, split, source)
    edited = edit(
        settings, lambda at, version: plan_labels(settings, at, version, judgements), dry_run
    )
    document = _finish(edited, settings.root, dry_run, publish, remote or settings.remote, pin)
    emit(document, as_json, _edit_lines)


@app.command()
def remove(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATHS...", help="Images, or folders of them.")
    ],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why they go; the new version says so.")
    ],
    root: RootOption = None,
    publish: PublishOption = False,
    remote: RemoteOption = None,
    pin: PinOption = False,
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw images, their masks with them, which makes a new data version."""
    settings = settings_of(config, overrides, root).data

    from rlr.data.changes import edit, plan_removal

    edited = edit(
        settings, lambda at, version: plan_removal(settings, at, version, paths, reason), dry_run
    )
    document = _finish(edited, settings.root, dry_run, publish, remote or settings.remote, pin)
    emit(document, as_json, _edit_lines)


@app.command()
def history(
    folder: FolderArgument = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="MD5.dir", help="Data version in the remote, instead of a folder."),
    ] = None,
    remote: RemoteOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell which versions a data version comes from, and what was done to each."""
    settings = settings_of(config, overrides, folder).data

    from rlr.data.versions.history import history_of_folder, history_of_version

    store = remote or settings.remote
    found = (
        history_of_version(version, store)
        if version
        else history_of_folder(Path(settings.root), store)
    )
    versions = [
        {
            "data_version": each.version,
            "files": each.files,
            "parent": each.parent,
            "action": each.note["action"] if each.note else None,
            "facts": each.note["facts"] if each.note else None,
            "missing": each.missing or None,
        }
        for each in found
    ]
    emit({"versions": versions}, as_json, _history_lines)


def _judgements(
    paths: list[str], label_name: str | None, split: str | None, source: Path | None
) -> "list[Judgement]":
    from rlr.data.judgement import Judgement, read_judgements
    from rlr.foundation.errors import UserError

    if source:
        if paths or label_name or split:
            raise UserError("--from says all: name no paths, --as or --split beside it.")
        return read_judgements(source)
    if not paths or not label_name:
        raise UserError("Name images and what they show: PATHS... --as LABEL, or --from CSV.")
    return [Judgement(path, label_name, split, "--as") for path in paths]


def _finish(
    edited: "Edited", root: str, dry_run: bool, publish: bool, remote: str | None, pin: bool
) -> dict[str, Any]:
    """Publish and pin the new version, where wanted, and say what was done."""
    from rlr.data.versions import find_pin
    from rlr.data.versions import pin as pin_version
    from rlr.data.versions import publish as publish_version

    if publish and not dry_run:
        publish_version(Path(root), remote)
    project = (find_pin() or Path.cwd()) if pin and not dry_run else None
    if project:
        pin_version(Path(root), project)
    return {
        "root": root,
        "dry_run": dry_run,
        "changed": edited.version != edited.parent,
        "parent": edited.parent,
        "data_version": edited.version,
        "action": edited.change.action,
        "facts": edited.change.facts,
        "tables": list(edited.tables),
        "published": publish and not dry_run,
        "pin": str(project / "data.dvc") if project else None,
    }


def _review_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    images = document["images"]
    if not images:
        yield f"{document['root']} holds no image that nobody has judged."
    else:
        scored = any(each["score"] is not None for each in images)
        headings = ("rank", "class", "score", "image") if scored else ("class", "image")
        names = ("rank", "class", "score", "path") if scored else ("class", "path")
        yield table(headings, [[each[name] for name in names] for each in images])
        yield f"{len(images)} images to judge{document['note']}."
    if document["page"]:
        yield f"Page: {document['page']}"


def _edit_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    facts = document["facts"]
    if not document["changed"]:
        yield f"Nothing to change: every image is there already ({document['data_version']})."
    else:
        rows = [
            (each["from"], each["to"]) if "from" in each else (each["path"], "withdrawn")
            for each in [*facts.get("moved", ()), *facts.get("removed", ())]
        ]
        yield table(("image", "becomes"), rows[:MOVES_SHOWN])
        if len(rows) > MOVES_SHOWN:
            yield f"... and {len(rows) - MOVES_SHOWN} more."
        if facts["masks_removed"]:
            yield f"Masks withdrawn: {', '.join(facts['masks_removed'])}"
        if document["tables"]:
            yield f"Tables that follow: {', '.join(document['tables'])}"
        verb = "Would become" if document["dry_run"] else "Is now"
        yield f"{verb} {document['data_version']},"
        yield f"made from {document['parent']}."
    if document["published"]:
        yield "Published."
    if document["pin"]:
        yield f"Pinned in {document['pin']}."


def _history_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    rows = [(each["data_version"], each["files"], _told(each)) for each in document["versions"]]
    yield table(("data version", "files", "what was done"), rows)
    for each in document["versions"]:
        if each["missing"]:
            yield each["missing"]


def _told(version: Mapping[str, Any]) -> str:
    facts, action = version["facts"], version["action"]
    if version["missing"]:
        return "not in the remote"
    if action is None:
        return "says nothing of a parent"
    if action == "label":
        counts = ", ".join(f"{name} {count}" for name, count in facts["labels"].items())
        return f"label: {counts}"
    if action == "remove":
        return f"remove: {len(facts['removed'])} images, {facts['reason']}"
    plain = {name: value for name, value in facts.items() if isinstance(value, str | int | float)}
    return ": ".join((action, ", ".join(f"{name} {value}" for name, value in plain.items())))
