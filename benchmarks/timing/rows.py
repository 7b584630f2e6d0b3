"""The rows of the table: each function measures one piece of work."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from baseline import PUBLISHED, Habits

from timing.clock import Clock, Subjects, measure
from timing.machine import count_operations, gemm_peak
from timing.memory import PARTS, SUBJECTS, peak_memory
from timing.table import Row
from timing.work import (
    BATCH,
    BaselineInference,
    BaselineStep,
    OurInference,
    OurStep,
    baseline_backbone,
    normalised,
    our_extractor,
    random_images,
)

NETWORK_HABITS = ("rebuild_mask", "repeat_reference", "dense_local", "loop_optimizer")
BACKBONE_HABITS = ("all_stages", "channels_first")
WALL_THREADS = 2


@dataclass
class Plan:
    """How rows are measured.

    Attributes:
        rounds: How often each subject is timed.
        wall: Whether wall-clock time on two threads is taken, too.
        compiled: Whether `torch.compile` is timed, too, which takes minutes.
        batch: Images a training step and a pass of the backbone.
        peaks: Operations a second of a large product, by type; measured once a run.
    """

    rounds: int = 5
    wall: bool = False
    compiled: bool = False
    batch: int = BATCH
    peaks: dict[torch.dtype, float] = field(default_factory=dict)

    def row(
        self,
        work: str,
        subjects: Subjects,
        goal: float | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Row:
        """Measure subjects in turn, the baseline first; counting their operations warms them up."""
        torch.set_num_threads(1)
        operations = {name: count_operations(run) for name, run in subjects.items()}
        clock = Clock(self.rounds, untimed=int(self.compiled))
        timings = measure(subjects, clock)
        wall = {}
        if self.wall:
            wall = measure(subjects, replace(clock, wall=True, threads=WALL_THREADS))
        if dtype not in self.peaks:
            self.peaks[dtype] = gemm_peak(dtype, clock)
        share = {
            name: operations[name] / timing.median / self.peaks[dtype]
            for name, timing in timings.items()
        }
        return Row(work, timings, wall, goal, operations, share)


def step(plan: Plan) -> Row:
    """A training step of both levels on tokens that are there already."""
    subjects: dict[str, Callable[[], object]] = {"baseline": BaselineStep(batch=plan.batch)}
    for name, part in PARTS.items():
        subjects[name] = OurStep(batch=plan.batch, part=part)
    return plan.row(f"training step, batch {plan.batch}, fp32", subjects, goal=4.0)


def step_bf16(plan: Plan) -> Row:
    """The same under bf16 autocast."""
    subjects = {
        "baseline": BaselineStep(half=True, batch=plan.batch),
        "rlr": OurStep(half=True, batch=plan.batch),
    }
    return plan.row(f"training step, batch {plan.batch}, bf16", subjects, 6.0, torch.bfloat16)


def habits(plan: Plan) -> Row:
    """The baseline's step with each inefficiency of the network switched off alone."""
    subjects = {"baseline": BaselineStep(batch=plan.batch)}
    for name in NETWORK_HABITS:
        other = replace(PUBLISHED, **{name: False})
        subjects[f"without {name}"] = BaselineStep(other, batch=plan.batch)
    subjects["with return_weights"] = BaselineStep(Habits(return_weights=True), batch=plan.batch)
    return plan.row(f"the same step, batch {plan.batch}, one habit changed", subjects)


def features(plan: Plan) -> Row:
    """Features of a batch, each habit of the backbone switched off alone, and ours."""
    images = random_images(plan.batch)
    pixels, arrays = normalised(images), images.numpy()
    backbone, extractor = baseline_backbone(), our_extractor()
    subjects: dict[str, Callable[[], object]] = {"baseline": lambda: backbone(pixels)}
    for name in BACKBONE_HABITS:
        other = baseline_backbone(replace(PUBLISHED, **{name: False}))
        subjects[f"without {name}"] = lambda other=other: other(pixels)
    subjects["rlr"] = lambda: extractor(arrays)
    return plan.row(f"tf_efficientnet_b6 features, batch {plan.batch}", subjects, goal=1.8)


def inference(plan: Plan) -> Row:
    """One image: backbone, networks, map and score."""
    subjects: dict[str, Callable[[], object]] = {"baseline": BaselineInference()}
    subjects["rlr"] = OurInference()
    if plan.compiled:
        subjects["rlr, compiled"] = OurInference(compiled=True)
    return plan.row("inference, one image, fp32", subjects, goal=4.0)


def memory(plan: Plan) -> Row:
    """Greatest memory of a training, in processes of their own."""
    del plan
    peaks = {name: peak_memory(name) for name in SUBJECTS}
    first = peaks["baseline"]["training"]
    amounts = {
        name: (f"{peak['training']:.0f} MiB", peak["training"] / first)
        for name, peak in peaks.items()
    }
    work = "peak memory of training, less what torch itself takes (goal 0.5x)"
    return Row(work, {}, amounts=amounts, notes={"peaks_mib": peaks})


ROWS: dict[str, Callable[[Plan], Row]] = {
    "step": step,
    "step-bf16": step_bf16,
    "habits": habits,
    "features": features,
    "inference": inference,
    "memory": memory,
}
