"""File formats: compressed files, idx and CIFAR-10, read in chunks; ``.npy``, written in chunks.

Every fault in a file is a ``ValueError`` that names the file and the place in it.
"""

import gzip
import math
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.utils.progress import progress, tqdm

ROWS = 100_000
"""Lines of a CSV file per chunk: about 50 MB of memory for 29 columns."""


class NpyWriter:
    """An ``.npy`` file to which rows are appended; their number need not be known in advance.

    Parameters
    ----------
    path : Path
    row_shape : tuple of int
        The shape of one row.
    dtype : str or type
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.n = 0
        self._row_shape = row_shape
        self._dtype = np.dtype(dtype)
        self._file = path.open("wb")
        self._write_header()

    def append(self, rows: np.ndarray) -> None:
        """Append rows, converted to the file's type."""
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
                # NumPy's header has room for a longer first axis.
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
def open_with_progress(path: Path, what: str) -> Iterator[BinaryIO]:
    """Open a file for sequential reading, decompressed if it is a gzip file, whatever its name.

    A progress bar, or a line now and then, tells how much has been read.
    """
    check_regular_file(path)
    bar = progress(
        tqdm, total=path.stat().st_size, desc=what, unit="B", unit_scale=True, leave=False
    )
    with bar, path.open("rb") as file, archive_errors(path):
        stream: Any = _Counted(file, bar)
        if is_gzip(path):
            stream = gzip.GzipFile(fileobj=stream)
        yield stream


class _Counted:
    """A file that advances a progress bar as it is read."""

    def __init__(self, file: BinaryIO, bar: "tqdm[Any]") -> None:
        self._file, self._bar = file, bar

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._bar.update(len(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)


def is_gzip(path: Path) -> bool:
    """True if a file is compressed, as its first bytes tell; browsers unpack and keep the name."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


@contextmanager
def archive_errors(path: Path) -> Iterator[None]:
    """A context that turns errors of a damaged archive into a ``ValueError`` about the file."""
    try:
        yield
    except EOFError:
        raise ValueError(f"{path} is truncated: it ends in the middle of the data") from None
    except (gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise ValueError(f"{path} is damaged, or not an archive: {error}") from None


def check_regular_file(path: Path) -> None:
    """Raise ``ValueError`` if a file does not exist, or is a folder, a pipe or a device."""
    if not path.exists():
        raise ValueError(f"there is no file {path}")
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file")


# ------------------------------------------------------------------------------------------- idx

IDX_BYTES = 8
"""Type code of unsigned bytes, the third byte of an idx file."""


def idx_chunks(path: Path, n_axes: int, rows: int = 10_000) -> Iterator[np.ndarray]:
    """The bytes of an idx file, ``rows`` along its first axis at a time.

    The file begins with two zero bytes, the type code and the number of axes; then the length of
    each axis as a big-endian integer of four bytes (LeCun, Cortes and Burges 1998).
    """
    with open_with_progress(path, path.name) as file:
        magic = file.read(4)
        if magic != bytes([0, 0, IDX_BYTES, n_axes]):
            raise ValueError(
                f"{path} is not an idx file of {n_axes} axes of bytes: it begins with "
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
            raise ValueError(f"{path} has more data after its {n} entries")


def _exactly(file: BinaryIO, size: int, path: Path) -> bytes:
    try:
        data = file.read(size)
    except (MemoryError, OverflowError):  # a damaged header
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

    A record is one byte of label, then 1,024 bytes each of red, green and blue, row by row.

    Parameters
    ----------
    source : Path
        The publisher's archive, compressed or not, or a folder.
    name : str
        File name of the batch, in the folder or anywhere in the archive.
    """
    records = np.frombuffer(_cifar_bytes(source, name), np.uint8)
    if records.size == 0 or records.size % 3073:
        raise ValueError(
            f"{source / name} has {records.size:,} bytes, not a multiple of 3,073 (one record)"
        )
    records = records.reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]


def _cifar_bytes(source: Path, name: str) -> bytes:
    if source.is_dir():
        with open_with_progress(source / name, name) as file:
            return file.read()
    check_regular_file(source)
    mode: Any = "r:gz" if is_gzip(source) else "r:"
    with archive_errors(source), tarfile.open(source, mode) as archive:
        for member in archive:
            if member.isfile() and PurePosixPath(member.name).name == name:
                content = archive.extractfile(member)
                return content.read() if content else b""
    raise ValueError(f"{source} does not contain {CIFAR_FOLDER}/{name}")


def check_labels(y: np.ndarray, n_classes: int, path: Path, before: int = 0) -> None:
    """Raise ``ValueError`` if a label is out of range; ``before`` is the number of earlier rows."""
    wrong = np.flatnonzero((y < 0) | (y >= n_classes) | (y != np.floor(y)))
    if wrong.size:
        raise ValueError(
            f"{path}, row {before + wrong[0] + 1}: the label is {y[wrong[0]]:g}, "
            f"not one of 0 ... {n_classes - 1}"
        )
