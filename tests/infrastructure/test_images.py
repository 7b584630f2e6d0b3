"""What is in the images, and what building them again costs."""

import json
import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fixtures.containers import CA_MARK, INDEX_MARK, Docker
from fixtures.layers import Entry, walk

from rlr.foundation.errors import UserError
from rlr.infrastructure.images.listing import list_images
from rlr.infrastructure.images.names import ROLES
from rlr.infrastructure.images.source import context_files, read_source

pytestmark = pytest.mark.images
Build = Callable[..., dict[str, str]]

EVERYWHERE = ("rlr", "kfp", "kfp.kubernetes", "mlflow", "great_expectations", "dvc.repo", "dvc_s3")
TRAINING = ("torch", "torchvision", "timm", "safetensors")
TMP = "/tmp"  # noqa: S108 - of the container
SCRATCH = f"{TMP}/outputs"
LEFT_OUT = ("pip", "uv", "ensurepip", "hatchling")
PROGRAMS = ("pip", "pip3", "uv", "gcc", "cc", "make", "git")
LOOK_INSIDE = """
import importlib, json, os, shutil, sys
from rlr.foundation.build import current_build
def there(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True
modules, programs = json.loads(sys.argv[1])
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "capabilities": [line for line in open("/proc/self/status") if line.startswith("CapEff")],
    "writable": sorted(
        place
        for place in ("/", "/opt/rlr", "/cache", "/tmp", os.getcwd(), os.environ["HOME"])
        if os.access(place, os.W_OK)
    ),
    "modules": [name for name in modules if there(name)],
    "programs": [name for name in programs if shutil.which(name)],
    "build": current_build().as_dict(),
}))
"""


@pytest.fixture(scope="module")
def inside(docker: Docker, images: dict[str, str]) -> dict[str, dict]:
    """Return what each image says when it is looked into as a cluster would run it."""
    question = json.dumps(((*EVERYWHERE, *TRAINING, *LEFT_OUT), (*PROGRAMS, "rlr", "python3")))
    answers = {}
    for role, image in images.items():
        done = docker.run(image, "python3", "-W", "ignore", "-c", LOOK_INSIDE, question)
        assert done.returncode == 0, done.stderr
        answers[role] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_each_role_imports_its_own_and_no_more(inside: dict[str, dict]) -> None:
    assert inside["pipeline"]["modules"] == [*EVERYWHERE]
    assert inside["train"]["modules"] == [*EVERYWHERE, *TRAINING]


@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_builds_is_left(role: str, inside: dict[str, dict]) -> None:
    assert inside[role]["programs"] == ["rlr", "python3"]


@pytest.mark.parametrize("role", ROLES)
def test_it_runs_without_rights_on_a_root_that_is_read_only(
    role: str, inside: dict[str, dict]
) -> None:
    assert inside[role]["user"] == [10001, 10001]
    assert inside[role]["capabilities"] == ["CapEff:\t0000000000000000\n"]
    assert inside[role]["writable"] == [TMP] * 3  # itself, the home, the workplace


@pytest.mark.parametrize("role", ROLES)
def test_the_doctor_finds_it_healthy(role: str, docker: Docker, images: dict[str, str]) -> None:
    done = docker.run(images[role], "rlr", "doctor", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    found = {check["name"]: check["status"] for check in document["checks"]}
    assert document["healthy"]
    assert found["role pipeline"] == found["role data"] == found["role registry"] == "ok"
    assert found["role train"] == ("ok" if role == "train" else "warn")


def test_a_component_runs_through_the_executor_of_kubeflow(
    docker: Docker, images: dict[str, str]
) -> None:
    """The container's command, as the compiler writes it, finds what it needs in the image."""
    component = "def say(word: str) -> str:\n    return word + '!'\n"
    task = {
        "inputs": {"parameterValues": {"word": "here"}},
        "outputs": {
            "parameters": {"Output": {"outputFile": f"{SCRATCH}/word"}},
            "outputFile": f"{SCRATCH}/executor.json",
        },
    }
    script = (
        'printf "%s" "$1" >"$TMPDIR/component.py" && python3 -m kfp.dsl.executor_main '
        '--component_module_path "$TMPDIR/component.py" --executor_input "$2" '
        f"--function_to_execute say && cat {SCRATCH}/executor.json"
    )
    header = "from kfp import dsl\nfrom kfp.dsl import *\n"
    done = docker.run(
        images["pipeline"], "sh", "-ec", script, "sh", header + component, json.dumps(task)
    )
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout[done.stdout.rindex('{"parameterValues"') :])
    assert written["parameterValues"] == {"Output": "here!"}


