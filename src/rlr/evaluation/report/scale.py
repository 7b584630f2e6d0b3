"""The colour scale of all heat maps, as a drawing."""

import numpy as np
from markupsafe import Markup

from rlr.detection.heatmap import colours
from rlr.foundation.page import page_environment

END = 2.0  # in thresholds
STOPS = 33


def render_scale() -> Markup:
    """Return the colour scale as SVG: what each colour of a heat map means, in thresholds."""
    ratios = np.linspace(0.0, END, STOPS)
    colour, opacity = colours(ratios)
    stops = [
        (f"{100 * ratio / END:.1f}%", f"rgb({r:.0f} {g:.0f} {b:.0f})", round(float(alpha), 3))
        for ratio, (r, g, b), alpha in zip(ratios, colour, opacity, strict=True)
    ]
    template = page_environment("rlr.evaluation.report").get_template("scale.html")
    return Markup(template.render(stops=stops))  # noqa: S704 - our own escaping template
