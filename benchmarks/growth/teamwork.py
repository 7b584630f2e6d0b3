"""What several processes that train together cost, beside one that does it alone.

They meet as those of torchrun do, by the same variables of the environment, but are forks of this
process: what torchrun adds is their start, which is no part of an epoch.
"""

import multiprocessing
import os
import socket
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from growth.isolated import forget_peak, resident
from growth.work import CPU, image_set, seconds, settings
from rlr.config import Config, load_config
from rlr.detection.artifact import build_networks
from rlr.training.describe import describe_network
from rlr.training.optimizer import build_optimizer
from rlr.training.store import MemoryStore
from rlr.training.team import join_team
from rlr.training.trainer import Trainer

EPOCHS = 3  # that count; one before them warms up
Figures = dict[str, float]


@dataclass(frozen=True)
class Work:
    """What is trained: networks for levels of these grids and channels.

    Attributes:
        config: The configuration.
        shapes: Grid and channels of each level.
        images: Images an epoch.
    """

    config: Config
    shapes: Sequence[tuple[tuple[int, int], int]]
    images: int


ALWAYS = [f"training.epochs={EPOCHS + 1}", "training.device=cpu"]
SMALL = Work(settings(128, *ALWAYS, "training.batch_size=16"), [((16, 16), 128), ((8, 8), 256)], 32)
PUBLISHED = Work(load_config("published", ALWAYS), [((32, 32), 72), ((16, 16), 200)], 4)


def measure(processes: int, work: Work) -> Figures:
    """Train in so many processes, on features that are made up.

    Returns:
        Of an epoch: `wall_s`, `cpu_s` over all processes, and the greatest `memory_mib`. Of a step,
        over all processes: `gradients_s`, the processor time of adding up the gradients, and
        `optimizer_s`, that of the optimiser.
    """
    context = multiprocessing.get_context("fork")
    port, started, ends = _free_port(), [], []
    for rank in range(processes):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_train, args=(rank, processes, port, work, theirs), daemon=True
        )
        process.start()
        theirs.close()
        started.append(process)
        ends.append(ours)
    found: list[Figures] = [end.recv() for end in ends]
    for process in started:
        process.join()
    return {
        "wall_s": max(one["wall_s"] for one in found),
        "memory_mib": max(one["memory_mib"] for one in found),
        **{
            name: sum(one[name] for one in found)
            for name in ("cpu_s", "gradients_s", "optimizer_s")
        },
    }


def _train(rank: int, processes: int, port: int, work: Work, out: Connection) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    forget_peak()
    before = resident("VmRSS")
    torch.manual_seed(0)
    networks = build_networks(describe_network(work.config, list(work.shapes)))
    draws = torch.Generator().manual_seed(0)
    levels = [
        torch.randn(work.images, net.sizes.tokens, net.sizes.channels, generator=draws)
        for net in networks.values()
    ]
    optimizer = build_optimizer(networks, work.config.training.optimizer)
    with join_team(CPU) as team:
        trainer = Trainer(networks, work.config, team, CPU)
        records = trainer.fit(image_set(work.images), MemoryStore(levels))[1:]
        gradients = seconds(lambda: team.sum_gradients(networks.parameters()))
        team.wait()
    out.send(
        {
            "wall_s": statistics.median(one.seconds for one in records),
            "cpu_s": statistics.median(one.cpu_seconds or 0.0 for one in records),
            "memory_mib": resident("VmHWM") - before,
            "gradients_s": gradients,
            "optimizer_s": seconds(optimizer.step),
        }
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