@pytest.mark.parametrize("role", ROLES)
def test_labels_and_listing_say_what_is_in_it(
    role: str, docker: Docker, images: dict[str, str], inside: dict[str, dict], repository: Path
) -> None:
    source = read_source(repository)
    (facts,) = json.loads(docker("image", "inspect", images[role]).stdout)
    labels = facts["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == source.version
    assert labels["org.opencontainers.image.revision"] == source.commit
    assert labels["dev.rlr.lock.sha256"] == source.lock_sha256
    assert labels["dev.rlr.role"] == role
    assert facts["Config"]["User"] == "10001:10001"
    assert facts["Config"]["Healthcheck"] == {"Test": ["NONE"]}

    baked = inside[role]["build"]
    assert baked["commit"] == source.commit.removesuffix("-dirty")
    assert baked["dirty"] is (None if source.commit == "unknown" else "-dirty" in source.commit)
    assert baked["lock_sha256"] == source.lock_sha256

    (listed,) = (one for one in list_images(repository) if one.reference == images[role])
    assert (listed.id, listed.size, listed.role) == (facts["Id"], facts["Size"], role)
    assert listed.current is True
    assert listed.digest is None


def test_train_shares_the_layers_of_pipeline(docker: Docker, images: dict[str, str]) -> None:
    light, heavy = layers(docker, images["pipeline"]), layers(docker, images["train"])
    assert heavy[: len(light) - 1] == light[:-1]  # all but the package itself


@pytest.fixture(scope="module")
def entries(docker: Docker, images: dict[str, str], repository: Path) -> list[Entry]:
    """Return every file of every layer, with what it should not hold."""
    return list(walk(docker.client, [*images.values()], needles(repository)))


def needles(repository: Path) -> list[bytes]:
    """Return what may stand in no layer."""
    words = [CA_MARK, INDEX_MARK, str(repository), *index_hosts()]
    home = pwd.getpwuid(os.getuid()).pw_dir
    if home != "/root":  # which every system has
        words.append(home)
    return [word.encode() for word in words] + [b"AKIA"]


def index_hosts() -> set[str]:
    """Return the hosts of package indexes that this machine's own settings name."""
    said = [value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))]
    if shutil.which("pip"):
        words = ["pip", "config", "list"]
        said.append(subprocess.run(words, capture_output=True, text=True, check=False).stdout)
    addresses = re.findall(r"https?://[^\s'\"]+", " ".join(said))
    hosts = {urlsplit(address).hostname or "" for address in addresses}
    return hosts - {"", "pypi.org", "files.pythonhosted.org"}


def test_no_secret_and_no_path_of_this_machine_is_in_a_layer(entries: list[Entry]) -> None:
    assert len(entries) > 10_000
    assert [entry for entry in entries if set(entry.found) - {b"AKIA"}] == []


def test_no_access_key_is_in_a_layer(
    entries: list[Entry], docker: Docker, images: dict[str, str]
) -> None:
    """What begins like a key of AWS is looked at again: examples in documentation are none."""
    suspects = sorted({entry.name for entry in entries if b"AKIA" in entry.found})
    script = (
        "import re, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for key in re.findall(rb'(?<![A-Za-z0-9/+])AKIA[A-Z0-9]{16}(?![A-Za-z0-9/+=])',"
        " open('/' + name, 'rb').read()):\n"
        "        if b'EXAMPLE' not in key: print(name, key)\n"
    )
    done = docker.run(images["train"], "python3", "-c", script, *suspects)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_no_cache_and_no_build_tool_is_in_a_layer_of_ours(entries: list[Entry]) -> None:
    unwanted = re.compile(
        r"(^|/)(\.cache|\.cargo|__MACOSX)/"
        r"|^(root|home|build|tmp|var/cache|var/lib/apt/lists)/."
        r"|/bin/(uv|pip3?|gcc|cc|hatchling)$"
        r"|/site-packages/(pip|uv|hatchling)/"
        r"|\.whl$"
    )
    # A layer of ours touches the environment; what the base brings is the base's.
    layers_of_ours = {entry.layer for entry in entries if entry.name.startswith("opt/rlr/")}
    ours = [entry.name for entry in entries if entry.layer in layers_of_ours]
    assert len(layers_of_ours) >= 4
    assert [name for name in ours if unwanted.search(name)] == []


def layers(docker: Docker, image: str) -> list[str]:
    words = ("image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
    return list(json.loads(docker(*words).stdout))


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """Return a copy of what a build sees, to be changed."""
    for file in [*context_files(repository), repository / "infra/docker/Dockerfile.dockerignore"]:
        target = tmp_path / file.relative_to(repository)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    return tmp_path


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


@pytest.mark.parametrize("role", ROLES)
def test_a_change_of_code_installs_no_dependency_anew(
    role: str, checkout: Path, docker: Docker, images: dict[str, str], build: Build
) -> None:
    change(checkout / "src/rlr/__init__.py", '__version__ = "', '__version__ = "7.')
    change(checkout / "pyproject.toml", "line-length = 100", "line-length = 99")
    change(checkout / "requirements.lock", "ruff==", "# a line that is none of ours\nruff==")
    start = time.monotonic()
    changed = build(checkout, role)[role]
    assert time.monotonic() - start < 60
    before, after = layers(docker, images[role]), layers(docker, changed)
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]
    assert docker.run(changed, "rlr", "--version").stdout.startswith("rlr 7.")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"numpy>=2.2"', '"numpy>=99"', "numpy"),
        ('"numpy>=2.2"', '"numpy>=2.2", "cowsay"', "the lock has no cowsay"),
    ],
)
def test_a_lock_that_disagrees_is_refused(
    before: str, after: str, words: str, checkout: Path, images: dict[str, str], build: Build
) -> None:
    change(checkout / "pyproject.toml", before, after)
    with pytest.raises(UserError, match=r"requirements\.lock and pyproject\.toml disagree") as told:
        build(checkout, "pipeline")
    assert words in str(told.value)
    assert "run `make lock`" in str(told.value)


def packages(docker: Docker, image: str) -> str:
    return docker.run(image, "cat", "/var/lib/dpkg/status").stdout


def test_the_base_image_is_the_same_when_it_is_made_again(
    docker: Docker, base_image: str | None, repository: Path
) -> None:
    if base_image is None or not base_image.startswith("rlr-base:"):
        pytest.skip("docker: the base image is not one of ours")
    environment = os.environ | {"DOCKER": docker.client, "SOURCE_DATE_EPOCH": "1750000000"}
    script = repository / "infra/docker/base-image.sh"
    subprocess.run([str(script), "rlr-base:again"], env=environment, check=True)
    if packages(docker, "rlr-base:again") == packages(docker, base_image):
        assert layers(docker, "rlr-base:again") == layers(docker, base_image)
    else:  # Debian has brought others since
        assert layers(docker, "rlr-base:again") != layers(docker, base_image)
