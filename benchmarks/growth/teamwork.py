"""What several processes that train together cost, beside one that does it alone.

They meet as those of torchrun do, by the same variables of the environment, but are forks of this
process: what torchrun adds is their start, which is no part of an epoch.
"""

import multiprocessing
import os
import socket
import statistics
from multiprocessing.connection import Connection

import torch

from growth.isolated import forget_peak, resident
from growth.work import CPU, image_set, networks_of, settings
from rlr.training.store import MemoryStore
from rlr.training.team import join_team
from rlr.training.trainer import Trainer

IMAGES, SIDE, BATCH, EPOCHS = 32, 128, 16, 3
Figures = dict[str, float]


def measure(processes: int) -> Figures:
    """Train in so many processes, on features that are made up.

    Returns:
        Of an epoch: `wall_s`, `cpu_s` over all processes, and the greatest `memory_mib`.
    """
    context = multiprocessing.get_context("fork")
    port, started, ends = _free_port(), [], []
    for rank in range(processes):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_train, args=(rank, processes, port, theirs), daemon=True)
        process.start()
        theirs.close()
        started.append(process)
        ends.append(ours)
    found: list[Figures] = [end.recv() for end in ends]
    for process in started:
        process.join()
    return {
        "wall_s": max(one["wall_s"] for one in found),
        "cpu_s": sum(one["cpu_s"] for one in found),
        "memory_mib": max(one["memory_mib"] for one in found),
    }


def _train(rank: int, processes: int, port: int, out: Connection) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    forget_peak()
    before = resident("VmRSS")
    config = settings(SIDE, f"training.epochs={EPOCHS + 1}", f"training.batch_size={BATCH}")
    networks = networks_of(config)
    draws = torch.Generator().manual_seed(0)
    levels = [
        torch.randn(IMAGES, net.sizes.tokens, net.sizes.channels, generator=draws)
        for net in networks.values()
    ]
    with join_team(CPU) as team:
        trainer = Trainer(networks, config, team, CPU)
        records = trainer.fit(image_set(IMAGES), MemoryStore(levels))[1:]  # the first warms up
    out.send(
        {
            "wall_s": statistics.median(one.seconds for one in records),
            "cpu_s": statistics.median(one.cpu_seconds or 0.0 for one in records),
            "memory_mib": resident("VmHWM") - before,
        }
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
