"""A benchmark from end to end; its tables are written anew after every run."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlr.foundation.atomic import atomic_file
from rlr.foundation.documents import SCHEMA_VERSION, write_json
from rlr.orchestration.benchmark.columns import Runs
from rlr.orchestration.benchmark.images import list_once
from rlr.orchestration.benchmark.latex import render_latex
from rlr.orchestration.benchmark.markdown import render_markdown
from rlr.orchestration.benchmark.outcome import Outcome
from rlr.orchestration.benchmark.plan import Plan, make_plan, run_folder
from rlr.orchestration.benchmark.quoted import Quoted, read_quoted
from rlr.orchestration.benchmark.request import Request
from rlr.orchestration.benchmark.run import run_once
from rlr.orchestration.benchmark.sheet import render_csv

logger = logging.getLogger("rlr")

JSON_FILE = "benchmark.json"
RENDERERS: Mapping[str, Callable[[Outcome], str]] = {
    "benchmark.md": render_markdown,
    "benchmark.tex": render_latex,
    "benchmark.csv": render_csv,
}


def run_benchmark(request: Request) -> dict[str, Any]:
    """Run what of a benchmark is not run yet, and write its tables.

    Args:
        request: What was asked for.

    Returns:
        The content of benchmark.json.

    Raises:
        UserError: Images, presets, weights or overrides are not as they should be, the output
            folder holds runs on other images or with other settings, or the memory is too small.
    """
    plan = make_plan(request, with_weights=True)
    plan.require_memory()
    for note in plan.notes:
        logger.warning("%s: %s", request.dataset.title, note)
    quoted = read_quoted(request.name)
    manifest = list_once(request.data_of(next(iter(request.sources))), request.output)
    runs: dict[str, list[dict[str, Any]]] = {preset: [] for preset in request.sources}
    wanted = [(preset, seed) for seed in request.seeds for preset in request.sources]
    document: dict[str, Any] = {}
    for number, (preset, seed) in enumerate(wanted, start=1):
        logger.info("run %d of %d: %s with seed %d", number, len(wanted), preset, seed)
        config = request.config(preset, seed)
        folder = run_folder(request.output, preset, seed)
        runs[preset].append(run_once(config, manifest, folder, preset, request.dataset.views))
        document = _write(plan, runs, quoted, request.output)
    return document


def _write(plan: Plan, runs: Runs, quoted: Quoted, output: Path) -> dict[str, Any]:
    outcome = Outcome(plan, {name: list(done) for name, done in runs.items()}, quoted)
    for name, render in RENDERERS.items():
        with atomic_file(output / name) as temporary:
            temporary.write_text(render(outcome), encoding="utf-8")
    document = {"schema_version": SCHEMA_VERSION, "kind": "benchmark", **outcome.as_dict()}
    write_json(output / JSON_FILE, document)
    return document
