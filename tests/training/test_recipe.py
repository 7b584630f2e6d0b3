"""The switches of the recipe; and that without them it is the published one, bit for bit."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rlr.config import Config, load_config
from rlr.config.training import (
    AveragingConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainingConfig,
)
from rlr.detection.artifact import Networks, build_networks
from rlr.foundation.errors import UserError
from rlr.model.loss import loosen, token_score
from rlr.training.averaging import Average
from rlr.training.checkpoint import Checkpoints, EpochRecord
from rlr.training.describe import describe_network
from rlr.training.learner import Learner
from rlr.training.optimizer import build_optimizer, decays
from rlr.training.schedule import first_beta, grown, rate_share
from rlr.training.seeding import generator
from rlr.training.store import ImageSet, MemoryStore
from rlr.training.team import Team
from rlr.training.trainer import Trainer

SHAPES = [((8, 8), 12), ((6, 6), 20)]
IMAGES = 10
NAMES = [f"{place:064x}" for place in range(IMAGES)]
SET = ImageSet([Path(name) for name in NAMES], NAMES, ["a"] * IMAGES, NAMES)
FULL = (
    "training.optimizer={kind: adamw, weight_decay: 0.05}",
    "training.schedule={kind: one_cycle, warmup: 0.3, final: 0.01}",
    "training.clip_norm=0.1",
    "training.averaging={kind: ema, decay: 0.9}",
    "training.loss={cosine: 2.0, hardness: {share: 0.5, factor: 0.1}}",
    "training.jitter={scale: channel, draw: uniform, dropout: 0.1}",
    "model={bank: 5, refine: true, local: tiled, levels: [{index: 1, width: 32, layers: 2, heads: "
    "4}, {index: 2, width: 32, layers: 1, heads: 4}]}",
)


def settings(*overrides: str) -> Config:
    return load_config("tiny", ["training.epochs=3", "training.batch_size=4", *overrides])


def features() -> list[Tensor]:
    draws = torch.Generator().manual_seed(0)
    return [torch.randn(IMAGES, h * w, c, generator=draws).relu() for (h, w), c in SHAPES]


def networks_of(config: Config) -> Networks:
    torch.manual_seed(1)
    return build_networks(describe_network(config, SHAPES))


def fit(
    config: Config, checkpoints: Checkpoints | None = None, on_epoch: object = None
) -> tuple[Networks, list[EpochRecord]]:
    networks = networks_of(config)
    store = MemoryStore(features())
    history = Trainer(networks, config, Team(0, 1), torch.device("cpu")).fit(
        SET, store, held_out=(IMAGES, store), checkpoints=checkpoints, on_epoch=on_epoch
    )
    return networks, history


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def published_loss(output: Tensor, target: Tensor) -> Tensor:
    squared = (output - target).square().mean(dim=-1)
    return (squared + 1.0 - torch.cosine_similarity(output, target, dim=-1)).mean()


def published(config: Config) -> tuple[Networks, list[float]]:
    """Train as the recipe was written down at first, without any switch: one plain loop."""
    networks = networks_of(config)
    rate = config.training.optimizer.learning_rate
    optimizer = torch.optim.Adam(networks.parameters(), lr=rate, fused=True)
    levels, means = features(), []
    for epoch in range(1, config.training.epochs + 1):
        order = torch.randperm(IMAGES, generator=generator(config.seed, "order", epoch))
        total = torch.zeros(len(levels), dtype=torch.float64)
        for batch in order.split(config.training.batch_size):
            losses = []
            for (index, network), level in zip(networks.items(), levels, strict=True):
                noisy = []
                for place in batch.tolist():
                    draws = generator(config.seed, "jitter", epoch, int(index), NAMES[place])
                    clean = level[place]
                    norm = torch.linalg.vector_norm(clean, dim=-1, keepdim=True)
                    noise = torch.randn(clean.shape, generator=draws)
                    noisy.append(clean + noise * (norm * (4.0 / clean.shape[1])))
                losses.append(published_loss(network(torch.stack(noisy)), level[batch]))
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()
            optimizer.step()
            total += torch.stack(losses).detach().double() * len(batch)
        means.append(sum((total / IMAGES).tolist()))
    return networks, means


def test_the_defaults_train_the_published_recipe_bit_for_bit() -> None:
    expected, losses = published(settings())
    networks, history = fit(settings())
    assert [record.loss for record in history] == losses
    assert same(networks, expected)


@pytest.mark.parametrize("override", FULL)
def test_every_switch_changes_the_training(override: str) -> None:
    assert not same(fit(settings(override))[0], fit(settings())[0])


@pytest.mark.parametrize("size", [1, 3])
def test_a_step_in_parts_is_the_step(size: int) -> None:
    """The last part of a batch of four is smaller where parts have three images."""
    switches = (*FULL, "model.reference_penalty=0.5")
    (whole, together), (parts, apart) = (
        in_double(settings(*switches, *more)) for more in ((), (f"training.micro_batch={size}",))
    )
    assert max(together) == 4
    assert max(apart) == size
    torch.testing.assert_close(parts.state_dict(), whole.state_dict(), rtol=1e-9, atol=1e-12)


def in_double(config: Config) -> tuple[Networks, list[int]]:
    """Train in double precision, and tell how many images each training pass took."""
    networks, sizes = networks_of(config).double(), []
    for network in networks.values():
        network.register_forward_hook(
            lambda module, given, _: sizes.append(len(given[0])) if module.training else None
        )
    store = MemoryStore([level.double() for level in features()])
    Trainer(networks, config, Team(0, 1), torch.device("cpu")).fit(SET, store)
    return networks, sizes


@pytest.mark.parametrize("stop", [1, 2])
def test_a_training_with_all_switches_goes_on_bit_for_bit(tmp_path: Path, stop: int) -> None:
    class KilledError(Exception):
        pass

    def die(record: EpochRecord) -> None:
        if record.epoch == stop:
            raise KilledError

    config = settings(*FULL)
    whole, history = fit(config)
    with pytest.raises(KilledError):
        fit(config, Checkpoints(tmp_path, "x"), die)
    resumed, records = fit(config, Checkpoints(tmp_path, "x"))
    assert same(resumed, whole)
    assert [(r.loss, r.validation_loss) for r in records] == [
        (r.loss, r.validation_loss) for r in history
    ]
    finished, _ = fit(config, Checkpoints(tmp_path, "x"))  # nothing left to do but to load
    assert same(finished, whole)


def test_without_averaging_a_checkpoint_has_no_average(tmp_path: Path) -> None:
    fit(settings(), Checkpoints(tmp_path / "plain", "x"))
    fit(settings(*FULL), Checkpoints(tmp_path / "full", "x"))
    files = {path.name for path in (tmp_path / "plain" / "epoch-0003").iterdir()}
    averaged = {path.name for path in (tmp_path / "full" / "epoch-0003").iterdir()}
    assert averaged - files == {"average.safetensors"}


def test_constant_is_the_peak_at_every_step() -> None:
    assert {rate_share(step, 9, ScheduleConfig()) for step in range(9)} == {1.0}
    warm = ScheduleConfig(warmup=0.5)
    assert [rate_share(step, 6, warm) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("kind", ["cosine", "one_cycle"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_a_falling_schedule(kind: str, warmup: float, steps: int) -> None:
    """Above zero before the end, one peak after the warm-up, then down to the final share."""
    config = ScheduleConfig.model_validate({"kind": kind, "warmup": warmup, "final": 0.2})
    rates = [rate_share(step, steps, config) for step in range(steps)]
    peak = min(round(warmup * steps), steps - 1)
    assert rates[peak] == max(rates) == 1.0
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert min(rates) > 0.0
    if peak < steps - 1:
        assert rates[-1] == pytest.approx(0.2)
        middle = (peak + steps - 1) / 2
        if middle.is_integer():
            assert rates[int(middle)] == pytest.approx(0.6)


def test_one_cycle_moves_the_momentum_against_the_rate() -> None:
    schedule = ScheduleConfig(kind="one_cycle", warmup=0.3)
    training = TrainingConfig(schedule=schedule)
    betas = [first_beta(step, 21, training) for step in range(21)]
    rates = [rate_share(step, 21, schedule) for step in range(21)]
    assert betas[rates.index(1.0)] == min(betas) == 0.85
    assert betas[-1] == pytest.approx(0.9)
    for (a, b), (x, y) in zip(itertools.pairwise(rates), itertools.pairwise(betas), strict=True):
        assert (b > a) == (y < x)
    cosine = TrainingConfig(schedule=ScheduleConfig(kind="cosine", warmup=0.3))
    assert {first_beta(step, 21, cosine) for step in range(21)} == {0.9}


def test_the_optimiser_gets_the_rate_of_the_step() -> None:
    training = settings(*FULL).training
    learner = Learner(networks_of(settings()), training)
    rates = []
    for step in range(8):
        learner.step(step, 8)
        rates.append({group["lr"] for group in learner.optimizer.param_groups})
    peak = training.optimizer.learning_rate
    assert rates == [{peak * rate_share(step, 8, training.schedule)} for step in range(8)]


def test_decoupled_decay_shrinks_matrices_and_nothing_else() -> None:
    """Gradients of zero: AdamW's step is then the decay alone, by rate * decay."""
    networks = networks_of(settings("model.gate=scalar", "model.references=2", "model.bank=5"))
    before = {name: value.clone() for name, value in networks.state_dict().items()}
    config = OptimizerConfig(kind="adamw", learning_rate=0.1, weight_decay=0.5)
    optimizer = build_optimizer(networks, config)
    for parameter in networks.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    shrunk = {
        name for name, value in networks.state_dict().items() if not value.equal(before[name])
    }
    assert shrunk == {n for n, p in networks.named_parameters() if decays(n, p)}
    assert {name.split(".", 1)[1] for name in shrunk if ".layers.0.lca" in name} == {
        "layers.0.lca.in_proj_weight",
        "layers.0.lca.out_proj.weight",
    }
    assert not [name for name in shrunk if name.endswith(("reference", "bank"))]
    for name in shrunk:
        torch.testing.assert_close(networks.state_dict()[name], before[name] * 0.95)


