"""The two ways in which a command may fail, and the exit status of each."""


class RlrError(Exception):
    """A failure that is told in one sentence, without a traceback."""

    exit_status = 1


class UserError(RlrError):
    """What the user gave is wrong: the sentence says what, where, and what to do."""

    exit_status = 2


class MachineError(RlrError):
    """The machine or a service failed: a full disk, a server that is away."""

    exit_status = 1


def first_line(error: Exception) -> str:
    """Return what an error says in one line; its kind, where it says nothing.

    Example:
        >>> first_line(ValueError("no such key\\nat line 3")), first_line(ValueError())
        ('no such key', 'ValueError')
    """
    return next(iter(str(error).splitlines()), type(error).__name__)
