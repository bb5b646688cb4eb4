"""Numbers in CSV files, read in chunks; what is no number is told with its row and column."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neural_networks.datasets.formats import ROWS, opened
from neural_networks.utils.data_structures import first_index


def csv_chunks(
    path: Path,
    names: Sequence[str],
    *,
    header: bool = False,
    words: Sequence[str] = (),
    rows: int = ROWS,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The content of a CSV file, ``rows`` lines at a time.

    Parameters
    ----------
    path : Path
        A file, packed if its name ends in ``.gz``.
    names : sequence of str
        What the columns are called.
    header : bool
        Whether the first line is no data.
    words : sequence of str
        The columns that hold words instead of numbers.
    rows : int
        Lines to a chunk.

    Yields
    ------
    numbers : array of float64, (m, columns)
        The other columns.
    texts : array of str, (m, len(words))
        The columns of words, in the file's order.

    Raises
    ------
    ValueError
        If the file is empty, has another number of columns, or a cell that is empty or no number.
    """
    done = 0
    kept = [i for i, name in enumerate(names) if name not in words]
    kinds = {i: np.float64 if i in kept else str for i in range(len(names))}
    with opened(path, path.name) as file, _mistakes_told(path):
        chunks = _reader(file, skiprows=int(header), dtype=kinds, chunksize=rows)
        while True:
            try:
                chunk = next(chunks, None)
            except ValueError as error:
                if "could not convert string to float" not in str(error):
                    raise
                raise _wrong_cell(path, names, kept, done + header, rows) from None
            if chunk is None:
                break
            _check_width(path, chunk.shape[1], names)
            numbers = chunk[kept].to_numpy()
            if not np.isfinite(numbers).all():
                raise _wrong_cell(path, names, kept, done + header, rows)
            yield numbers, chunk.drop(columns=kept).to_numpy(str)
            done += len(chunk)
    if not done:
        raise ValueError(f"{path} has no rows")


@contextmanager
def _mistakes_told(path: Path) -> Iterator[None]:
    """A context in which pandas' errors about a file become ``ValueError`` that name it."""
    from pandas.errors import EmptyDataError, ParserError

    try:
        yield
    except EmptyDataError:
        raise ValueError(f"{path} is empty") from None
    except ParserError as error:
        raise ValueError(f"{path}: {_last_words(error)}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text file") from None


def _reader(file: BinaryIO, **options: Any) -> Any:
    """pandas' CSV reader; it must neither leave lines out nor take a column for an index."""
    import pandas as pd

    rules = {"header": None, "index_col": False, "skip_blank_lines": False}
    return pd.read_csv(file, **rules, keep_default_na=False, **options)


def _check_width(path: Path, found: int, names: Sequence[str]) -> None:
    if found != len(names):
        raise ValueError(f"{path} has {found} columns, not {len(names)}")


def _wrong_cell(
    path: Path, names: Sequence[str], columns: Sequence[int], skip: int, rows: int
) -> ValueError:
    """The error that tells the first cell, after so many lines, that is empty or no number."""
    import pandas as pd

    with opened(path, path.name) as file:
        texts = _reader(file, dtype=str, skiprows=skip, nrows=rows)
    _check_width(path, texts.shape[1], names)
    texts = texts[columns].fillna("")
    numbers = texts.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    i, j = first_index(~np.isfinite(numbers))
    text = texts.iat[i, j].strip()
    what = f"holds {text[:40]!r}, which is no finite number" if text else "is empty"
    column = columns[j]
    return ValueError(
        f"{path}, row {skip + i + 1}, column {column + 1} ({names[column]}): the cell {what}"
    )


def _last_words(error: Exception) -> str:
    """The gist of pandas' message about a line with too many fields."""
    return str(error).strip().removeprefix("Error tokenizing data. C error: ")


def first_line(path: Path) -> list[str]:
    """The cells of the first line of a CSV file."""
    with opened(path, path.name) as file, _mistakes_told(path):
        row = _reader(file, dtype=str, nrows=1)
    return [str(name).strip() for name in row.iloc[0]]
