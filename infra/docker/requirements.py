#!/usr/bin/env python3
"""Print the part of requirements.lock that an image needs: pins and hashes as they stand there.

    requirements.py EXTRA...    the package with these extras, and all that they need in turn
    requirements.py --build     what wheels are built with
    requirements.py --only NAME the entry of one package alone

What pyproject.toml asks for is resolved by uv within the pins of the lock. Where that cannot be,
or leads to a package that the lock does not have, the two disagree and nothing is printed.
It runs inside the build of the image, before anything is installed: standard library alone.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

LOCK = Path("requirements.lock")
PROJECT = Path("pyproject.toml")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)

# Packages that come as source alone name it as what builds them.
SOURCE_BUILDER = "setuptools"


def main(words: list[str]) -> int:
    """Print what the words ask for; return the exit status."""
    try:
        sys.stdout.write(select(words))
    except DisagreementError as error:
        sys.stderr.write(
            f"requirements.lock and pyproject.toml disagree: {error}; run `make lock`.\n"
        )
        return 1
    return 0


class DisagreementError(Exception):
    """What pyproject.toml asks for cannot be had from the lock."""


def select(words: list[str]) -> str:
    """Return the entries of the lock that the words ask for."""
    entries = read_lock()
    if words[:1] == ["--only"]:
        return pick(entries, words[1:])
    return pick(entries, resolve(asked_for(words)))


def read_lock() -> dict[str, str]:
    """Return the entries of the lock by the normal name of their package."""
    entries: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", LOCK.read_text(encoding="utf-8").strip()):
        found = PIN.match(entry)
        if found:
            name = normal(found[1])
            # One package may have a pin for each platform or Python.
            entries[name] = entries.get(name, "") + entry + "\n"
    return entries


def asked_for(words: list[str]) -> list[str]:
    """Return the requirements of the package with some extras, or of a build."""
    document = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    if words == ["--build"]:
        return [*document["build-system"]["requires"], SOURCE_BUILDER]
    project = document["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in words for line in extras[extra])]


def resolve(requirements: list[str]) -> list[str]:
    """Return the names of all packages that the requirements lead to, within the lock's pins."""
    command = ["uv", "pip", "compile", "-", "--constraints", str(LOCK), "--quiet"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--python", sys.executable]
    done = subprocess.run(
        command, input="\n".join(requirements), capture_output=True, text=True, check=False
    )
    if done.returncode:
        if "No solution found" not in done.stderr:
            sys.stderr.write(done.stderr)
            raise SystemExit(1)
        raise DisagreementError(reason(done.stderr))
    return [found[1] for found in PIN.finditer(done.stdout)]


def reason(words: str) -> str:
    """Return uv's explanation as one line."""
    line = " ".join(words.split()).partition("cause: ")[2] or " ".join(words.split())
    return line.partition(" hint: ")[0].rstrip(".")


def pick(entries: dict[str, str], names: list[str]) -> str:
    """Return the entries of some packages, sorted by name."""
    wanted = sorted({normal(name) for name in names})
    absent = [name for name in wanted if name not in entries]
    if absent:
        raise DisagreementError(f"the lock has no {', '.join(absent)}")
    return "".join(entries[name] for name in wanted)


def normal(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
