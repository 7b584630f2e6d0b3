"""The set on disk: which pictures there are, and who makes them."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from rlr.config.data import SyntheticConfig
from rlr.data.synthetic.flaws.flaw import GOOD
from rlr.data.synthetic.parts import PARTS
from rlr.data.synthetic.picture import Subject, render
from rlr.data.synthetic.png import encode_png
from rlr.foundation.atomic import atomic_folder
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track

_BATCH = 8  # pictures that a worker takes at a time
_LARGE_BLOCK = 31 << 20  # bytes; glibc learns nothing from blocks above 32 MiB


def generate(config: SyntheticConfig, folder: Path) -> None:
    """Write the synthetic inspection set in MVTec AD's layout.

    Args:
        config: Seed, size and numbers of images; the workers change no byte.
        folder: The folder to create; it appears when it is complete.

    Raises:
        UserError: The folder holds something already, which is left alone.
        MachineError: The disk is full, or the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; name a new folder for the synthetic set.")
    subjects = list(list_subjects(config))
    with atomic_folder(folder) as temporary:
        write = partial(_write, folder=temporary, size=config.size)
        workers = config.workers or os.cpu_count() or 1
        if workers == 1:
            for subject in track(subjects, "Drawing pictures"):
                write(subject)
            return
        # Spawned, not forked: the parent may hold the threads of torch.
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, spawn, _keep_memory) as pool:
            done = pool.map(write, subjects, chunksize=_BATCH)
            for _ in track(done, "Drawing pictures", total=len(subjects)):
                pass


def list_subjects(config: SyntheticConfig) -> Iterator[Subject]:
    """Yield every picture of the set, class by class; the defects of a class take turns."""
    for name, part in PARTS.items():
        for index in range(config.train_good):
            yield Subject(config.seed, name, "train", GOOD, index)
        for index in range(config.test_good):
            yield Subject(config.seed, name, "test", GOOD, index)
        for number in range(config.test_defective):
            index, kind = divmod(number, len(part.defects))
            yield Subject(config.seed, name, "test", part.defects[kind], index)


def _keep_memory() -> None:
    """Make glibc keep freed memory.

    Once a large block has come back to it, it no longer gets every plane from the kernel anew,
    which takes a quarter of the time.
    """
    np.empty(_LARGE_BLOCK, dtype=np.uint8)


def _write(subject: Subject, folder: Path, size: int) -> None:
    picture = render(subject, size)
    home = folder / subject.part
    image = home / subject.split / subject.label / f"{subject.index:03d}.png"
    _save(image, encode_png(picture.pixels))
    if subject.label != GOOD:
        mask = home / "ground_truth" / subject.label / f"{subject.index:03d}_mask.png"
        _save(mask, encode_png(picture.mask * 255))


def _save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
