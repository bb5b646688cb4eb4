"""Picture of docs/grader.md, grader.png: ``python docs/figures/draw_grader.py``."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

INK, ACCENT, GRADER, WORKER, WALL = "#3a3a3a", "#d9652b", "#e4eef7", "#fbe6d9", "#8a8a8a"
WIDTH, HEIGHT = 9.0, 4.5


def box(axes: Axes, left: float, bottom: float, width: float, height: float, color: str) -> None:
    """A rounded box."""
    style = "round,pad=0,rounding_size=0.12"
    axes.add_patch(
        FancyBboxPatch((left, bottom), width, height, style, facecolor=color, edgecolor="none")
    )


def labeled(axes: Axes, left: float, bottom: float, width: float, text: str) -> None:
    """A white box with a line or two of text."""
    box(axes, left, bottom, width, 0.62, "white")
    axes.text(left + width / 2, bottom + 0.31, text, ha="center", va="center", color=INK)


def arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    text: str = "",
    color: str = ACCENT,
) -> None:
    """An arrow, with a text in its middle."""
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, color=color, linewidth=1.5)
    )
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if text:
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        axes.text(x, y, text, ha="center", va="center", color=color, bbox=paper)


def draw() -> Figure:
    """The two processes, and all that passes between them."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.add_subplot(xlim=(0, WIDTH), ylim=(0, HEIGHT), aspect="equal")
    axes.axis("off")
    box(axes, 0.05, 0.05, 4.1, 4.4, GRADER)
    box(axes, 5.75, 0.05, 3.2, 4.4, WORKER)
    axes.text(2.1, 4.15, "the grader, as root", ha="center", va="center", weight="bold", color=INK)
    axes.text(
        7.35, 4.15, "a worker, as another user", ha="center", va="center", weight="bold", color=INK
    )
    labeled(axes, 0.3, 3.15, 3.6, "hand-in: files of exercises are taken")
    labeled(axes, 0.3, 2.2, 1.7, "expected values")
    labeled(axes, 2.2, 2.2, 1.7, "inputs")
    labeled(axes, 0.3, 1.15, 3.6, "comparison: verdict and message")
    labeled(axes, 0.3, 0.2, 3.6, "results.json")
    labeled(axes, 6.0, 3.15, 2.7, "the student's code,\nread-only")
    labeled(axes, 6.0, 2.2, 2.7, "runs one method")
    labeled(axes, 6.0, 1.15, 2.7, "what came out")
    axes.text(
        7.35,
        0.51,
        "limits of time, memory, files;\nkilled after each test",
        ha="center",
        va="center",
        color=INK,
    )
    axes.plot([4.95, 4.95], [0.05, 4.45], color=WALL, linewidth=2, linestyle=(0, (4, 3)))
    arrow(axes, (3.95, 3.46), (5.95, 3.46), "files")
    arrow(axes, (1.15, 2.17), (1.15, 1.8), color=INK)
    arrow(axes, (2.1, 1.12), (2.1, 0.85), color=INK)
    arrow(axes, (7.35, 3.12), (7.35, 2.85), color=INK)
    arrow(axes, (7.35, 2.17), (7.35, 1.8), color=INK)
    arrow(axes, (3.95, 2.51), (5.95, 2.51), "inputs")
    arrow(axes, (5.95, 1.46), (3.95, 1.46), "arrays")
    return figure


if __name__ == "__main__":
    draw().savefig(Path(__file__).with_name("grader.png"), dpi=110)
