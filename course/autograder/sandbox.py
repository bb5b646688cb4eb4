"""A place in which a student's code runs: fresh processes without rights, files, time and memory.

Each test runs in a process of its own, as a user of its own where the grader is root, and all that
it leaves behind is removed before the next. See ``worker.py`` for what runs there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from course.autograder import conversation, processes, wire
from course.autograder.conversation import Conversation, Limits
from course.autograder.processes import SandboxError
from course.autograder.users import OwnUser, SameUser

__all__ = ["Limits", "Run", "Sandbox", "SandboxError"]

OPTIONS = ("-I", "-B", "-u", "-X", "utf8")
"""Options of Python: no other paths, no bytecode files, nothing printed waits, text is UTF-8."""

NEEDED = ("numpy", "tqdm")
FILES = ("worker.py", "wire.py")
SPARE_CPU_SECONDS = 5
RAISED_MEMORY = "It raised MemoryError: "


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

    Attributes
    ----------
    notes : tuple of str
        For the staff: what is not protected here.
    folder : Path
        A folder that this user can read, and not write to, for the trees; it ends with the sandbox.
    """

    def __init__(self, python: str = sys.executable, uid: int | None = None) -> None:
        self.python, self._wanted = python, uid
        self.notes: tuple[str, ...] = ()
        self._user: OwnUser | SameUser

    def __enter__(self) -> "Sandbox":
        self.folder = open_folder()
        for name in FILES:
            shutil.copyfile(Path(__file__).with_name(name), self.folder / name)
            (self.folder / name).chmod(0o644)
        self._home = self.folder / "home"
        try:
            self._user = self._chosen_user()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.notes = self._user.notes
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._user.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def uid(self) -> int | None:
        """The user that the code of hand-ins runs as, unless it is the grader's."""
        return self._user.uid

    def _chosen_user(self) -> OwnUser | SameUser:
        """A user of its own, if there can be one that can run Python; else the grader's."""
        reason = "not root"
        if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("setpriv"):
            user = OwnUser(self._wanted)
            trouble = self._trouble(user)
            if not trouble:
                return user
            user.close()
            reason = f"another user cannot run {self.python} ({trouble}); --python PATH names one"
        same = SameUser(reason)
        if trouble := self._trouble(same):
            raise SandboxError(f"{self.python} cannot be used: {trouble}")
        return same

    def _trouble(self, user: OwnUser | SameUser) -> str:
        """What hinders a user from running Python; the last line of what it says."""
        code = (
            f"import {', '.join(NEEDED)}; print(open({str(self.folder / FILES[0])!r}).readline())"
        )
        try:
            done = subprocess.run(
                user.command([self.python, *OPTIONS, "-c", code]),
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=conversation.STARTING,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return (lines or [f"exit status {done.returncode}"])[-1] if done.returncode else ""

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
            The files of the starter, with those of a hand-in over them.
        request : bytes
            From :func:`wire.request`.
        limits : Limits

        Raises
        ------
        SandboxError
            If it cannot be run, by no fault of the hand-in.
        """
        _, cases, _ = wire.read_request(request)
        self._new_home()
        with tempfile.TemporaryFile() as file:
            file.write(request)
            file.seek(0)
            with self._user.alive() as started:
                with processes.lock:
                    process = self._start(tree, file.fileno(), limits)
                    started.append(process)
                    processes.workers.add(process.pid)
                talk = Conversation(process, len(cases), limits)
                try:
                    ending = talk.listen()
                finally:
                    process.kill()
            talk.close()
        replies = [self._told(reply, tree, limits) for reply in talk.replies]
        return Run(replies, ending, self._relative(talk.printed, tree))

    def _start(self, tree: Path, file: int, limits: Limits) -> "subprocess.Popen[bytes]":
        """Start a worker."""
        seconds = int(limits.seconds) + SPARE_CPU_SECONDS
        numbers = limits.memory_mb, seconds, self._user.most_processes
        worker = [self.python, *OPTIONS, str(self.folder / FILES[0]), str(tree)]
        return subprocess.Popen(
            self._user.command([*worker, *map(str, numbers)]),
            cwd=self._home,
            env=self._environment(),
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def _new_home(self) -> None:
        """Make an empty folder for the worker, in place of the last one's."""
        if self._home.exists():
            # Unlike shutil.rmtree, rm copes with folders of any depth.
            if shutil.which("rm"):
                subprocess.run(["rm", "-rf", "--", str(self._home)], check=False)
            else:
                shutil.rmtree(self._home)
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
        for path in {f"{tree}{os.sep}", f"{tree.resolve()}{os.sep}", f"{self.folder}{os.sep}"}:
            text = text.replace(path, "")
        return text


def open_folder() -> Path:
    """Make a folder that every user can read, and only this one can write to."""
    for parent in (Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")):
        if all(folder.stat().st_mode & 0o001 for folder in (parent, *parent.parents)):
            break
    folder = Path(tempfile.mkdtemp(prefix="grader-", dir=parent))
    folder.chmod(0o755)
    return folder
