"""The whole configuration: one section a room of the house."""

from pydantic import Field

from rlr.config.card import CardConfig
from rlr.config.containers import ContainersConfig
from rlr.config.data import DataConfig, SyntheticConfig
from rlr.config.decoder import DecoderConfig
from rlr.config.detection import DetectionConfig, ThresholdConfig
from rlr.config.evaluation import EvaluationConfig
from rlr.config.features import FeaturesConfig
from rlr.config.gate import GateConfig
from rlr.config.model import ModelConfig
from rlr.config.monitor import MonitorConfig
from rlr.config.pipeline import PipelineConfig
from rlr.config.registry import RegistryConfig
from rlr.config.reproduction import ReproductionConfig
from rlr.config.retention import RetentionConfig
from rlr.config.retraining import RetrainingConfig
from rlr.config.section import Section
from rlr.config.services import ServicesConfig
from rlr.config.text import dump_yaml
from rlr.config.training import TrainingConfig
from rlr.config.validation import ValidationConfig
from rlr.foundation.documents import digest


class Config(Section):
    """Everything a user may want to change; the defaults are the published recipe."""

    name: str = Field("published", description="Name of the configuration, shown in reports.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of weights, order and jitter.")
    data: DataConfig = DataConfig()
    synthetic: SyntheticConfig = SyntheticConfig()
    validation: ValidationConfig = ValidationConfig()
    features: FeaturesConfig = FeaturesConfig()
    model: ModelConfig = ModelConfig()
    detection: DetectionConfig = DetectionConfig()
    threshold: ThresholdConfig = ThresholdConfig()
    training: TrainingConfig = TrainingConfig()
    decoder: DecoderConfig = DecoderConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    monitor: MonitorConfig = MonitorConfig()
    gate: GateConfig = GateConfig()
    registry: RegistryConfig = RegistryConfig()
    card: CardConfig = CardConfig()
    reproduction: ReproductionConfig = ReproductionConfig()
    retraining: RetrainingConfig = RetrainingConfig()
    retention: RetentionConfig = RetentionConfig()
    pipeline: PipelineConfig = PipelineConfig()
    containers: ContainersConfig = ContainersConfig()
    services: ServicesConfig = ServicesConfig()

    def as_yaml(self) -> str:
        """Return the complete configuration as a YAML document that loads to an equal one."""
        return dump_yaml(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return the sha256 of the values; two files that resolve alike have the same."""
        return digest(self.model_dump(mode="json"))
