"""Cron expressions as Kubeflow's scheduler reads them: six fields, seconds first.

Its parser is that of robfig/cron 1.2. Sunday is 0 and there is no 7, a range does not run
backwards, and a day must fit both day fields where one of them begins with a star, else one of the
two.
"""

import re
from dataclasses import dataclass

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of a month, in a leap year
STARS = ("*", "?")
PART = re.compile(r"([*?]|\w+)(?:-(\w+))?(?:/(\d+))?", re.ASCII)
COUNTS = {4: "four", 5: "five", 7: "seven"}


@dataclass(frozen=True)
class _Unit:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def number(self, word: str) -> int:
        """Return the number that a word of an expression means.

        Raises:
            ValueError: It means none.
        """
        if word.lower() in self.names:
            return self.lowest + self.names.index(word.lower())
        if not word.isdecimal() or not self.lowest <= int(word) <= self.highest:
            names = f" (or {self.names[0]} to {self.names[-1]})" if self.names else ""
            raise ValueError(
                f"'{word}' is no {self.name}; they go from {self.lowest} to {self.highest}{names}"
            )
        return int(word)


UNITS = (
    _Unit("second", 0, 59),
    _Unit("minute", 0, 59),
    _Unit("hour", 0, 23),
    _Unit("day of the month", 1, 31),
    _Unit("month", 1, 12, MONTHS),
    _Unit("weekday", 0, 6, WEEKDAYS),
)
DAY, MONTH, WEEKDAY = 3, 4, 5


@dataclass(frozen=True)
class Cron:
    """A cron expression that was understood.

    Attributes:
        fields: What each of the six fields permits, in the order of the expression.
        either_day: Whether a day needs to fit one of the two day fields only.
    """

    fields: tuple[frozenset[int], ...]
    either_day: bool

    def written_out(self) -> str:
        """Return the expression as lists of numbers, a star where all are meant.

        Example:
            >>> parse_cron("0 */30 3 * jan-mar ?").written_out()
            '0 0,30 3 * 1,2,3 *'
        """
        every = [self._is_full(position) for position in range(len(UNITS))]
        if self.either_day and (every[DAY] or every[WEEKDAY]):
            every[DAY] = every[WEEKDAY] = True  # one of the two always fits
        lists = (",".join(str(number) for number in sorted(field)) for field in self.fields)
        return " ".join("*" if full else text for full, text in zip(every, lists, strict=True))

    def _is_full(self, position: int) -> bool:
        unit = UNITS[position]
        return len(self.fields[position]) == unit.highest - unit.lowest + 1

    def never_comes(self) -> bool:
        """Return whether no date fits: the 31st of February."""
        if self.either_day:
            return False
        return all(min(self.fields[DAY]) > LONGEST[month - 1] for month in self.fields[MONTH])


def parse_cron(expression: str) -> Cron:
    """Return what an expression means.

    Args:
        expression: Six fields: second, minute, hour, day of the month, month, weekday.

    Raises:
        ValueError: It is not understood, or never comes; the words say why.

    Example:
        >>> sorted(parse_cron("0 0 3 * * mon-fri").fields[5])
        [1, 2, 3, 4, 5]
    """
    words = expression.split()
    if expression.startswith("@"):
        raise ValueError("write six fields, or an interval, in the place of a word with @")
    if len(words) == len(UNITS) - 1:
        raise ValueError(
            f"there are five fields, where Kubeflow has six, seconds first: write "
            f"'0 {' '.join(words)}'"
        )
    if len(words) != len(UNITS):
        raise ValueError(
            "there must be six fields (second, minute, hour, day of the month, month, weekday), "
            f"not {COUNTS.get(len(words), len(words))}"
        )
    fields = tuple(_field(word, unit) for word, unit in zip(words, UNITS, strict=True))
    starred = any(
        part[0] in STARS for word in (words[DAY], words[WEEKDAY]) for part in _parts(word)
    )
    cron = Cron(fields, either_day=not starred)
    if cron.never_comes():
        raise ValueError("no year has such a day, so it never comes; correct day or month")
    return cron


def _parts(word: str) -> list[str]:
    return word.split(",")


def _field(word: str, unit: _Unit) -> frozenset[int]:
    return frozenset(number for part in _parts(word) for number in _numbers(part, unit))


def _numbers(part: str, unit: _Unit) -> range:
    found = PART.fullmatch(part)
    if not found:
        raise ValueError(f"'{part}' is not understood as a {unit.name}")
    first, last, step = found.groups()
    if first in STARS:
        if last:
            raise ValueError(f"'{part}' is not understood as a {unit.name}")
        low, high = unit.lowest, unit.highest
    else:
        low = unit.number(first)
        # N/STEP goes on to the end, as N-END/STEP does.
        alone = unit.highest if step else low
        high = unit.number(last) if last else alone
    if low > high:
        raise ValueError(f"the range '{part}' of the {unit.name} runs backwards; write two ranges")
    if step == "0" or (step and int(step) == 0):
        raise ValueError(f"'{part}' has steps of 0; write 1 or more")
    return range(low, high + 1, int(step or 1))
