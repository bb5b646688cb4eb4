"""The common style of all figures: settings, colors, axes, texts, saving and showing."""

from __future__ import annotations

import importlib.util
import os
import sys
import textwrap
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.utils.data_processing import normalize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, VALIDATION, INK = "#1f5fa8", "#d9652b", "#3a3a3a"
SIZE = (6.0, 4.0)  # inches; half a page of a write-up
DPI = 150
MOST_PIXELS = 2400  # along a side of a picture
MOST_IMAGE_PIXELS = 128  # along a side of a small image
MOST_LETTERS = 24  # of a name
LETTER = 0.084  # inches, of an average letter in size 10

KEPT = ("backend", "backend_fallback", "figure.dpi", "interactive", "toolbar")
"""The user's settings that are not replaced: those of the screen."""

HARMLESS = (
    "Glyph .* missing from",  # letters that the font lacks are drawn as boxes
    "Matplotlib currently does not support",  # scripts whose letters would have to be joined
    "Data has no positive values",  # an error that is exactly 0, on a logarithmic axis
)

_LOCK = threading.RLock()  # Matplotlib's settings are those of the process


def save(draw: Callable[[Figure], None], path: Path) -> None:
    """Draw a figure into an image file, without a window or any settings of the user.

    Parameters
    ----------
    draw : function
        Draws into the figure that it is given.
    path : Path
        Its suffix is the format. No side of an image has more than ``MOST_PIXELS`` pixels.
    """
    with own_settings():
        from matplotlib.figure import Figure

        figure = Figure(figsize=SIZE, layout="constrained")
        draw(figure)
        figure.savefig(path, dpi=min(DPI, MOST_PIXELS / max(figure.get_size_inches())))


def show(draw: Callable[[Figure], None]) -> None:
    """Draw a figure on the screen, or in the notebook."""
    with own_settings():
        from matplotlib import pyplot

        draw(pyplot.figure(figsize=SIZE, layout="constrained"))
        pyplot.show()


@contextmanager
def own_settings() -> Iterator[None]:
    """A context in which Matplotlib has its own settings, not those of the user.

    Backend and style sheet of the user, from ``matplotlibrc``, ``MPLBACKEND`` or the program, are
    as before afterwards. LaTeX, for one, may be missing, and fails on many a name.
    """
    with _LOCK, warnings.catch_warnings():
        for message in HARMLESS:
            warnings.filterwarnings("ignore", message=message)
        matplotlib = _import_matplotlib()
        defaults = matplotlib.rcParamsDefault.items()
        with matplotlib.rc_context({key: value for key, value in defaults if key not in KEPT}):
            yield


def _import_matplotlib() -> Any:
    """Import Matplotlib, also if it cannot read the user's settings."""
    try:
        import matplotlib
    except (OSError, ValueError):
        package = importlib.util.find_spec("matplotlib")
        if package is None or package.origin is None:
            raise
        for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
            del sys.modules[name]  # half of a package cannot be imported again
        settings = Path(package.origin).with_name("mpl-data") / "matplotlibrc"
        before = dict(os.environ)
        try:
            os.environ |= {"MATPLOTLIBRC": str(settings), "MPLBACKEND": "agg"}
            import matplotlib
        finally:
            for name in ("MATPLOTLIBRC", "MPLBACKEND"):
                os.environ.pop(name)
                os.environ |= {name: before[name]} if name in before else {}
    return matplotlib


def clean(axes: Axes) -> None:
    """Remove the frame, and draw a grid in the background."""
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def logarithmic(axes: Axes) -> None:
    """Make the y axis logarithmic, with few labels, such as 0.001, 0.003 and 0.01."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def legend_below(axes: Axes, columns: int = 4) -> None:
    """A legend below the axis label, where it covers nothing."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    below = axes.transAxes + ScaledTranslation(0, -0.5, figure.dpi_scale_trans)
    style: dict[str, Any] = {"frameon": False, "fontsize": 9, "borderaxespad": 0}
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, ncols=columns, **style
    )


