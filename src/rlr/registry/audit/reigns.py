"""Who was really champion: the trail read as champions on top of each other.

A promotion puts its version on top; a rollback takes away what lies above its target. So two
rollbacks go two steps back, and never to and fro between two versions.
"""

from collections.abc import Iterable

from rlr.registry.audit.entry import Action, Intent

Reigns = tuple[str, ...]


def reigns(intents: Iterable[Intent]) -> Reigns:
    """Return the champions that lie on top of each other, today's last.

    Where nothing is champion now, the last one that was stands on top.

    Args:
        intents: All intents, in their order.
    """
    stack: Reigns = ()
    for intent in intents:
        stack = advance(stack, intent.action, intent.after.champion)
    return stack


def advance(stack: Reigns, action: Action, champion: str | None) -> Reigns:
    """Return the reigns once a version has become champion.

    Args:
        stack: The reigns so far.
        action: How it became champion.
        champion: The version; None: there is no champion any more.

    Example:
        >>> advance(("1", "2", "3"), "rollback", "2"), advance(("1", "2", "3"), "promote", "2")
        (('1', '2'), ('1', '3', '2'))
    """
    if champion is None:
        return stack
    if action != "promote" and champion in stack:
        return stack[: stack.index(champion) + 1]
    return (*(version for version in stack if version != champion), champion)


def below(stack: Reigns, champion: str | None) -> str | None:
    """Return where a rollback goes to.

    Args:
        stack: The reigns.
        champion: Today's champion; None: there is none, and the last one that was comes back.

    Example:
        >>> below(("1", "2", "4"), "4"), below(("1", "2", "4"), None), below(("1",), "1")
        ('2', '4', None)
    """
    others = stack if champion is None or champion not in stack else stack[: stack.index(champion)]
    return others[-1] if others else None


def champions(intents: Iterable[Intent]) -> Reigns:
    """Return every version that was ever champion, each once, the first one first."""
    return tuple(dict.fromkeys(i.after.champion for i in intents if i.after.champion))
