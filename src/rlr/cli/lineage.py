"""`rlr lineage`: where a model came from, and what came of data, code or a run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit

if TYPE_CHECKING:
    from rich.tree import Tree

AskedArgument = Annotated[
    str,
    typer.Argument(
        metavar="VERSION|RUN|DATA_MD5|COMMIT",
        help="3, @champion, models:/NAME/3, or the beginning of a run id, a data version or a "
        "commit.",
    ),
]
PictureOption = Annotated[
    Path | None, typer.Option("--svg", metavar="FILE", help="Draw the versions into a file, too.")
]


def lineage(
    asked: AskedArgument,
    picture: PictureOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a version was made from, or which versions were made of data, code or a run."""
    settings = read_config(config, overrides).registry

    from rlr.foundation.atomic import atomic_file
    from rlr.foundation.errors import UserError
    from rlr.registry.lineage import draw_lineage, trace
    from rlr.registry.server import connect

    document = trace(connect(settings), settings, asked)
    if picture:
        if not document["versions"]:
            raise UserError(f"No version was made of {asked}, so there is nothing to draw.")
        with atomic_file(picture) as temporary:
            temporary.write_text(draw_lineage(document["versions"]), encoding="utf-8")
    emit(document, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    asked = document["asked"]
    if asked["kind"] == "version":
        yield _version_tree(document["versions"][0])
        return
    yield _made_of(asked, document)
    yield _count(document)


def _version_tree(facts: Mapping[str, Any]) -> "Tree":
    """Return what a version was made from, and what came of it, as a tree."""
    from rich.tree import Tree

    tree = Tree(_title(facts))
    _add_facts(tree, facts)
    result = tree.add("came of it")
    for line in _fate(facts):
        result.add(line)
    return tree


def _made_of(asked: Mapping[str, Any], document: Mapping[str, Any]) -> "Tree":
    """Return what was made of data, a commit or a run, run by run, as a tree."""
    from rich.tree import Tree

    tree = Tree(f"{asked['kind']} {asked['value']}")
    by_run: dict[str, list[Mapping[str, Any]]] = {}
    for facts in document["versions"]:
        by_run.setdefault(facts["run"]["id"] or "unknown", []).append(facts)
    for run_id, versions in by_run.items():
        branch = tree.add(_run_line(versions[0], run_id))
        if asked["kind"] == "run":
            _add_facts(branch, versions[0])
        for facts in versions:
            leaf = branch.add(_title(facts))
            for line in _fate(facts):
                leaf.add(line)
    for facts in document["runs"]:
        branch = tree.add(f"{_run_line(facts, facts['run']['id'])}: no version")
        if asked["kind"] == "run":
            _add_facts(branch, facts)
    return tree


def _count(document: Mapping[str, Any]) -> str:
    versions, others = len(document["versions"]), len(document["runs"])
    return f"{versions} versions; {others} runs without a version."


def _title(facts: Mapping[str, Any]) -> str:
    aliases = ", ".join(facts["aliases"]) or "no alias"
    return f"{facts['version']} ({aliases})"


def _run_line(facts: Mapping[str, Any], run_id: str) -> str:
    run, config = facts["run"], facts["configuration"]
    state = run["state"] or "gone"
    return f"run {run_id} ({state}, {_word(config['name'])}, seed {_word(config['seed'])})"


def _fate(facts: Mapping[str, Any]) -> Iterator[str]:
    from rlr.registry.lineage.words import spans

    gate = facts["gate"]
    yield f"floors: {_word(facts['floors'])}"
    yield (
        f"gate: {gate['outcome']} against {gate['champion']}, result {_brief(gate['sha256'])}"
        if gate["outcome"]
        else "gate: no result"
    )
    for time in spans(facts["champion_times"]):
        yield f"champion: {time}"
    if not facts["champion_times"]:
        yield "champion: never" + (" by the audit trail" if "champion" in facts["aliases"] else "")
    if facts["audit_faults"]:
        yield f"the audit trail is not whole, so times may be missing: {facts['audit_faults'][0]}"
    for child in facts["children"]:
        yield f"champion while {child} was trained"


def _add_facts(tree: "Tree", facts: Mapping[str, Any]) -> None:
    from rlr.registry.lineage.words import changes

    code, data, config = facts["code"], facts["data"], facts["configuration"]
    run = facts["run"]
    _add(
        tree,
        f"data {_word(data['version'])}",
        remote=data["remote"],
        manifest=data["manifest_sha256"],
    )
    if data["unjudged_admitted"] is not None:
        tree.add(f"unjudged images that were trained on: {data['unjudged_admitted']}")
    _add(
        tree,
        f"code: commit {_word(code['commit'])}, {changes(code)}",
        version=code["version"],
        diff=None if code["diff_sha256"] is None else code["diff_sha256"],
        lock=code["lock_sha256"],
        image=code["image"],
    )
    _add(tree, f"configuration {_word(config['name'])}", sha256=config["sha256"])
    tree.add(f"seed {_word(config['seed'])}")
    _add(tree, "computed by", **facts["compute"])
    _add(
        tree,
        f"run {_word(run['id'])}",
        state=run["state"] or "gone",
        started=run["started"],
        ended=run["ended"],
    )
    if "pipeline_run" in facts:
        tree.add(f"pipeline run {_word(facts['pipeline_run'])}")
    tree.add(f"champion when it was trained: {_word(facts['parent_champion'])}")


def _add(tree: "Tree", title: str, **values: Any) -> None:
    branch = tree.add(title)
    for name, value in values.items():
        branch.add(f"{name.removeprefix('torch.')}: {_word(value)}")


def _word(value: Any) -> str:
    return "unknown" if value is None else str(value)


def _brief(value: str | None) -> str:
    from rlr.registry.lineage.words import brief

    return brief(value)
