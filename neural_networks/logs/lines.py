"""Files that grow by whole lines, such as ``log.csv``."""

import csv
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from neural_networks.training.history import StepBin
from neural_networks.utils.files import name_file

# On Windows, other files turn "\n" into "\r\n".
MODE = os.O_RDWR | getattr(os, "O_BINARY", 0)


class LineFile:
    """A new file that grows by whole lines under a header.

    It holds the header and whole lines, or does not exist, whatever interrupts a write.

    Parameters
    ----------
    path : Path
    header : str
        The first line, without its end.
    """

    def __init__(self, path: Path, header: str) -> None:
        self.path = path
        self._header = f"{header}\n"
        # Bytes written, and lines that are not: one attribute, so that an interrupt cannot come
        # between two.
        self._state = 0, ""

    def append(self, lines: str = "") -> None:
        """Append lines, after those that could not be written before: all of them, or none.

        Raises
        ------
        OSError
            If they cannot be written; the next call tries them again.
        FileExistsError
            If something else has written into the file.
        """
        size, unwritten = self._state
        unwritten += lines
        if not unwritten:
            return
        self._state = size, unwritten
        content = (unwritten if size else self._header + unwritten).encode()
        opened = False
        try:
            # Every epoch appends: a descriptor takes half the time of a file object.
            file = os.open(self.path, MODE if size else MODE | os.O_CREAT, 0o666)
            opened = True
            self._write(file, size, content)
        except FileExistsError:
            raise
        except BaseException as error:
            self._cut(size, opened)
            if isinstance(error, OSError):
                name_file(error, self.path)
            raise
        self._state = size + len(content), ""

    def _write(self, file: int, size: int, content: bytes) -> None:
        """Write after the first bytes of an open file, and close it."""
        try:
            self._go_to_end(file, size, content)
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file, rest) :]
        finally:
            os.close(file)  # a network share may tell only now that its disk is full

    def _go_to_end(self, file: int, size: int, content: bytes) -> None:
        """Go to the end of what has been written; an error if the file is not as it was left."""
        if os.lseek(file, 0, os.SEEK_END) == size:
            return
        os.lseek(file, size, os.SEEK_SET)
        there = os.read(file, len(content) + 1)
        if not there or not content.startswith(there):
            raise FileExistsError(f"{self.path} has been changed by another program")
        os.ftruncate(file, size)  # the beginning of an interrupted write
        os.lseek(file, size, os.SEEK_SET)

    def _cut(self, size: int, opened: bool) -> None:
        """Remove a part that has been written; without a header, the file."""
        with suppress(OSError):
            if size and opened:
                os.truncate(self.path, size)
            elif opened or self.path.stat().st_size == 0:  # just made
                self.path.unlink()


def csv_line(names: Iterable[str]) -> str:
    """Names as the header of a CSV file, without the end of the line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def step_line(row: StepBin) -> str:
    """A bin of steps as a line of ``steps.csv``."""
    step, epoch, loss, lowest, highest, learning_rate = row
    mean = str(loss)  # of a single step it is all three: the text of a float takes its time
    low = mean if lowest == loss else lowest
    high = mean if highest == loss else highest
    return f"{step},{epoch},{mean},{low},{high},{learning_rate}\n"
