"""Publishers' formats, read in chunks and checked, and ``.npy`` files that grow by them.

Whatever is wrong with a file is a ``ValueError`` that names the file and the place in it.
"""

import gzip
import math
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from neural_networks.utils.progress import tqdm

ROWS = 100_000
"""Lines of a CSV file that are read at a time: some 50 MB of memory for 29 columns."""


class NpyWriter:
    """An ``.npy`` file that rows are appended to, without knowing how many there will be.

    Parameters
    ----------
    path : Path
    row_shape : tuple of int
        The shape of one row.
    dtype : str or type
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: Any) -> None:
        self.n = 0
        self._row_shape = row_shape
        self._dtype = np.dtype(dtype)
        self._file = path.open("wb")
        self._write_header()

    def append(self, rows: np.ndarray) -> None:
        """Add rows, converted to the file's type."""
        if rows.shape[1:] != self._row_shape:
            raise ValueError(
                f"rows of shape {rows.shape[1:]} do not fit those of {self._row_shape}"
            )
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self.n += len(rows)

    def __enter__(self) -> "NpyWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                # NumPy leaves room in the header for the first axis to grow.
                self._file.seek(0)
                self._write_header()

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self.n, *self._row_shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


@contextmanager
def opened(path: Path, what: str) -> Iterator[BinaryIO]:
    """A file, unpacked if its name ends in ``.gz``, to be read from its beginning to its end.

    A bar shows how far it has been read, if standard error is a terminal.
    """
    check_regular(path)
    bar = tqdm(
        total=path.stat().st_size, desc=what, unit="B", unit_scale=True, disable=None, leave=False
    )
    with bar, path.open("rb") as file, damage_told(path):
        stream: Any = _Counted(file, bar)
        if path.suffix == ".gz":
            stream = gzip.GzipFile(fileobj=stream)
        yield stream


class _Counted:
    """A file that tells a progress bar what is read of it."""

    def __init__(self, file: BinaryIO, bar: Any) -> None:
        self._file, self._bar = file, bar

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._bar.update(len(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """A context in which a damaged archive is reported as a ``ValueError`` about the file."""
    try:
        yield
    except EOFError:
        raise ValueError(f"{path} is truncated: it ends in the middle of the data") from None
    except (gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise ValueError(f"{path} is damaged, or no archive at all: {error}") from None


def check_regular(path: Path) -> None:
    """Raise ``ValueError`` if there is no such file, or it is a folder, a pipe or a device."""
    if not path.exists():
        raise ValueError(f"there is no file {path}")
    if not path.is_file():
        raise ValueError(f"{path} is no regular file")


# ------------------------------------------------------------------------------------------- idx

IDX_BYTES = 8
"""The type that the third byte of an idx file stands for: unsigned bytes, the only ones here."""


def idx_chunks(path: Path, n_axes: int, rows: int = 10_000) -> Iterator[np.ndarray]:
    """The bytes of an idx file, ``rows`` along its first axis at a time.

    The file begins with two zeros, the type, and the number of axes; the length of each follows,
    as an integer of four bytes, the most significant one first (LeCun, Cortes and Burges 1998).
    """
    with opened(path, path.name) as file:
        magic = file.read(4)
        if magic != bytes([0, 0, IDX_BYTES, n_axes]):
            raise ValueError(
                f"{path} is no idx file of {n_axes} axes of bytes: it begins with "
                f"{list(magic)}, not {[0, 0, IDX_BYTES, n_axes]}"
            )
        n, *shape = np.frombuffer(_exactly(file, 4 * n_axes, path), ">i4").tolist()
        if min(n, *shape, 1) < 1:
            raise ValueError(f"{path} is empty: its shape is {(n, *shape)}")
        size = math.prod(shape)
        for start in range(0, n, rows):
            m = min(rows, n - start)
            yield np.frombuffer(_exactly(file, m * size, path), np.uint8).reshape(m, *shape)
        if file.read(1):
            raise ValueError(f"{path} goes on after its {n} entries")


def _exactly(file: BinaryIO, size: int, path: Path) -> bytes:
    try:
        data = file.read(size)
    except (MemoryError, OverflowError):  # more than any file has
        data = b""
    if len(data) < size:
        raise ValueError(f"{path} is truncated: it ends in the middle of the data")
    return data


# -------------------------------------------------------------------------------------- CIFAR-10

CIFAR_FOLDER = "cifar-10-batches-bin"
CIFAR_TRAINING = [f"data_batch_{i}.bin" for i in range(1, 6)]
CIFAR_TEST = ["test_batch.bin"]


def cifar_batch(source: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (m, 32, 32, 3) and labels (m,) of a batch.

    A record is a byte for the label, then 1,024 each for red, green and blue, row by row.

    Parameters
    ----------
    source : Path
        The publisher's archive, or the folder that was in it.
    name : str
        The batch.
    """
    records = np.frombuffer(_cifar_bytes(source, name), np.uint8)
    if records.size == 0 or records.size % 3073:
        raise ValueError(
            f"{source / name} has {records.size:,} bytes, which is no number of records of 3,073"
        )
    records = records.reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]


def _cifar_bytes(source: Path, name: str) -> bytes:
    if source.is_dir():
        check_regular(source / name)
        return (source / name).read_bytes()
    check_regular(source)
    with damage_told(source), tarfile.open(source, "r:gz") as archive:
        try:
            member = archive.extractfile(f"{CIFAR_FOLDER}/{name}")
        except KeyError:
            member = None
        if member is None:
            raise ValueError(f"{source} has no file {CIFAR_FOLDER}/{name} in it")
        return member.read()


def check_labels(y: np.ndarray, n_classes: int, path: Path, before: int = 0) -> None:
    """Raise ``ValueError`` if a label is none of the classes; ``before`` counts earlier rows."""
    wrong = np.flatnonzero((y < 0) | (y >= n_classes) | (y != np.floor(y)))
    if wrong.size:
        raise ValueError(
            f"{path}, row {before + wrong[0] + 1}: the label is {y[wrong[0]]:g}, "
            f"not one of 0 ... {n_classes - 1}"
        )
