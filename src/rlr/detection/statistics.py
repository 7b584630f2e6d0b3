"""What an artifact knows of normal features and residuals, apart from its weights.

normalisation.mean.I, normalisation.scale.I       of each channel, where I counts the levels
calibration.NAME                                  see `Calibration.tensors`
"""

from dataclasses import dataclass

import torch
from safetensors.torch import save
from torch import Tensor

from rlr.detection.calibration import Calibration
from rlr.detection.spec import DetectorSpec
from rlr.features.normalisation import ChannelNormalisation


@dataclass(frozen=True)
class Statistics:
    """Statistics of normal images; None: the detector does without.

    Attributes:
        normalisation: Of the tokens, before anything else is done with them.
        calibration: Of residuals and scores.
    """

    normalisation: ChannelNormalisation | None = None
    calibration: Calibration | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to be stored."""
        return self.normalisation is not None or self.calibration is not None

    def to(self, device: torch.device) -> "Statistics":
        """Return the same on another device."""
        return Statistics(
            self.normalisation.to(device) if self.normalisation else None,
            self.calibration.to(device) if self.calibration else None,
        )

    def to_bytes(self) -> bytes:
        """Return the content of a statistics file; the same values have the same bytes."""
        tensors: dict[str, Tensor] = {}
        if self.normalisation is not None:
            for place, mean in enumerate(self.normalisation.means):
                tensors[f"normalisation.mean.{place}"] = mean
                tensors[f"normalisation.scale.{place}"] = self.normalisation.scales[place]
        if self.calibration is not None:
            for name, table in self.calibration.tensors().items():
                tensors[f"calibration.{name}"] = table
        content: bytes = save({name: t.cpu().contiguous() for name, t in tensors.items()})
        return content

    @classmethod
    def of(cls, tensors: dict[str, Tensor], spec: DetectorSpec) -> "Statistics":
        """Put together what a statistics file holds, as the description says.

        Raises:
            KeyError: A tensor is missing.
        """
        levels = range(len(spec.network.levels))
        normalisation = calibration = None
        if spec.normalisation == "channel":
            normalisation = ChannelNormalisation(
                tuple(tensors[f"normalisation.mean.{place}"] for place in levels),
                tuple(tensors[f"normalisation.scale.{place}"] for place in levels),
            )
        if spec.scoring.calibration is not None:
            calibration = Calibration.of(
                {
                    name.removeprefix("calibration."): tensor
                    for name, tensor in tensors.items()
                    if name.startswith("calibration.")
                },
                len(levels),
                spec.scoring.calibration.temperature,
            )
        return cls(normalisation, calibration)


NO_STATISTICS = Statistics()
