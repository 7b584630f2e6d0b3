"""Pages: escaped, complete by themselves, and with what must be read first in the first place."""

import re

import pytest
from jinja2 import UndefinedError

from rlr.foundation.build import Build
from rlr.foundation.page import Notice, describe_build, page_environment, render_page


def test_plain_text_is_escaped_and_the_body_is_not() -> None:
    page = render_page("<T>", "<p>body</p>", eyebrow="<E>", lead="<L>", notices=[Notice("<N>")])
    assert "<p>body</p>" in page
    for letter in "TELN":
        assert f"&lt;{letter}&gt;" in page
        assert f"<{letter}>" not in page


def test_notices_come_first_and_in_order() -> None:
    notices = [Notice("first", "critical"), Notice("second")]
    page = render_page("title", "body", lead="lead", notices=notices)
    body = page[page.index("<body>") :]
    places = [body.index(text) for text in ("first", "second", "title", "lead")]
    assert places == sorted(places)
    assert '<p class="notice critical" role="note">first</p>' in body


def test_nothing_outside_is_referred_to() -> None:
    page = render_page("title", "body", style=".own { color: red; }")
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link", page)
    assert ".own { color: red; }" in page[: page.index("</style>")]


def test_a_missing_name_in_a_template_is_an_error() -> None:
    template = page_environment("rlr.foundation").get_template("page.html")
    with pytest.raises(UndefinedError):
        template.render(title="title")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (Build("1.2", "a" * 40, False, "", ""), f"rlr 1.2, commit {'a' * 12}"),
        (Build("1.2", "unknown", None, "", ""), "rlr 1.2, commit unknown"),
    ],
)
def test_a_build_in_words(build: Build, words: str) -> None:
    assert describe_build(build) == words
