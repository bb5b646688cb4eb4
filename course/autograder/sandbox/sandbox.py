"""A place in which a student's code runs: fresh processes without rights, files, time and memory.

Each test runs in a process of its own, as a user of its own where the grader is root, and all that
it leaves behind is removed before the next. See ``worker.py`` for what runs there.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from course.autograder.sandbox import conversation, processes, wire
from course.autograder.sandbox.conversation import Conversation, Limits
from course.autograder.sandbox.processes import SandboxError
from course.autograder.sandbox.users import OwnUser, SameUser, remove
from course.trial import place_in

__all__ = ["Limits", "Run", "Sandbox", "SandboxError"]

ROOT = Path(__file__).resolve().parents[3]
"""The folder that a worker must not see, by default: the repository, or the grader's own folder."""

OPTIONS = ("-I", "-B", "-u", "-X", "utf8")
"""Options of Python: no other paths, no bytecode files, nothing printed waits, text is UTF-8."""

FILES = ("worker.py", "wire.py")
SPARE_CPU_SECONDS = 5
RAISED_MEMORY = "It raised MemoryError: "

DESCRIBE = """\
import importlib.util, json, os, sys
import numpy, tqdm
library = importlib.util.find_spec("neural_networks")
places = [os.path.dirname(os.path.dirname(module.__file__)) for module in (numpy, tqdm)]
print(json.dumps([[sys.prefix, sys.base_prefix, *places], library and library.origin]))
"""
"""Tells where a Python lies, and where the library is installed in it, if it is."""


@dataclass(frozen=True)
class Run:
    """A test's end.

    Parameters
    ----------
    replies : list of Reply
        What came out of each case; of fewer, if the test ended too early.
    ending : str
        How it ended too early, for the student; else empty.
    printed : str
        The first of what it printed.
    """

    replies: list[wire.Reply]
    ending: str
    printed: str