def small_axes(figure: Figure, n: int, columns: int, width: float, height: float) -> list[Axes]:
    """A grid of n small axes without ticks; width and height of each in inches."""
    rows = max(1, -(-n // columns))
    figure.set_size_inches(max(4.0, width * columns + 0.5), height * rows + 0.8)
    tiles = []
    for i in range(n):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        tiles.append(axes)
    return tiles


def thumbnail(image: np.ndarray) -> np.ndarray:
    """An image (H, W, C) with its values rescaled to [0, 1]; grayscale unless C is 3.

    Of a large image, each second, third ... pixel.
    """
    step = -(-max(image.shape[:2]) // MOST_IMAGE_PIXELS)
    return stretch_contrast(image[::step, ::step])


def stretch_contrast(image: np.ndarray) -> np.ndarray:
    """An image (H, W, C) with its values rescaled to [0, 1]; grayscale unless C is 3."""
    image = image if image.shape[2] == 3 else image.mean(axis=2)
    return normalize(image, axis=tuple(range(image.ndim)))


def tall(height: float, width: float) -> float:
    """The ratio of height and width of an image, so that a tile for it can be seen."""
    return min(2.0, max(0.5, height / width))


# ------------------------------------------------------------------------------------------- texts


def short(name: object, letters: int = MOST_LETTERS) -> str:
    """A name in one line, with the middle left out if it is longer than that many letters.

    Line breaks and other characters that cannot be printed become blanks.
    """
    text = "".join(letter if letter.isprintable() else " " for letter in str(name))
    text = " ".join(text.split())
    if len(text) <= letters:
        return text
    end = max(1, letters // 3)
    return f"{text[: letters - 1 - end].rstrip()}…{text[-end:].lstrip()}"


def fitting(name: object, letters: int = MOST_LETTERS) -> str:
    """A name that is no wider than that many average letters; see ``short``."""
    for most in range(letters, 3, -1):
        text = short(name, most)
        if inches(text, 10) <= letters * LETTER:
            return text
    return short(name, 3)


def short_names(names: Iterable[object], letters: int = MOST_LETTERS) -> list[str]:
    """Names of classes in one line each; see ``short``. Those that look alike begin with a number.

    The number is that of the class, from 0.
    """
    names = list(names)
    texts = [short(name, letters) for name in names]
    times = Counter(texts)
    for number, (name, text) in enumerate(zip(names, texts, strict=True)):
        if times[text] > 1 or not text:
            texts[number] = f"{number}: {short(name, letters - len(f'{number}: '))}".rstrip()
    return texts


def inches(text: str, size: float) -> float:
    """The width of a line of text in a font size."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    renderer: Any = RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]
    font = FontProperties(size=size)
    return float(renderer.get_text_width_height_descent(text, font, ismath=False)[0]) / DPI


def heading(lines: Sequence[str], width: float) -> str:
    """Lines of a title, wrapped to a width in inches; each becomes two at most."""
    wrapped = []
    for line in lines:
        letters = max(10, int(1.5 * width / LETTER))
        while True:
            parts = textwrap.wrap(short(line, 2 * letters - 8), letters)[:2]
            if letters <= 10 or all(inches(part, 10) <= width for part in parts):
                break
            letters = min(letters - 1, max(10, int(0.95 * letters)))
        wrapped += parts
    return "\n".join(wrapped)


def set_title(axes: Axes, *lines: str, width: float | None = None) -> None:
    """The title of axes that fill a figure, or have a width in inches around their middle.

    It may have dollar signs in it.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    text = heading(lines, width or figure.get_figwidth() - 1)
    axes.set_title(text, color=INK, fontsize=10, parse_math=False)


def set_heading(figure: Figure, *lines: str) -> None:
    """The title of a figure of several axes. It may have dollar signs in it."""
    text = heading(lines, 0.95 * figure.get_figwidth() - 0.1)
    figure.suptitle(text, color=INK, fontsize=10, parse_math=False)
