"""Interruption of a training: by Ctrl-C, or by a signal that ends the process.

A signal that arrives in the middle of a step waits for its end. So the model is left as it is
between two steps, and all results so far are saved.
"""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C; the end of a container or of a job's time; a closed terminal. Windows has no SIGHUP."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training. Results so far are in ``folder``, unless it is None."""

    signal = signal.SIGINT

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


class TrainingTerminated(SystemExit):
    """SIGTERM or SIGHUP during training, which ends the process with status 128 + ``signal``.

    Results so far are in ``folder``, unless it is None.
    """

    def __init__(self, message: str, folder: Path | None, received: signal.Signals) -> None:
        super().__init__(message)
        self.code = 128 + received
        self.folder, self.signal = folder, received

    def __str__(self) -> str:
        return str(self.args[0])


def stopped(
    n_epochs: str, received: signal.Signals | None, folder: Path | None
) -> TrainingInterrupted | TrainingTerminated:
    """The exception for a training that was stopped after so many epochs, such as "2 epochs"."""
    if received in (None, signal.SIGINT):
        return TrainingInterrupted(f"Interrupted after {n_epochs}", folder)
    return TrainingTerminated(f"{received.name} after {n_epochs}", folder, received)


class StopSignals:
    """A context in which a signal to stop is noted, and raised by ``check``.

    It acts in the main thread alone, where Python handles signals. A handler of the program's
    own stays, as does a signal that is ignored, such as SIGHUP under nohup. A second Ctrl-C, while
    a step goes on, is raised at once.

    Attributes
    ----------
    received : signal.Signals or None
        The first signal since the context began.
    saving : bool
        True while results are saved, which a second Ctrl-C does not interrupt.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.saving = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            handler = signal.getsignal(number)
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                self._before[number] = handler
                signal.signal(number, self._note)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.set_back()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if a signal has come."""
        if self.received is not None:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
        elif number == signal.SIGINT and not self.saving:
            raise KeyboardInterrupt

    def set_back(self) -> None:
        """Set the handlers back; the context's end does so, and a second time changes nothing.

        Call it once more after the context: an exception may come in the middle of its first or
        last moment.
        """
        for number in reversed(self._before):  # Ctrl-C last: it could interrupt the others
            signal.signal(number, self._before[number])
