"""Random draws that depend on their key alone: on no order, no worker and no library version."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rlr.data.synthetic.fixed import ONE, TURN, Plane

Item = TypeVar("Item")
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Draw:
    """A stream of random numbers, named by words.

    The stream is splitmix64 over a counter, started at the sha256 of its name. Streams of
    different names are independent, so that a new draw in one place moves no other.

    Example:
        >>> Draw("picture", 7).integer(0, 9) == Draw("picture", 7).integer(0, 9)
        True
    """

    def __init__(self, *words: str | int) -> None:
        self._name = "/".join(str(word) for word in words)
        start = hashlib.sha256(self._name.encode()).digest()[:8]
        self._start = np.uint64(int.from_bytes(start, "little"))
        self._count = 0

    def child(self, *words: str | int) -> "Draw":
        """Return the stream of that name below this one."""
        return Draw(self._name, *words)

    def words(self, count: int) -> NDArray[np.uint64]:
        """Return `count` words of 64 random bits."""
        counter = np.arange(self._count + 1, self._count + 1 + count, dtype=np.uint64)
        self._count += count
        z = counter * _GOLDEN + self._start
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    def shares(self, *shape: int) -> Plane:
        """Return even draws from [-ONE, ONE), four from each word."""
        count = int(np.prod(shape))
        quarters = self.words(-(-count // 4)).astype("<u8").view("<u2")[:count]
        return ((quarters.astype(np.int32) >> 3) - ONE).reshape(shape)

    def integer(self, low: int, high: int) -> int:
        """Return an even draw from low, ..., high."""
        return low + int(self.words(1)[0]) % (high - low + 1)

    def angle(self) -> int:
        """Return any direction."""
        return self.integer(0, TURN - 1)

    def chance(self, share: int) -> bool:
        """Return true in `share` of ONE cases."""
        return self.integer(0, ONE - 1) < share

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of `items`."""
        return items[self.integer(0, len(items) - 1)]
