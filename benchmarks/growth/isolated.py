"""A measurement in a process of its own: its processor time, and how far its memory grew."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

MEBI = 2**10  # of the KiB that Linux tells

Work = Callable[[], dict[str, float]]


def isolated(work: Work) -> dict[str, float]:
    """Run a function in a fork of this process, which has its libraries but not its memory.

    Args:
        work: What is measured; it returns figures of its own.

    Returns:
        Those figures, `cpu_s` of all of it, and `memory_mib`: its peak over what it started with.

    Raises:
        RuntimeError: It failed; the reason is on stderr.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, theirs))
    process.start()
    theirs.close()
    try:
        found: dict[str, float] = ours.recv()
    except EOFError:
        raise RuntimeError("a measurement failed; see above") from None
    finally:
        process.join()
    return found


def _run(work: Work, out: Connection) -> None:
    forget_peak()
    before, start = resident("VmRSS"), time.process_time()
    found = work()
    seconds = time.process_time() - start
    out.send({**found, "cpu_s": seconds, "memory_mib": resident("VmHWM") - before})


def forget_peak() -> None:
    """Let the peak of this process's memory start anew."""
    Path("/proc/self/clear_refs").write_text("5\n")


def resident(name: str) -> float:
    """Return what Linux says of this process, in MiB: VmRSS now, VmHWM at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / MEBI
    raise LookupError(name)
