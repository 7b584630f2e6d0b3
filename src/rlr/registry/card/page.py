"""A card as a page."""

from markupsafe import Markup

from rlr.foundation.page import Notice, page_environment, render_page
from rlr.registry.card.blocks import Card

STYLE = """
.card-facts th { width: 16rem; color: var(--soft); font-weight: 500; }
.card-facts td { overflow-wrap: anywhere; }
.card-facts tbody th, .card-facts tbody td { vertical-align: baseline; }
pre.commands { overflow-x: auto; padding: 1rem; border: 1px solid var(--rule); border-radius: 6px;
  background: var(--raised); font-size: 0.82rem; line-height: 1.5; }
pre.commands span::before { content: "$ "; color: var(--faint); }
.lineage-figure { overflow-x: auto; margin: 1rem 0 1.4rem; }
.lineage-figure svg { min-width: 44rem; max-width: 62rem; }
ul.points { max-width: 46rem; padding-left: 1.2rem; }
ul.points li { margin: 0.35rem 0; }
"""


def to_page(card: Card, picture: Markup) -> str:
    """Render a card.

    Args:
        card: The card.
        picture: The lineage, an SVG element.

    Returns:
        A complete HTML page without any reference to the outside.
    """
    template = page_environment("rlr.registry.card").get_template("card.html")
    body = template.render(card=card, picture=picture)
    return render_page(
        card.title,
        body,
        eyebrow="Model card",
        lead=card.lead,
        notices=[Notice(text) for text in card.warnings],
        style=STYLE,
    )
