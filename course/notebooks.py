"""Notebooks without outputs, and without some of their sections."""

import json
import re
from collections.abc import Iterable
from typing import Any

from course.assignment import suggestion


def cut_notebook(text: str, sections: Iterable[str], where: str) -> str:
    """A notebook without outputs, counts and other traces of a run, and without some sections.

    Parameters
    ----------
    text : str
        The notebook.
    sections : iterable of str
        Headings; a section goes up to the next heading of its level or above.
    where : str
        The beginning of error messages.

    Raises
    ------
    ValueError
        If it is no notebook, or has no such heading.
    """
    try:
        notebook: dict[str, Any] = json.loads(text)
        cells: list[dict[str, Any]] = notebook["cells"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{where}: not a notebook") from None
    for heading in sections:
        cells = _without(cells, heading, where)
    for cell in cells:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook["cells"], notebook["metadata"] = cells, {"kernelspec": kernel}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _without(cells: list[dict[str, Any]], heading: str, where: str) -> list[dict[str, Any]]:
    """The cells without those under a heading."""
    headings = [_heading(cell) for cell in cells]
    titles = [title for _, title in headings if title]
    if heading not in titles:
        raise ValueError(f"{where}: no section {heading!r}{suggestion(heading, titles)}")
    start = [title for _, title in headings].index(heading)
    level = headings[start][0]
    after = range(start + 1, len(cells))
    end = next((i for i in after if 0 < headings[i][0] <= level), len(cells))
    return cells[:start] + cells[end:]


def _heading(cell: dict[str, Any]) -> tuple[int, str]:
    """Level and text of the heading that a cell begins with; 0 without one."""
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    found = re.match(r"(#+) (.*)", source) if cell["cell_type"] == "markdown" else None
    return (len(found[1]), found[2].strip()) if found else (0, "")
