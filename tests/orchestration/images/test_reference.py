"""Names of images, taken apart."""

import pytest

from rlr.foundation.errors import UserError
from rlr.orchestration.images.reference import parse_image

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("rlr:1", None, "rlr", "1", None),
        ("team/rlr:1", "docker.io", "team/rlr", "1", None),
        ("localhost/rlr:1", "localhost", "rlr", "1", None),
        ("hub.example/a/b/rlr:v1.2_x", "hub.example", "a/b/rlr", "v1.2_x", None),
        ("hub:5000/rlr:1", "hub:5000", "rlr", "1", None),
        (f"hub:5000/rlr@{DIGEST}", "hub:5000", "rlr", None, DIGEST),
        (f"hub.example/rlr:1@{DIGEST}", "hub.example", "rlr", "1", DIGEST),
        (f"rlr@{DIGEST}", None, "rlr", None, DIGEST),
    ],
)
def test_a_name_has_its_parts(
    text: str, registry: str | None, repository: str, tag: str | None, digest: str | None
) -> None:
    image = parse_image(text)
    assert (image.registry, image.repository) == (registry, repository)
    assert (image.tag, image.digest) == (tag, digest)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rlr", "has neither tag nor digest"),
        ("hub:5000/rlr", "has neither tag nor digest"),
        ("", "is not the name of an image"),
        ("Rlr:1", "is not the name of an image"),
        ("a b:1", "is not the name of an image"),
        ("rlr:-1", "is not the name of an image"),
        ("https://hub.example/rlr:1", "is not the name of an image"),
        ("rlr@sha256:12", "is not sha256: and 64 hex digits"),
        ("rlr:1@md5:00", "is not sha256: and 64 hex digits"),
    ],
)
def test_what_is_no_name_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        parse_image(text)


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        ("127.0.0.1:5000/rlr:1", True),
        ("localhost:5000/rlr:1", True),
        ("localhost/rlr:1", True),
        ("hub.example/rlr:1", False),
        ("localhost.example/rlr:1", False),
        ("128.0.0.1/rlr:1", False),
        ("rlr:1", False),
    ],
)
def test_only_this_machine_is_spoken_to_in_the_clear(text: str, is_local: bool) -> None:
    assert parse_image(text).is_local is is_local
