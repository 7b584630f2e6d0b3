"""From what is stored of a version to its card."""

from collections.abc import Mapping
from typing import Any

from rlr.config import Config
from rlr.registry.card.blocks import Block, Card, Commands, Facts, Picture, Points, Section, Text
from rlr.registry.card.limits import limits, warnings
from rlr.registry.card.measured import against_champion, quality, thresholds
from rlr.registry.card.sources import Sources
from rlr.registry.lineage.words import UNKNOWN, changes, spans

NOBODY = "Nobody has told"


def describe(sources: Sources, settings: Config) -> Card:
    """Describe a version.

    Args:
        sources: What is stored of it.
        settings: Draws and level of the intervals.
    """
    facts = sources.facts
    classes = (sources.training or {}).get("classes") or (facts["classes"] or "").split(", ")
    count = len([name for name in classes if name])
    aliases = ", ".join(facts["aliases"]) or "no alias"
    return Card(
        title=f"Model card: {facts['version']}",
        lead=(
            f"One anomaly detector for {count or 'an unknown number of'} product "
            f"class{'' if count == 1 else 'es'}, trained on normal images alone. Aliases when "
            f"this was written: {aliases}."
        ),
        warnings=list(warnings(sources)),
        sections=[
            Section("Intended use", _use(sources)),
            Section("Data", _data(sources)),
            Section("Quality", quality(sources, settings.gate)),
            Section("Thresholds", thresholds(sources)),
            Section("Gate", against_champion(sources.gate)),
            Section("Limits", [Points(list(limits(sources)))]),
            Section("Lineage", _lineage(facts)),
            Section("How to reproduce", _reproduction(facts)),
        ],
    )


def _use(sources: Sources) -> list[Block]:
    words = sources.words
    return [
        Facts(
            [
                ("Intended use", words.intended_use or f"{NOBODY} (card.intended_use)."),
                ("Out of scope", words.out_of_scope or f"{NOBODY} (card.out_of_scope)."),
                ("Owner", words.owner or f"{NOBODY} (card.owner)."),
                ("Contact", words.contact or f"{NOBODY} (card.contact)."),
            ]
        )
    ]


def _data(sources: Sources) -> list[Block]:
    data = sources.facts["data"]
    trained = (sources.training or {}).get("images") or {}
    measured = (sources.evaluation or {}).get("images") or {}
    rows = [
        ("Source", sources.source or f"{NOBODY} (data.source)."),
        ("Licence", sources.licence or f"{NOBODY} (data.licence)."),
        ("Data version", data["version"] or UNKNOWN),
        ("Remote", _remote(data["remote"])),
        ("Manifest, sha256", data["manifest_sha256"] or UNKNOWN),
        ("Normal images trained on", str(trained.get("train", UNKNOWN))),
        ("Normal images that set thresholds", str(trained.get("validation", UNKNOWN))),
        (
            "Test images",
            f"{measured['normal']} normal, {measured['defective']} defective"
            if measured
            else UNKNOWN,
        ),
    ]
    return [Facts(rows)]


def _remote(remote: str | None) -> str:
    return "none was configured" if remote == "none" else remote or UNKNOWN


def _lineage(facts: Mapping[str, Any]) -> list[Block]:
    code, config, run, gate = facts["code"], facts["configuration"], facts["run"], facts["gate"]
    compute = facts["compute"]
    rows = [
        ("Code", f"rlr {code['version'] or UNKNOWN}, commit {code['commit'] or UNKNOWN}"),
        ("Uncommitted changes", changes(code)),
        ("Lock file, sha256", code["lock_sha256"] or UNKNOWN),
        ("Image", "none: no container" if code["image"] == "none" else code["image"] or UNKNOWN),
        ("Configuration", f"{config['name'] or UNKNOWN}, sha256 {config['sha256'] or UNKNOWN}"),
        ("Seed", config["seed"] or UNKNOWN),
        ("Run", f"{run['id'] or UNKNOWN} ({run['state'] or 'gone'})"),
        ("Pipeline run", facts["pipeline_run"] or UNKNOWN),
        ("Champion at its training", facts["parent_champion"] or UNKNOWN),
        ("Gate result, sha256", gate["sha256"] or "no result"),
        ("Detector, sha256", facts["detector_sha256"] or UNKNOWN),
        ("Processor", f"{compute['processor'] or UNKNOWN}, {compute['cores'] or UNKNOWN} cores"),
        ("Accelerator", compute["accelerator"] or UNKNOWN),
        (
            "torch",
            f"{compute['torch.build'] or UNKNOWN}; {compute['torch.threads'] or UNKNOWN} threads, "
            f"{compute['torch.cpu_capability'] or UNKNOWN}",
        ),
        ("Champion", "; ".join(spans(facts["champion_times"])) or "never"),
    ]
    return [Picture(f"Lineage of {facts['version']}"), Facts(rows)]


def _reproduction(facts: Mapping[str, Any]) -> list[Block]:
    code, data, version = facts["code"], facts["data"], facts["version"]
    lines = []
    if code["commit"] not in (None, UNKNOWN):
        lines += [f"git checkout {code['commit']}", "make install"]
    if data["version"] and data["remote"] not in (None, "none"):
        lines.append(
            f"rlr data pull --version {data['version']} --remote {data['remote']} "
            f"--output .rlr/versions/{data['version'].removesuffix('.dir')}"
        )
    lines.append(f"rlr reproduce {version}")
    told = (
        "`rlr reproduce` fetches configuration and images, trains with the same seed, and compares "
        "the weights byte for byte where code, packages, torch's build, threads and processor are "
        "those above, else the scores of the same images."
    )
    blocks: list[Block] = [Text(told), Commands(lines)]
    if code["dirty"] and code["diff_stored"]:
        blocks.append(
            Text(
                "The code had uncommitted changes; they are kept with the run (code/dirty.diff), "
                "and `rlr reproduce` applies them."
            )
        )
    elif code["dirty"]:
        blocks.append(
            Text("The code had uncommitted changes that nobody kept: it cannot be reproduced.")
        )
    return blocks
