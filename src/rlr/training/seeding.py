"""Seeds that are derived, not drawn: every random number of a training has an address.

A generator's state would have to be saved, and would depend on how images fall into batches and
on processes. An address, such as (seed, "jitter", epoch, image hash), depends on neither.
"""

import hashlib

import torch


def derive_seed(*address: int | str) -> int:
    """Return a 63-bit seed for an address."""
    text = "\0".join(str(part) for part in address)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*address: int | str) -> torch.Generator:
    """Return a generator on the CPU, seeded for an address."""
    return torch.Generator().manual_seed(derive_seed(*address))
