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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from course.autograder.sandbox import processes
from course.autograder.sandbox.isolation import LIMITED, OPEN, Cover, choices, unneeded
from course.autograder.sandbox.processes import SandboxError

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
REMOVING = 5.0
"""Seconds that removing a test's files may take."""


Worker = subprocess.Popen[bytes]


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
            "all that this user can, expected values and grades included.",
        )
        self._adopts = processes.adopt_orphans()

    def command(self, command: Sequence[str], tree: Path) -> list[str]:
        """The command as this user runs it."""
        return list(command)

    def let_read(self, folder: Path) -> None:
        """Let this user read a folder: it can."""

    def give(self, folder: Path) -> None:
        """Make a folder this user's: it is."""

    @contextlib.contextmanager
    def alive(self) -> Iterator[list[Worker]]:
        """Kill all that is started meanwhile and put into the list, with all it leaves behind."""
        started: list[Worker] = []
        before = processes.children() if self._adopts else set()
        try:
            yield started
        finally:
            for process in started:
                if hasattr(os, "killpg"):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait()
            if self._adopts:
                processes.kill_orphans(before)
            processes.workers.difference_update(process.pid for process in started)

    def close(self) -> None:
        """Nothing is held."""


class OwnUser:
    """A user that has nothing but the worker.

    Parameters
    ----------
    uid : int or None
        One that is not used for anything else; by default one is taken.
    home : Path
        The folder that it can write to.
    hide : sequence of Path
        Folders that it must not see, besides all that programs do not need.
    keep : sequence of Path
        Folders that it needs.

    Raises
    ------
    SandboxError
        If all are taken.
    """

    most_processes = MOST_PROCESSES

    def __init__(
        self, uid: int | None, home: Path, hide: Sequence[Path], keep: Sequence[Path]
    ) -> None:
        processes.adopt_orphans()
        stash = locks()
        self.uid, self.gid, self._lock = claimed(stash, candidates() if uid is None else [uid])
        self._helper = self.uid + HELPERS if self.uid in FREE else SPARE_HELPER
        self._home, self._hide, self._keep = home, hide, keep
        covers = [
            *(Cover(folder, OPEN) for folder in open_folders()),
            *(Cover(folder) for folder in [*unneeded(), *hide]),
            Cover(home, f"mode=700,uid={self.uid},gid={self.gid},{LIMITED}"),
        ]
        self._choices = choices(covers, stash)
        self._isolation = self._choices[-1]
        self._writable = all_open_folders()
        self._end()  # what a grader that was killed has left behind

    def settle(self, works: Callable[[], bool]) -> bool:
        """Take the best isolation that works; False if this user does not even without any."""
        for choice in self._choices:
            self._isolation = choice
            if works():
                self._writable = [] if choice.covers_folders else self._writable
                return True
        return False

    @property
    def notes(self) -> tuple[str, ...]:
        """A note on each thing that is not protected here, for the staff."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[str]:
        """The limits of the kernel here, and their consequences."""
        if "--net" not in self._isolation.options:
            yield "unshare --net does not work here: the code of hand-ins reaches the network."
        for folder in [] if self._isolation.covers_folders else self._hide:
            command = [*self._setpriv(), "env", "test", "-x", str(folder)]
            if not subprocess.run(command, capture_output=True, check=False).returncode:
                yield f"unshare --mount does not work here: the code of hand-ins can read {folder}."

    def command(self, command: Sequence[str], tree: Path) -> list[str]:
        """The command as this user runs it, isolated as far as that can be done."""
        # setpriv has root's rights to its end, and finds what this user cannot; env has lost them.
        user = [*self._setpriv(), "--no-new-privs", "--pdeathsig=KILL", "env", *command]
        # Where memory runs out, the kernel is to end the worker, and no other process.
        user = ["choom", "-n", "1000", "--", *user] if shutil.which("choom") else user
        return self._isolation.command(user, [self._home.parent, *self._keep, tree], self._home)

    def _setpriv(self) -> list[str]:
        """The command that runs another as this user."""
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]

    def let_read(self, folder: Path) -> None:
        """Let this user read a folder, and no other but root."""
        os.chown(folder, 0, self.gid)
        folder.chmod(0o750)

    def give(self, folder: Path) -> None:
        """Make a folder this user's."""
        os.chown(folder, self.uid, self.gid)

    @contextlib.contextmanager
    def alive(self) -> Iterator[list[Worker]]:
        """Kill all that is started meanwhile and put into the list, with all it leaves behind."""
        started: list[Worker] = []
        try:
            yield started
        finally:
            for process in started:
                process.kill()
                process.wait()
            self._end()
            processes.workers.difference_update(process.pid for process in started)

    def _end(self) -> None:
        """Kill all processes of this user, and remove its files."""
        processes.kill_all_of(self.uid, self._helper)
        if "--ipc" not in self._isolation.options and shutil.which("ipcrm"):
            subprocess.run([*self._setpriv(), "ipcrm", "--all"], capture_output=True, check=False)
        for folder in self._writable:
            remove_files_of(self.uid, folder)

    def close(self) -> None:
        """Let another grader have the user."""
        os.close(self._lock)


