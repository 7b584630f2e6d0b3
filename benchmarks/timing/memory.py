"""The greatest memory that a training holds, each in a process of its own.

python benchmarks/timing/memory.py "baseline" | "rlr" | "rlr, two images at a time"
"""

import subprocess
import sys
from pathlib import Path

STEPS = 2
PARTS = {"rlr": None, "rlr, two images at a time": 2}  # images that are computed at a time
SUBJECTS = ("baseline", *PARTS)


def peak_memory(subject: str) -> dict[str, float]:
    """Return the greatest memory of a process that trains, in MiB.

    Args:
        subject: "baseline": backbone and networks; one of `PARTS`: networks, on features that
            were kept.

    Returns:
        `whole`, and `training`: less what the process held before, which is torch itself.
    """
    command = [sys.executable, __file__, subject]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    whole, before = (float(word) for word in done.stdout.split()[-2:])
    return {"whole": whole, "training": whole - before}


def train(subject: str) -> None:
    """Take a few steps, and print the greatest memory and what there was before."""
    import torch
    from growth.isolated import resident

    from timing.work import BaselineStep, OurStep, baseline_backbone, normalised, random_images

    torch.set_num_threads(1)
    torch.nn.Linear(8, 8)(torch.zeros(1, 8)).sum().backward()  # loads what torch loads late
    before = resident("VmRSS")
    if subject == "baseline":
        backbone, step = baseline_backbone(), BaselineStep()
        for _ in range(STEPS):
            step.tokens = backbone(normalised(random_images(4)))
            step()
    else:
        ours = OurStep(part=PARTS[subject])
        for _ in range(STEPS):
            ours()
    print(resident("VmHWM"), before)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    train(sys.argv[1])