def test_gradients_are_clipped_a_level() -> None:
    config = settings("training.clip_norm=0.5")
    networks = networks_of(config)
    learner = Learner(networks, config.training)
    small, large = networks.values()
    for network, value in ((small, 1e-4), (large, 1.0)):
        for parameter in network.parameters():
            parameter.grad = torch.full_like(parameter, value)
    learner.step(0, 1)
    norms = [
        torch.nn.utils.get_total_norm([p.grad for p in n.parameters()]) for n in (small, large)
    ]
    assert float(norms[1]) == pytest.approx(0.5, rel=1e-3)
    touched = [p.grad for p in small.parameters() if p.grad is not None and p.grad.max() != 1e-4]
    assert not [g for g in touched if not torch.equal(g, torch.full_like(g, 1e-4))]


def test_the_average_against_the_obvious_way() -> None:
    module = nn.Linear(3, 2)
    average = Average(module, AveragingConfig(kind="ema", decay=0.7, warmup=4))
    expected, draws = module.weight.detach().clone(), torch.Generator().manual_seed(0)
    for step in range(12):
        with torch.no_grad():
            module.weight.copy_(torch.randn(2, 3, generator=draws))
        decay = min(0.7, (1 + step) / (4 + step))
        expected = decay * expected + (1 - decay) * module.weight.detach()
        average.update(step)
    trained = module.weight.detach().clone()
    with average.shown():
        torch.testing.assert_close(module.weight.detach(), expected)
    assert torch.equal(module.weight, trained)
    average.keep()
    torch.testing.assert_close(module.weight.detach(), expected)