def locks() -> Path:
    """A folder that only root can read, with a file for each user that is taken."""
    folder = next(folder for folder in LOCKS if folder.parent.is_dir())
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def candidates() -> Iterator[int]:
    """Users that may be taken."""
    import pwd  # there is none on Windows

    with contextlib.suppress(KeyError):
        user = pwd.getpwnam(NAME)
        if Path(user.pw_shell).name in SHELLS and user.pw_uid:
            yield user.pw_uid
    taken = {user.pw_uid for user in pwd.getpwall()}
    yield from (uid for uid in FREE if uid not in taken)


def claimed(folder: Path, uids: Iterable[int]) -> tuple[int, int, int]:
    """The first user that no grader has, its group, and the descriptor that holds it."""
    import fcntl  # there are none on Windows
    import pwd

    for uid in uids:
        file = os.open(folder / str(uid), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        try:
            return uid, pwd.getpwuid(uid).pw_gid, file
        except KeyError:
            return uid, uid, file
    raise SandboxError("other graders have taken all users that hand-ins may run as")


def open_folders() -> list[Path]:
    """The folders for temporary files, which every user can write to."""
    found = {Path(name).resolve() for name in (*WRITABLE, tempfile.gettempdir())}
    return [folder for folder in sorted(found) if folder.is_dir() and folder.stat().st_mode & 0o002]


def all_open_folders() -> list[Path]:
    """These, and what lies in them that every user can write to."""
    found: list[Path] = []
    left = open_folders()
    while left and len(found) < MOST_FOLDERS:
        folder = left.pop(0)
        with contextlib.suppress(OSError):
            if folder.stat().st_mode & 0o002:
                found.append(folder)
                entries = list(os.scandir(folder))
                left += [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
    return found


def remove_files_of(uid: int, folder: Path) -> None:
    """Remove a user's files from a folder that every user can write to."""
    with contextlib.suppress(OSError):
        entries = list(os.scandir(folder))
        names = [e.path for e in entries if e.stat(follow_symlinks=False).st_uid == uid]
        for start in range(0, len(names), 100):
            remove(names[start : start + 100])


def remove(paths: Sequence[str]) -> None:
    """Remove files and folders; those that take too long become this user's, closed to others."""
    # Unlike shutil.rmtree, rm copes with folders of any depth.
    command = ["rm", "-rf", "--", *paths]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False, timeout=REMOVING)
        return
    for path in paths:
        with contextlib.suppress(OSError):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            os.fchown(folder, os.geteuid(), os.getegid())
            os.fchmod(folder, 0o700)
            os.close(folder)