class Sandbox:
    """Runs tests on trees of files, one at a time.

    Parameters
    ----------
    python : str
        A Python with NumPy and tqdm.
    uid : int, optional
        The user that the code of hand-ins runs as, if the grader is root. By default one is taken.
    hide : sequence of Path
        Folders that this code must not see. Where the kernel allows it, it sees nothing but what
        programs need, and only folders in ``/usr``, ``/etc`` and ``/var`` have to be named.

    Attributes
    ----------
    notes : tuple of str
        For the staff: what is not protected here.
    folder : Path
        A folder that this user alone can read, and not write to, for the trees; it ends with the
        sandbox.
    """

    def __init__(
        self, python: str = sys.executable, uid: int | None = None, hide: Sequence[Path] = ()
    ) -> None:
        self.python, self._wanted = python, uid
        self._hide = [ROOT, *(folder.resolve() for folder in hide)]
        self.notes: tuple[str, ...] = ()
        self._user: OwnUser | SameUser

    def __enter__(self) -> "Sandbox":
        self.folder = open_folder()
        self._home = self.folder / "home"
        try:
            self._home.mkdir(mode=0o700)
            for name in FILES:
                shutil.copyfile(Path(__file__).with_name(name), self.folder / name)
                (self.folder / name).chmod(0o644)
            self._user = self._chosen_user()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.notes = self._user.notes
        return self

    def __exit__(self, *error: object) -> None:
        self._user.close()
        remove_folder(self.folder)

    @property
    def uid(self) -> int | None:
        """The user that the code of hand-ins runs as, unless it is the grader's."""
        return self._user.uid

    def _chosen_user(self) -> OwnUser | SameUser:
        """A user of its own, if there can be one, which must be able to run Python."""
        places, library = self._described()
        if not hasattr(os, "geteuid") or os.geteuid():
            return SameUser("not root")
        if not shutil.which("setpriv"):
            raise SandboxError("without setpriv, hand-ins would run as root: grade as another user")
        if library and (folder := Path(library).parent) not in self._hide:
            self._hide.append(folder)
        user = OwnUser(self._wanted, self._home, self._hide, [Path(place) for place in places])
        user.let_read(self.folder)
        if user.settle(lambda: not self._trouble(user)):
            return user
        trouble = self._trouble(user)
        user.close()
        # Never as root: that could change all there is.
        raise SandboxError(f"another user cannot run {trouble}; --python PATH names one that can")

    def _trouble(self, user: OwnUser) -> str:
        """The reason that hinders a user from running Python and reading the sandbox's folder."""
        try:
            self._python(user, f"import numpy, tqdm; open({str(self.folder / FILES[0])!r})")
        except SandboxError as error:
            return str(error)
        return ""

    def _described(self) -> tuple[list[str], str | None]:
        """The folders that Python needs, and the file of the library that is installed there."""
        places, library = json.loads(self._python(None, DESCRIBE))
        return [*places, str(Path(shutil.which(self.python) or self.python).parent)], library

    def _python(self, user: OwnUser | None, code: str) -> bytes:
        """The output of Python, run by a user.

        Raises
        ------
        SandboxError
            If it cannot be run.
        """
        command = [self.python, *OPTIONS, "-c", code]
        try:
            done = subprocess.run(
                user.command(command, self.folder) if user else command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=conversation.STARTING,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxError(f"{self.python}: {error}") from error
        if done.returncode:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise SandboxError(
                f"{self.python}: {(lines or [f'exit status {done.returncode}'])[-1]}"
            )
        return done.stdout

    def _environment(self) -> dict[str, str]:
        """The environment of a worker: nothing of the grader's."""
        ours = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"}
        places = {"HOME": str(self._home), "TMPDIR": str(self._home), "PATH": "/usr/bin:/bin"}
        of_windows = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
        return ours | places | of_windows

    def run(self, tree: Path, request: bytes, limits: Limits) -> Run:
        """Run one test.

        Parameters
        ----------
        tree : Path
            The files of the starter, with those of a hand-in over them; in :attr:`folder`.
        request : bytes
            From :func:`wire.request`.
        limits : Limits

        Raises
        ------
        SandboxError
            If it cannot be run, by no fault of the hand-in.
        """
        tree = tree.resolve()
        _, cases, _ = wire.read_request(request)
        self._new_home()
        with tempfile.TemporaryFile() as file:
            file.write(request)
            file.seek(0)
            talk = Conversation(len(cases), limits)
            with contextlib.closing(talk), self._user.alive() as started:
                with processes.lock:
                    process = self._start(tree, file.fileno(), limits)
                    started.append(process)
                    processes.workers.add(process.pid)
                ending = talk.listen(process)
            if ending and ending != conversation.NONSENSE:
                ending += wire.limited(place_in(trace_in(file, len(request)), tree))
        replies = [self._told(reply, tree, limits) for reply in talk.replies]
        return Run(replies, ending, self._relative(talk.printed, tree))

    def _start(self, tree: Path, file: int, limits: Limits) -> "subprocess.Popen[bytes]":
        """Start a worker."""
        seconds = int(limits.seconds) + SPARE_CPU_SECONDS
        numbers = limits.seconds, limits.memory_mb, seconds, self._user.most_processes
        worker = [self.python, *OPTIONS, str(self.folder / FILES[0]), str(tree)]
        return subprocess.Popen(
            self._user.command([*worker, *map(str, numbers)], tree),
            cwd=self._home,
            env=self._environment(),
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def _new_home(self) -> None:
        """Make an empty folder for the worker, in place of the last one's."""
        if any(self._home.iterdir()):
            remove_folder(self._home)
            if self._home.exists():  # it takes too long
                self._home.rename(tempfile.mkdtemp(prefix="left-", dir=self.folder))
            self._home.mkdir(mode=0o700)
        self._user.give(self._home)

    def _told(self, reply: wire.Reply, tree: Path, limits: Limits) -> wire.Reply:
        """A reply whose texts name no path of the grader's, and the limit of memory."""
        outcome = reply.outcome
        blank = None if outcome.blank is None else self._relative(outcome.blank, tree)
        error = self._relative(outcome.error, tree)
        if error.startswith(RAISED_MEMORY):
            needed = f"It needed more memory than {limits.memory_mb} MB (MemoryError): "
            error = needed + error.removeprefix(RAISED_MEMORY)
        return replace(reply, outcome=replace(outcome, blank=blank, error=error))

    def _relative(self, text: str, tree: Path) -> str:
        """A text with paths as they are in the hand-in."""
        for path in (tree, self.folder):
            text = text.replace(f"{path}{os.sep}", "")
        return text


def open_folder() -> Path:
    """Make a folder that other users can reach."""
    for parent in (Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")):
        if all(folder.stat().st_mode & 0o001 for folder in (parent, *parent.parents)):
            break
    return Path(tempfile.mkdtemp(prefix="grader-", dir=parent)).resolve()


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that it holds."""
    if os.name == "posix":
        remove([str(folder)])
    else:
        shutil.rmtree(folder, ignore_errors=True)


def trace_in(file: IO[bytes], start: int) -> str:
    """The place where the worker was last, as it wrote it behind the request."""
    file.seek(start)
    return file.read(wire.MOST_OF_HEADER).decode("utf-8", "replace")
