"""The terms of the loss: how far the answers are from the facts.

B scenes, s side of a grid, P = B s s places, E numbers of an embedding.
"""

from collections.abc import Callable, Sequence

import torch
from learner import Answers
from procedural.facts import UNKNOWN, Facts
from recipe import Terms
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

SOUND = 0.02  # a place is sound up to this share of a flaw, and changed from CHANGED on
CHANGED = 0.2
RARE = 6.0  # changed places are few: each counts so often
ASKED = 1024  # places that are looked for in the twins, at most
TEMPERATURE = 0.1


def _material(answers: Answers, facts: Facts) -> Tensor:
    known = (facts.material != UNKNOWN).sum()
    total = F.cross_entropy(answers.material, facts.material, ignore_index=UNKNOWN, reduction="sum")
    return total / known.clamp(min=1)


def _flaw(answers: Answers, facts: Facts) -> Tensor:
    return 4 * F.binary_cross_entropy_with_logits(answers.flaw, facts.flaw)


def _local(answers: Answers, facts: Facts) -> Tensor:
    return F.mse_loss(answers.local, facts.local)


def _picture(answers: Answers, facts: Facts) -> Tensor:
    return F.mse_loss(answers.picture, facts.picture)


def _tone(answers: Answers, facts: Facts) -> Tensor:
    return F.mse_loss(answers.tone, facts.tone)


def _place(answers: Answers, facts: Facts) -> Tensor:
    """Find sound places again among those of all twins (InfoNCE, van den Oord et al., 2018)."""
    places, twins = _listed(answers.place), _listed(answers.twin)  # (P, E) each
    sound = torch.arange(len(places))[facts.flaw.flatten() < SOUND]
    sound = sound[:: max(1, len(places) // ASKED)]
    logits = places[sound] @ twins.t() / TEMPERATURE
    return F.cross_entropy(logits, sound, reduction="sum") / max(1, len(sound))


def _change(answers: Answers, facts: Facts) -> Tensor:
    """Tell what a flaw changed from what another camera changed."""
    slope, offset = answers.likeness
    logits = slope * (answers.place * answers.twin).sum(1) + offset  # (B, s, s)
    same = (facts.flaw < SOUND).float()
    weight = torch.where(same > 0, 1.0, RARE * (facts.flaw > CHANGED))
    return F.binary_cross_entropy_with_logits(logits, same, weight)


def _listed(embeddings: Tensor) -> Tensor:
    """Put the places of all scenes in one list: (B, E, s, s) to (P, E)."""
    return embeddings.movedim(1, -1).flatten(0, -2)


QUESTIONS: dict[str, Callable[[Answers, Facts], Tensor]] = {
    "material": _material,
    "flaw": _flaw,
    "local": _local,
    "picture": _picture,
    "tone": _tone,
    "place": _place,
    "change": _change,
}


def losses(answers: Sequence[Answers], facts: Sequence[Facts], weights: Terms) -> dict[str, Tensor]:
    """Return the terms, each summed over the strides, and their weighted sum as `loss`."""
    terms = {
        name: torch.stack([asked(*pair) for pair in zip(answers, facts, strict=True)]).sum()
        for name, asked in QUESTIONS.items()
    }
    weighted = [getattr(weights, name) * term for name, term in terms.items()]
    return terms | {"loss": torch.stack(weighted).sum()}
