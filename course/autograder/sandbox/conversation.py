"""A worker's answers and output, up to its end, its time limit or the first nonsense."""

import os
import queue
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import IO

from course.autograder.sandbox import wire
from course.autograder.sandbox.processes import SandboxError

STARTING = 60.0
"""Seconds for Python and NumPy to start, before any code of a hand-in runs."""

MOST_PRINTED = 4096
PIECE, PIECES = 2**16, 64
NONSENSE = "nonsense came back in place of results"
ANSWERS, PRINTED = "answers", "printed"
LINGERING = 0.1
"""Seconds after the end of a worker in which what it sent may still arrive."""


@dataclass(frozen=True)
class Limits:
    """The limits of a test: seconds by the clock, and megabytes of memory."""

    seconds: float
    memory_mb: int


class Conversation:
    """The answers and the output of a worker.

    Parameters
    ----------
    cases : int
        The number of answers to its request.
    limits : Limits
    """

    def __init__(self, cases: int, limits: Limits) -> None:
        self.replies: list[wire.Reply] = []
        self._cases, self._limits = cases, limits
        self._started = False
        self._printed = bytearray()
        self._frames = wire.Frames()
        self._pieces: queue.Queue[tuple[str, bytes]] = queue.Queue(PIECES)
        self._threads: list[threading.Thread] = []

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        """Pass on what comes, piece by piece, and an empty piece at the end."""
        with pipe:
            while data := os.read(pipe.fileno(), PIECE):
                self._pieces.put((stream, data))
        self._pieces.put((stream, b""))

    def listen(self, process: "subprocess.Popen[bytes]") -> str:
        """Listen to the end of the test; how it ended, if it was too early, in words.

        Parameters
        ----------
        process : Popen
            The worker, which answers on its standard output and prints on its standard error.

        Raises
        ------
        SandboxError
            If the worker ended before any code of a hand-in ran.
        """
        # Threads, as Windows cannot wait for one of several pipes.
        for stream, pipe in ((ANSWERS, process.stdout), (PRINTED, process.stderr)):
            thread = threading.Thread(target=self._read, args=(stream, pipe), daemon=True)
            self._threads.append(thread)
            thread.start()
        try:
            ending = self._listen(process)
        except wire.Nonsense:
            ending = NONSENSE
        if not self._started:
            raise SandboxError(f"a worker did not start: {ending}\n{self.printed}")
        return ending

    def _listen(self, process: "subprocess.Popen[bytes]") -> str:
        """Take piece after piece."""
        ended, deadline = False, time.monotonic() + STARTING
        while (left := deadline - time.monotonic()) > 0:
            if not ended and process.poll() is not None:
                ended, deadline = True, time.monotonic() + LINGERING
            try:
                stream, data = self._pieces.get(timeout=min(left, LINGERING))
            except queue.Empty:
                continue
            self._keep(stream, data)
            if stream == PRINTED:
                continue
            if data:
                was_started = self._started
                if self._take(data):
                    return "" if len(self.replies) == self._cases else NONSENSE
                if self._started and not was_started:
                    deadline = time.monotonic() + self._limits.seconds
            else:
                return self._ending(process, deadline)
        return self._ending(process, deadline)

    def _take(self, data: bytes) -> bool:
        """Take answers; True at the end of the test."""
        self._frames.feed(data)
        for header, arrays in self._frames:
            match header.get("kind"):
                case wire.READY:
                    self._started = True
                case wire.REPLY if len(self.replies) < self._cases:
                    self.replies.append(wire.read_reply(header, arrays))
                case wire.END:
                    return True
                case _:
                    raise wire.Nonsense("no kind of frame")
        return False

    def _ending(self, process: "subprocess.Popen[bytes]", deadline: float) -> str:
        """The end of a worker that has not come to the end of the test, in words."""
        try:
            status = process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return self._too_long
        if hasattr(signal, "SIGXCPU") and status == -signal.SIGXCPU:
            return self._too_long
        if status and re.search("memory", self.printed, re.IGNORECASE):
            return f"needed more memory than {self._limits.memory_mb} MB"
        if status >= 0:
            return f"ended the program (exit status {status})"
        name = signal.Signals(-status).name if -status in set(signal.Signals) else "?"
        # If it was not the code itself, it was the kernel.
        reason = ": out of memory?" if name == "SIGKILL" else ""
        return f"crashed (signal {-status}, {name}){reason}"

    @property
    def _too_long(self) -> str:
        return f"not done after {self._limits.seconds:g} s: an endless loop?"

    def close(self) -> None:
        """Take what is left in the pipes, once all processes that could write to it are gone."""
        deadline = time.monotonic() + 10 * LINGERING
        while time.monotonic() < deadline:
            at_end = not any(thread.is_alive() for thread in self._threads)
            try:
                stream, data = self._pieces.get(timeout=0.001)
            except queue.Empty:
                if at_end:
                    break
            else:
                self._keep(stream, data)

    def _keep(self, stream: str, data: bytes) -> None:
        """Keep the first of what is printed."""
        if stream == PRINTED:
            self._printed += data[: MOST_PRINTED + 1 - len(self._printed)]

    @property
    def printed(self) -> str:
        """The text printed, up to a limit, made harmless."""
        text = self._printed[:MOST_PRINTED].decode("utf-8", "replace")
        more = "\n…" if len(self._printed) > MOST_PRINTED else ""
        return wire.harmless(text).rstrip() + more
