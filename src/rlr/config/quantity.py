"""Kubernetes' way to write a number of bytes."""

UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def bytes_of(quantity: str) -> int:
    """Return the bytes of a quantity with a binary unit.

    Example:
        >>> bytes_of("2Gi")
        2147483648
    """
    return int(quantity[:-2]) * UNITS[quantity[-2:]]
