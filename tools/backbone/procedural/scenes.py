"""Training images in batches: canvases cut, joined into objects, flawed, lit, and photographed."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from procedural.camera import photograph, soften


@dataclass(frozen=True)
class Scenes:
    """A batch, and what is true at each pixel.

    Attributes:
        images: (B, 3, S, S), 0 to 1, as the camera sees them.
        twins: (B, 3, S, S), the same scenes without their flaws, as another camera sees them.
        clean: (B, 3, S, S), the same before light, blur and noise.
        owner: (B, S, S), class of each pixel.
        flaw: (B, S, S), share of a flaw, 0 to 1.
    """

    images: Tensor
    twins: Tensor
    clean: Tensor
    owner: Tensor
    flaw: Tensor


def compose(
    pool: Tensor, labels: Tensor, count: int, side: int, rng: torch.Generator, light: float
) -> Scenes:
    """Make a batch from a pool of canvases.

    Args:
        pool: (M, 3, P, P), uint8.
        labels: (M,), class of each canvas.
        count: B.
        side: S.
        rng: All draws.
        light: How much the camera's light and colour vary; 1 is much.
    """
    picks = torch.randint(len(pool), (3, count), generator=rng)
    ground, body, other = (_cut(pool, pick, side, rng) for pick in picks)
    mask = _objects(count, side, rng)  # (B, 1, S, S)
    bevel = _bevel(mask, rng)
    clean = (ground * (1 - mask) + body * mask) * bevel
    owners = labels[picks][:, :, None, None]  # (3, B, 1, 1)
    owner = torch.where(mask[:, 0] > 0.5, owners[1], owners[0])
    sound = clean.clamp(0, 1)
    clean, flaw = _flaws(sound, other, rng)
    clean = clean.clamp(0, 1)
    images, twins = (photograph(scene, rng, light) for scene in (clean, sound))
    return Scenes(images, twins, clean, owner, flaw[:, 0])


def _uniform(rng: torch.Generator, count: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    return low + (high - low) * torch.rand(count, 1, 1, 1, generator=rng)


def _cut(pool: Tensor, pick: Tensor, side: int, rng: torch.Generator) -> Tensor:
    """Cut a turned, scaled, mirrored piece out of each canvas picked: (B, 3, S, S), 0 to 1."""
    count, edge = len(pick), pool.shape[-1]
    scale = torch.exp(0.35 * (torch.rand(count, generator=rng) * 2 - 1)) * side / edge
    turn = 0.35 * (torch.rand(count, generator=rng) * 2 - 1)
    flip = (torch.rand(count, generator=rng) < 0.5) * 2.0 - 1
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = scale * turn.cos() * flip, -scale * turn.sin()
    theta[:, 1, 0], theta[:, 1, 1] = scale * turn.sin() * flip, scale * turn.cos()
    room = (1 - 1.15 * scale)[:, None].clamp(min=0)
    theta[:, :, 2] = (torch.rand(count, 2, generator=rng) * 2 - 1) * room
    where = F.affine_grid(theta, [count, 3, side, side], align_corners=False)
    pieces: Tensor = F.grid_sample(
        pool[pick].float(), where, padding_mode="reflection", align_corners=False
    )
    return pieces / 255


def _plane(side: int) -> tuple[Tensor, Tensor]:
    line = torch.linspace(-1, 1, side)
    return line[None, None, None, :], line[None, None, :, None]


def _noise(count: int, cells: int, side: int, rng: torch.Generator) -> Tensor:
    draws = torch.randn(count, 1, cells, cells, generator=rng)
    return F.interpolate(draws, (side, side), mode="bicubic", align_corners=False)


def _turned(count: int, side: int, rng: torch.Generator, reach: float) -> tuple[Tensor, Tensor]:
    """Return coordinates about a random point, turned."""
    x, y = _plane(side)
    dx, dy = x - _uniform(rng, count, -reach, reach), y - _uniform(rng, count, -reach, reach)
    turn = _uniform(rng, count, 0, 3.14159)
    return dx * turn.cos() + dy * turn.sin(), dy * turn.cos() - dx * turn.sin()


def _objects(count: int, side: int, rng: torch.Generator) -> Tensor:
    """Draw where a second material lies: half planes, bodies, bars, blobs, or nowhere."""
    x, y = _turned(count, side, rng, 0.6)
    wide, high = _uniform(rng, count, 0.25, 0.8), _uniform(rng, count, 0.25, 0.8)
    power = torch.exp(_uniform(rng, count, 0.2, 2.0))  # from a diamond to a box
    body = 1 - ((x / wide).abs() ** power + (y / high).abs() ** power)
    blob = _noise(count, 4, side, rng) + 0.2
    bar = _uniform(rng, count, 0.05, 0.35) - x.abs()
    field = torch.stack([-torch.ones_like(body), x, body * 0.4, body * 0.4, bar, blob * 0.4])
    kind = torch.randint(len(field), (count,), generator=rng)
    picked = field[kind, torch.arange(count)]
    return torch.sigmoid(picked * side * _uniform(rng, count, 0.3, 2.0))


def _bevel(mask: Tensor, rng: torch.Generator) -> Tensor:
    """Darken and lighten along the borders of objects as if they stood out: a factor."""
    soft = soften(soften(soften(mask)))
    right, down = torch.roll(soft, 2, 3) - soft, torch.roll(soft, 2, 2) - soft
    right[..., :2], down[..., :2, :] = 0, 0
    turn = _uniform(rng, len(mask), 0, 6.28318)
    depth = _uniform(rng, len(mask), 0, 2.0)
    return 1 + depth * (right * turn.cos() + down * turn.sin()) * 1.5


def _flaws(clean: Tensor, other: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put a flaw into two images of three: stains, scratches, swaps, shifts, blurs."""
    count, _, side, _ = clean.shape
    x, y = _turned(count, side, rng, 0.8)
    y = y + 0.25 * _uniform(rng, count, -1, 1) * torch.sin(4 * x + _uniform(rng, count, 0, 6))
    long = torch.exp(_uniform(rng, count, -3.0, -0.7))  # half length, of half the side
    thin = long * torch.exp(-2.2 * _uniform(rng, count) ** 2)
    thin = thin.clamp(min=1.5 / side)
    rough = 0.4 * _noise(count, 12, side, rng)
    inside = 1 + rough - (x / long) ** 2 - (y / thin) ** 2
    flaw = torch.sigmoid(inside * _uniform(rng, count, 2, 8))
    flaw = flaw * (_uniform(rng, count) < 0.67)
    shift = int(torch.randint(3, 9, (1,), generator=rng))
    blurred = soften(soften(clean))
    tint = torch.randn(count, 3, 1, 1, generator=rng) * 0.08 + torch.randn(
        count, 1, 1, 1, generator=rng
    ).sign() * _uniform(rng, count, 0.1, 0.45)
    flat = torch.rand(count, 3, 1, 1, generator=rng).expand_as(clean)
    options = torch.stack(
        [clean + tint, other, torch.roll(clean, (shift, -shift), (2, 3)), blurred, flat]
    )
    kind = torch.multinomial(
        torch.tensor([4.0, 2.0, 2.0, 1.0, 2.0]), count, replacement=True, generator=rng
    )
    alpha = flaw * _uniform(rng, count, 0.5, 1.0)
    return clean * (1 - alpha) + options[kind, torch.arange(count)] * alpha, flaw
