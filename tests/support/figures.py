"""Checks of figures: whether all of their text can be read."""

import warnings
from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from neural_networks.plots import style
from tests.support.arrays import InFolder

HARD_NAMES = [
    "x" * 300,
    "W" * 40,
    r"$\frac{1}$",
    "$5 and $6",
    "$",
    "_hidden",
    "two\nlines",
    "tab\tand\0nothing",
    "",
    "   ",
    "😀 👩‍🚀 " * 9,
    "שלום עולם " * 5,
    "مرحبا " * 12,
    "日本語の名前" * 6,
    "\udc80 half a letter",
    "a name that differs only in its mid 1 dle, which is left out",
    "a name that differs only in its mid 2 dle, which is left out",
    "e\u0301" * 30,
    "100%",
    "\\alpha {",
]
"""Names of classes, features and runs that a picture must stand."""


class FigureTest(InFolder):
    """A test of figures."""

    def drawn(self, draw: Callable[..., object], *arguments: object, **options: object) -> Figure:
        """The figure that a function draws, all of whose text can be read, in few pixels."""
        with style.own_settings():
            warnings.simplefilter("error")
            for message in style.HARMLESS:
                warnings.filterwarnings("ignore", message=message)
            figure = Figure(figsize=style.SIZE, layout="constrained")
            draw(figure, *arguments, **options)
            figure.draw_without_rendering()
        width, height = figure.get_size_inches()
        self.assertLess(max(width, height) * style.DPI, 1.01 * style.MOST_PIXELS)
        for text in texts(figure):
            self.is_readable(figure, text)
        for axes in (axes for axes in figure.axes if not axes.images):
            box = axes.get_window_extent()
            self.assertGreater(min(box.width, box.height), 3, "the axes have collapsed")
        return figure

    def is_readable(self, figure: Figure, text: Text) -> None:
        """Assert that a text lies within the figure, and that no name is read as mathematics."""
        box = text.get_window_extent()
        inside = [box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1]
        self.assertGreater(min(inside), -3, text.get_text())
        content = text.get_text()
        if text.get_parse_math() and "$" in content:
            self.assertRegex(content, r"^\$\\mathdefault\{.*\}\$$")  # a tick of a log axis


def texts(figure: Figure) -> list[Text]:
    """The texts of a figure that can be seen."""
    hidden = set()  # labels of ticks beyond an axis, which are not drawn
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.majorTicks, *axis.minorTicks):
            if not low <= tick.get_loc() <= high:
                hidden |= {tick.label1, tick.label2}
    found = [text for text in figure.findobj(Text) if text not in hidden]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def overlapping(some: list[Text]) -> list[tuple[str, str]]:
    """Pairs of horizontal texts that overlap."""
    boxes = [text.get_window_extent() for text in some]
    pairs = zip(*np.triu_indices(len(some), 1), strict=True)
    return [
        (some[i].get_text(), some[j].get_text()) for i, j in pairs if boxes[i].overlaps(boxes[j])
    ]
