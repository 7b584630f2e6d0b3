"""What a failed build means, in one sentence."""

import re
from collections.abc import Callable, Sequence

from rlr.foundation.errors import MachineError, RlrError, UserError
from rlr.infrastructure.images.source import DOCKERFILE

OFFLINE = f"{DOCKERFILE.with_name('base-image.sh')} makes one without a registry"

# The first that is found decides; what an output line says is in the group `what`.
MEANINGS: tuple[tuple[str, Callable[[str], RlrError]], ...] = (
    (
        r"(?i)(?P<what>no space left on device)",
        lambda _what: MachineError(
            "The disk of the Docker daemon is full; free some space (`docker image prune` removes "
            "images without a name, `docker builder prune` old layers) and run again."
        ),
    ),
    (r"(?P<what>requirements\.lock and pyproject\.toml disagree: .*)", UserError),
    (
        r"(?P<what>failed to parse stage name .*?)(?:: invalid|$)",
        lambda what: UserError(
            f"The base image's name is none ({what}); give --base-image a reference, as in "
            "python:3.11.15-slim-bookworm."
        ),
    ),
    (
        r"invalid argument (?P<what>\".*?\") for \"-t, --tag\" flag",
        lambda what: UserError(f"{what} is no name of an image; correct --prefix and --tag."),
    ),
    (
        r"(?:certificate verify failed|invalid peer certificate|SSLCertVerification)(?P<what>)",
        lambda _what: MachineError(
            "The package index shows a certificate that the build does not trust; name the "
            "network's own bundle with --ca-bundle."
        ),
    ),
    (
        r"(?P<what>dns error|failed to lookup address|name resolution|Connection refused"
        r"|error sending request|Network is unreachable|operation timed out)",
        lambda what: MachineError(
            f"The package index is not reached from inside of the build ({what}); try --network "
            "host, or set PIP_INDEX_URL to an index that is there."
        ),
    ),
    (
        r"(?P<what>failed to create endpoint) \S+ on network bridge",
        lambda _what: MachineError(
            "The Docker daemon cannot put a build's step into its own network; try --network host, "
            "or look after its bridge."
        ),
    ),
    (
        r"(?P<what>network\.host is not allowed)",
        lambda _what: MachineError(
            "The Docker daemon does not let builds use the machine's network; leave --network out."
        ),
    ),
)
BASE = re.compile(
    r"^#(?P<number>\d+) \[internal\] load metadata for (?P<reference>\S+)$", re.MULTILINE
)
# What a step ran stands in brackets in front of the reason; who wrote it knows.
ERROR = re.compile(
    r"^#(?P<number>\d+) ERROR: (?:.*?\[/bin/sh .*\]: )?(?P<reason>.*)$", re.MULTILINE
)
NOISE = re.compile(r"^#\d+ (?:\d+\.\d+ )?")
TAIL = 15  # lines


def explain(lines: Sequence[str], name: str) -> RlrError:
    """Return the error that a failed build is.

    Args:
        lines: All that BuildKit has said.
        name: Reference of the image.
    """
    text = "\n".join(lines)
    base = _missing_base(text)
    if base:
        return base
    for pattern, meaning in MEANINGS:
        found = re.search(pattern, text)
        if found:
            return meaning(found["what"])
    return MachineError(f"{name} was not built: {last_words(lines)}; the lines above say more.")


def is_explained(error: RlrError) -> bool:
    """Tell whether an error says all there is to say, so that nobody needs the build's lines."""
    return "the lines above" not in str(error)


def last_words(lines: Sequence[str]) -> str:
    """Return what the step that failed has said last, else the reason why it failed."""
    text = "\n".join(lines)
    failed = ERROR.search(text)
    if failed:
        said = re.findall(rf"^#{failed['number']} \d+\.\d+ (.*\S)", text, re.MULTILINE)
        return (said[-1].strip() if said else failed["reason"]).rstrip(".")
    rest = [line.strip() for line in lines if line.strip()]
    return rest[-1].rstrip(".") if rest else "the client said nothing"


def tail(lines: Sequence[str]) -> list[str]:
    """Return the last lines, without BuildKit's numbers."""
    return [NOISE.sub("", line) for line in lines[-TAIL:]]


def _missing_base(text: str) -> RlrError | None:
    for step in BASE.finditer(text):
        error = re.search(rf"^#{step['number']} ERROR: (.*)$", text, re.MULTILINE)
        if error:
            return _no_base(step["reference"], error[1])
    return None


def _no_base(reference: str, reason: str) -> RlrError:
    return MachineError(
        f"The base image {reference.removeprefix('docker.io/library/')} cannot be had "
        f"({reason.strip().rstrip('.')}); name one that is there with --base-image; {OFFLINE}."
    )
