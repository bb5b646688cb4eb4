"""Namespaces of the kernel: no network, no shared memory, and a file system with less in it.

Where the kernel allows it, a worker sees empty folders in place of all but the system's own, and of
those that every user can write to. The latter are of limited size and end with the worker.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CHOICES = ("--mount", "--net", "--ipc"), ("--net", "--ipc"), ("--net",), ("--ipc",), ()
"""Options of unshare, the best first."""

SYSTEM = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "nix", "gnu"}
NEEDED = SYSTEM | {"proc", "sys", "dev", "run", "var", "tmp"}
"""The folders of the root folder that stay; in all others solutions and hand-ins may lie."""

HIDDEN = "mode=711,size=64k"
"""A folder that others can neither list nor write to."""

LIMITED = "size=32m,nr_inodes=4k,nosuid,nodev"
OPEN = f"mode=1777,{LIMITED}"
"""A folder that every user can write to."""


@dataclass(frozen=True)
class Cover:
    """An empty folder that is seen in place of another, and the options that it is mounted with."""

    path: Path
    options: str = HIDDEN


@dataclass(frozen=True)
class Isolation:
    """The isolation that is possible here.

    Parameters
    ----------
    options : tuple of str
        The options of unshare.
    covers : tuple of Cover
        The folders to cover, if the options have ``--mount``.
    stash : Path
        A folder outside all of these that only root can read.
    """

    options: tuple[str, ...]
    covers: tuple[Cover, ...]
    stash: Path

    @property
    def covers_folders(self) -> bool:
        """True if folders can be covered."""
        return "--mount" in self.options

    def command(self, command: Sequence[str], keep: Sequence[Path], at: Path) -> list[str]:
        """The command, isolated.

        Parameters
        ----------
        command : sequence of str
        keep : sequence of Path
            Folders that are still seen, wherever they lie.
        at : Path
            The current folder.
        """
        if not self.options:
            return list(command)
        start = ["unshare", *self.options]
        if not self.covers_folders:
            return [*start, *command]
        return [*start, "sh", "-ec", "\n".join(self._script(keep, at)), "sh", *command]

    def _script(self, keep: Sequence[Path], at: Path) -> Iterator[str]:
        """The lines of a script that covers the folders and then runs its arguments."""
        stash = shlex.quote(str(self.stash))
        yield f"mount -t tmpfs -o mode=700,size=64k tmpfs {stash}"
        yield "umask 022"
        for cover in self._seen(keep):
            kept = [(f"{stash}/{n}", path) for n, path in enumerate(below(cover.path, keep))]
            for place, path in kept:
                yield f"mkdir -p {place}; mount --bind {shlex.quote(str(path))} {place}"
            yield f"mount -t tmpfs -o {cover.options} tmpfs {shlex.quote(str(cover.path))}"
            for place, path in kept:
                name = shlex.quote(str(path))
                yield f"mkdir -p {name}; mount --move {place} {name}"
        yield f"umount {stash}"
        yield f"cd {shlex.quote(str(at))}"
        yield "unset OLDPWD PWD"
        yield 'exec "$@"'

    def _seen(self, keep: Sequence[Path]) -> Iterator[Cover]:
        """The covers from the outermost inwards, without those that another one covers."""
        done: list[Path] = []
        for cover in sorted(self.covers, key=lambda cover: len(cover.path.parts)):
            around = [path for path in done if path in cover.path.parents]
            lies_in = {cover.path, *cover.path.parents}
            if cover.path not in done and (not around or lies_in & set(below(around[-1], keep))):
                done.append(cover.path)
                yield cover


def below(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """The paths below a folder, without those that lie below another one of them."""
    inside = [path for path in dict.fromkeys(paths) if folder in path.parents]
    return [path for path in inside if not set(path.parents) & set(inside)]


def unneeded() -> list[Path]:
    """The folders of the root folder that programs do not need."""
    folders = (path for path in Path("/").iterdir() if path.name not in NEEDED)
    return sorted(path for path in folders if path.is_dir() and not path.is_symlink())


def choices(covers: Sequence[Cover], stash: Path) -> list[Isolation]:
    """All that may work somewhere, the best first."""
    there = tuple(cover for cover in covers if cover.path.is_dir())
    return [Isolation(options, there, stash) for options in CHOICES]
