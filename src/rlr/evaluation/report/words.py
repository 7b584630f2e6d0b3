"""Figures as text; what is undefined is a dash, never 0 and never NaN."""

from rlr.evaluation.decisions import Share

UNDEFINED = "-"


def decimals(value: float | None, places: int = 3) -> str:
    """Return a metric with a fixed number of decimals.

    Example:
        >>> decimals(0.98765), decimals(None)
        ('0.988', '-')
    """
    return UNDEFINED if value is None else f"{value:.{places}f}"


def percent(value: float | None) -> str:
    """Return a share in per cent.

    Example:
        >>> percent(0.0168), percent(None)
        ('1.7 %', '-')
    """
    return UNDEFINED if value is None else f"{100 * value:.1f} %"


def score(value: float) -> str:
    """Return an image score or a threshold with four significant digits.

    Example:
        >>> score(0.0123456)
        '0.01235'
    """
    return f"{value:.4g}"


def counted(share: Share) -> str:
    """Return a share as it was counted.

    Example:
        >>> counted(Share(2, 40, 0.05, 0.006, 0.17))
        '2 of 40'
    """
    return f"{share.count} of {share.n}" if share.n else UNDEFINED


def interval(share: Share) -> str:
    """Return the interval of a share.

    Example:
        >>> interval(Share(2, 40, 0.05, 0.006, 0.17))
        '0.6 % to 17.0 %'
    """
    return f"{percent(share.low)} to {percent(share.high)}" if share.n else UNDEFINED