def test_the_averaged_weights_are_validated_shown_and_kept() -> None:
    """The raw weights go on as without averaging; what is seen of them is the average."""
    shown: list[Tensor] = []
    config = settings("training.averaging={kind: ema, decay: 0.99, warmup: 100}")
    networks = networks_of(config)
    weight = next(networks.parameters())
    store = MemoryStore(features())
    history = Trainer(networks, config, Team(0, 1), torch.device("cpu")).fit(
        SET,
        store,
        held_out=(IMAGES, store),
        on_epoch=lambda _: shown.append(weight.detach().clone()),
    )
    raw, plain = fit(settings())
    assert torch.equal(shown[-1], weight)
    assert not same(networks, raw)
    assert [r.loss for r in history] == [r.loss for r in plain]
    assert [r.validation_loss for r in history] != [r.validation_loss for r in plain]


def test_easy_tokens_pull_less_and_no_value_changes() -> None:
    values = torch.tensor([[4.0, 1.0, 3.0, 2.0], [10.0, 30.0, 20.0, 40.0]])
    score = values.clone().requires_grad_()
    loose = loosen(score, 0.5, 0.1)
    torch.testing.assert_close(loose, values)
    loose.sum().backward()
    assert score.grad is not None
    expected = torch.tensor([[1.0, 0.1, 1.0, 0.1], [0.1, 1.0, 0.1, 1.0]])
    torch.testing.assert_close(score.grad, expected)
    assert loosen(score, 0.2, 0.1) is score
    assert [grown(step, 10, 0.4) for step in range(6)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert grown(0, 10, 0.0) == 1.0


def test_the_terms_of_the_loss_are_weighted() -> None:
    draws = torch.Generator().manual_seed(0)
    output, target = torch.randn(2, 2, 5, 7, generator=draws)
    squared, cosine = token_score(output, target, 1.0, 0.0), token_score(output, target, 0.0, 1.0)
    torch.testing.assert_close(squared, (output - target).square().mean(-1))
    torch.testing.assert_close(token_score(output, target, 3.0, 0.5), 3.0 * squared + 0.5 * cosine)
    torch.testing.assert_close(token_score(output, target), squared + cosine)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.optimizer.kind=sgd", "training.optimizer.kind"),
        ("training.schedule.warmup=1.5", "training.schedule.warmup"),
        ("training.clip_norm=0", "training.clip_norm"),
        ("training.averaging.decay=1.0", "training.averaging.decay"),
        ("training.loss={squared: 0, cosine: 0}", "nothing would be learned"),
        ("training.jitter.dropout=1.0", "training.jitter.dropout"),
        ("model={bank: 4, attention: cross}", "bank goes with attention=reference"),
    ],
)
def test_what_makes_no_sense_is_refused(override: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        settings(override)
