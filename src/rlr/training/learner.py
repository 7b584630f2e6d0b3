"""What changes in the course of a training: the weights, the optimiser's moments, the average."""

from torch import nn

from rlr.config.training import TrainingConfig
from rlr.training.averaging import Average
from rlr.training.optimizer import build_optimizer, clip_gradients
from rlr.training.schedule import set_step


class Learner:
    """Networks that learn from their gradients.

    Args:
        networks: One network a level, by its index; trained in place.
        config: Optimiser, schedule, clipping and averaging.

    Attributes:
        networks: The networks, with the weights as trained.
        optimizer: The optimiser of all of them.
        average: The average of their weights.
    """

    def __init__(self, networks: nn.ModuleDict, config: TrainingConfig) -> None:
        self.networks = networks
        self.optimizer = build_optimizer(networks, config.optimizer)
        self.average = Average(networks, config.averaging)
        self._config = config

    def step(self, step: int, steps: int) -> None:
        """Take a step along the gradients that the parameters have.

        Args:
            step: Number of the step, from 0.
            steps: Steps of the whole training.
        """
        clip_gradients(self.networks.values(), self._config.clip_norm)
        set_step(self.optimizer, step, steps, self._config)
        self.optimizer.step()
        self.average.update(step)
