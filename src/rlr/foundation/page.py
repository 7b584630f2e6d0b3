"""One look for every page that is written: self-contained HTML that opens from a disk, offline.

The stylesheet `page.css` names the parts that a page may be made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Literal

from rlr.foundation.build import Build, current_build

if TYPE_CHECKING:
    from jinja2 import Environment

Tone = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class Notice:
    """A sentence that stands above everything else on a page.

    Attributes:
        text: The sentence; plain text.
        tone: How loud it is.
    """

    text: str
    tone: Tone = "warning"


def page_environment(package: str) -> "Environment":
    """Return a jinja2 environment for the templates beside a package's code.

    Values are escaped, and a name that is missing is an error, not an empty string. A template
    that is not there is looked for here, where `parts.html` has what several pages are made of.

    Args:
        package: Dotted name of the package that holds the template files.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folders = [resources.files(name) for name in (package, "rlr.foundation")]

    def load(name: str) -> str | None:
        files = (folder.joinpath(name) for folder in folders)
        found = next((file for file in files if file.is_file()), None)
        return None if found is None else found.read_text(encoding="utf-8")

    return Environment(
        loader=FunctionLoader(load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(
    title: str,
    body: str,
    *,
    eyebrow: str = "",
    lead: str = "",
    notices: Sequence[Notice] = (),
    style: str = "",
) -> str:
    """Render a complete page around a body.

    Args:
        title: Heading and window title; plain text.
        body: Trusted HTML, made of the parts that `page.css` names.
        eyebrow: A few words above the heading; plain text.
        lead: A paragraph below the heading; plain text.
        notices: What must be read first.
        style: Further CSS, for parts that only this page has.

    Returns:
        HTML with the stylesheet inside, and no reference to anything outside.

    Example:
        >>> page = render_page("A page", "<p>Body</p>", notices=[Notice("Read me first.")])
        >>> page.index("Read me first.") < page.index("<h1>A page</h1>")
        True
    """
    from markupsafe import Markup

    environment = page_environment("rlr.foundation")
    build = current_build()
    return environment.get_template("page.html").render(
        title=title,
        eyebrow=eyebrow,
        lead=lead,
        notices=notices,
        body=Markup(body),  # noqa: S704 - trusted: rendered by our own escaping templates
        style=Markup(_stylesheet() + style),  # noqa: S704 - files of this package
        code=describe_build(build),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def describe_build(build: Build) -> str:
    """Return version, commit, and whether the checkout was changed, in a few words.

    Example:
        >>> describe_build(Build("0.1.0", "c0ffee" * 6 + "c0ff", True, "unknown", ""))
        'rlr 0.1.0, commit c0ffeec0ffee, with uncommitted changes'
    """
    commit = "commit unknown" if build.commit == "unknown" else f"commit {build.commit[:12]}"
    changed = ", with uncommitted changes" if build.dirty else ""
    return f"rlr {build.version}, {commit}{changed}"


def _stylesheet() -> str:
    return resources.files("rlr.foundation").joinpath("page.css").read_text(encoding="utf-8")
