"""Users that hand-ins run as: one of their own, where the grader is root; else the grader's.

A user of its own owns nothing and may do nothing. It needs no entry in the list of users: a number
is taken while a grader uses it, so that two graders on one machine never share one.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from course.autograder import processes
from course.autograder.processes import SandboxError

NAME, SHELLS = "student", ("nologin", "false")
"""The user that is taken first, if it is one that no person logs in as."""

FREE = range(64200, 64264)
HELPERS = 64
"""The distance from a user to the one that its processes are killed by."""

SPARE_HELPER = FREE.start - 1
MOST_PROCESSES = 32
LOCKS = Path("/run/course-autograder"), Path("/var/lib/course-autograder")
WRITABLE = "/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/dev/mqueue"
MOST_FOLDERS = 2000
ISOLATIONS = ("--net", "--ipc"), ("--net",), ("--ipc",)


class SameUser:
    """The grader's own user.

    Parameters
    ----------
    reason : str
        Why it is no other.
    """

    uid: int | None = None
    most_processes = 0  # the limit would count those of the grader

    def __init__(self, reason: str) -> None:
        self.notes: tuple[str, ...] = (
            f"{reason}: the code of hand-ins runs as the user who grades, and can read and change "
            "what this user can, the expected values and the grades among it.",
        )
        self._adopts = processes.adopt_orphans(True)

    def command(self, command: Sequence[str]) -> list[str]:
        """The command as this user runs it."""
        return list(command)

    def give(self, folder: Path) -> None:
        """Make a folder this user's: it is."""

    @contextlib.contextmanager
    def alive(self) -> Iterator[list["subprocess.Popen[bytes]"]]:
        """Kill all that is started meanwhile and put into the list, with all it leaves behind."""
        started: list[subprocess.Popen[bytes]] = []
        before = processes.children() if self._adopts else set()
        try:
            yield started
        finally:
            for process in started:
                end(process)
                processes.workers.discard(process.pid)
            if self._adopts:
                processes.kill_orphans(before)

    def close(self) -> None:
        """Nothing is held."""


class OwnUser:
    """A user that has nothing but the worker.

    Parameters
    ----------
    uid : int, optional
        One that is not used for anything else; by default one is taken.

    Raises
    ------
    SandboxError
        If all are taken.
    """

    most_processes = MOST_PROCESSES

    def __init__(self, uid: int | None = None) -> None:
        processes.adopt_orphans(True)
        self.uid, self._lock = claimed([uid] if uid is not None else candidates())
        self._helper = self.uid + HELPERS if self.uid in FREE else SPARE_HELPER
        self._isolation = next(filter(works, ISOLATIONS), ())
        self._writable = writable_folders()
        self.notes: tuple[str, ...] = (
            ()
            if "--net" in self._isolation
            else ("unshare --net does not work here: the code of hand-ins reaches the network.",)
        )
        self._end()  # what a grader that was killed has left behind

    def command(self, command: Sequence[str]) -> list[str]:
        """The command as this user runs it, without network where that can be done."""
        ids = [f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
        # setpriv has root's rights to its end, and finds what this user cannot; env has them no more.
        user = ["setpriv", *ids, "--no-new-privs", "--pdeathsig=KILL", "env", *command]
        return ["unshare", *self._isolation, *user] if self._isolation else user

    def give(self, folder: Path) -> None:
        """Make a folder this user's."""
        os.chown(folder, self.uid, self.uid)

    @contextlib.contextmanager
    def alive(self) -> Iterator[list["subprocess.Popen[bytes]"]]:
        """Kill all that is started meanwhile and put into the list, with all it leaves behind."""
        started: list[subprocess.Popen[bytes]] = []
        try:
            yield started
        finally:
            for process in started:
                end(process)
            self._end()

    def _end(self) -> None:
        """Kill all processes of this user, and remove its files."""
        processes.kill_all_of(self.uid, self._helper)
        if "--ipc" not in self._isolation and shutil.which("ipcrm"):
            remove = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
            subprocess.run([*remove, "ipcrm", "--all"], capture_output=True, check=False)
        for folder in self._writable:
            remove_files_of(self.uid, folder)

    def close(self) -> None:
        """Let another grader have the user."""
        os.close(self._lock)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process with its group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def candidates() -> Iterator[int]:
    """Users that may be taken."""
    import pwd  # there is none on Windows

    with contextlib.suppress(KeyError):
        user = pwd.getpwnam(NAME)
        if Path(user.pw_shell).name in SHELLS and user.pw_uid:
            yield user.pw_uid
    taken = {user.pw_uid for user in pwd.getpwall()}
    yield from (uid for uid in FREE if uid not in taken)


def claimed(uids: "Iterator[int] | list[int]") -> tuple[int, int]:
    """The first user that no grader has, and the descriptor that holds it."""
    import fcntl  # there is none on Windows

    folder = next(folder for folder in LOCKS if folder.parent.is_dir())
    folder.mkdir(mode=0o700, exist_ok=True)
    for uid in uids:
        file = os.open(folder / str(uid), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            return uid, file
    raise SandboxError("other graders have taken all users that hand-ins may run as")


def works(isolation: Sequence[str]) -> bool:
    """True if unshare can do this here."""
    if not shutil.which("unshare"):
        return False
    return not subprocess.run(["unshare", *isolation, "true"], capture_output=True).returncode


def writable_folders() -> list[Path]:
    """The folders that every user can write to."""
    found: list[Path] = []
    left = [Path(name) for name in {*WRITABLE, tempfile.gettempdir()}]
    while left and len(found) < MOST_FOLDERS:
        folder = left.pop(0)
        with contextlib.suppress(OSError):
            if folder.stat().st_mode & 0o002:
                found.append(folder)
                left += [
                    Path(entry.path)
                    for entry in os.scandir(folder)
                    if entry.is_dir(follow_symlinks=False)
                ]
    return found


def remove_files_of(uid: int, folder: Path) -> None:
    """Remove a user's files from a folder that every user can write to."""
    with contextlib.suppress(OSError):
        names = [
            entry.path
            for entry in os.scandir(folder)
            if entry.stat(follow_symlinks=False).st_uid == uid
        ]
        for start in range(0, len(names), 100):
            # Unlike shutil.rmtree, rm copes with folders of any depth.
            subprocess.run(
                ["rm", "-rf", "--one-file-system", "--", *names[start : start + 100]],
                stderr=subprocess.DEVNULL,
                check=False,
            )
