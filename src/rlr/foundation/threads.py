"""How the threads of one computation wait for each other."""

from collections.abc import Mapping

SPINS = "GOMP_SPINCOUNT"
CHOICES = (SPINS, "OMP_WAIT_POLICY")  # either says that the user has chosen
# A thread that has done its part looks so often whether the others have, and then sleeps. Left to
# itself GNU's OpenMP, which torch computes with, looks 300,000 times: nothing is gained by that on
# idle processors, and on busy ones the processor that the others wait for is what it takes.
BRIEFLY = "2000"


def brief_waits(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep waiting threads off the processors.

    They are read when torch is loaded; they change the time of a computation, and no number.

    Args:
        environment: The environment of the process; what it says about waiting stands.

    Source:
        GNU libgomp manual, "GOMP_SPINCOUNT".

    Example:
        >>> brief_waits({})
        {'GOMP_SPINCOUNT': '2000'}
        >>> brief_waits({"OMP_WAIT_POLICY": "active"})
        {}
    """
    return {} if any(name in environment for name in CHOICES) else {SPINS: BRIEFLY}
