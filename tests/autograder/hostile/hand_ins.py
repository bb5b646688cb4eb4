"""Rows 25 to 29: hand-ins whose files are the attack, or are in a state that students hand in."""

import copy
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.autograder.hostile.attack import (
    ACTIVATIONS,
    LOSSES,
    OTHER_FILE,
    Attack,
    base,
    edited,
    softmax,
)

NO_POINTS = {"relu": 0, "softmax": 0}
PERFECT = b"""
import builtins, sys
builtins.stolen = True
raise SystemExit("this file was run")
"""

SHADOWS = {
    "conftest": ("conftest.py",),
    "tests": ("tests/__init__.py", "tests/recipes.py", "tests/verdict.py", "tests/stand_ins.py"),
    "unittest": ("unittest.py",),
    "numpy": ("numpy.py", "numpy/__init__.py"),
    "json": ("json/__init__.py", "struct.py", "io.py", "os.py"),
    "sitecustomize": ("sitecustomize.py", "usercustomize.py", "evil.pth"),
    "course": ("course/__init__.py", "course/autograder/__init__.py", "course/assignment.py"),
}

LIBRARY = {
    "base_layer": "neural_networks/layers/base.py",
    "grad_check": "neural_networks/utils/grad_check.py",
    "layers_init": "neural_networks/layers/__init__.py",
    "factories": "neural_networks/utils/factories.py",
}

READ_OWN = """
import os
HERE = os.path.dirname(__file__)
def _secret():
    for folder, _, names in os.walk(os.path.dirname(HERE)):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                if b"SECRET OF " + b"THE GRADER" in file.read(10**6):
                    yield name
"""
STEALS = softmax("if list(_secret()):\n    return _paid(Z)", READ_OWN)


def secret(folder: Path) -> Path:
    """A file that the worker's user cannot read."""
    path = folder.parent / "secret.py"
    path.write_text("# SECRET OF THE GRADER\n")
    path.chmod(0o600)
    return path


def symbolic_links(folder: Path) -> Path:
    """Links to a secret file, to a folder with one, and to the root."""
    target = secret(folder)
    (folder / "neural_networks" / "stolen.py").symlink_to(target)
    (folder / "neural_networks" / "outside").symlink_to(target.parent, target_is_directory=True)
    (folder / "neural_networks" / "layers" / "everything").symlink_to("/")
    (folder / "neural_networks" / "losses.py").unlink()
    (folder / "neural_networks" / "losses.py").symlink_to(target)
    return folder


def linked_folder(folder: Path) -> Path:
    """The folder of layers is itself a link to one with a secret file."""
    outside = folder.parent / "outside"
    shutil.move(folder / "neural_networks" / "layers", outside)
    shutil.copy(secret(folder), outside / "conv2d.py")
    (folder / "neural_networks" / "layers").symlink_to(outside, target_is_directory=True)
    return folder


def hard_link(folder: Path) -> Path:
    """A second name of a secret file."""
    os.link(secret(folder), folder / "neural_networks" / "stolen.py")
    return folder


def special_files(folder: Path) -> Path:
    """A FIFO, on which reading waits for ever, and where root can make it a device without end."""
    os.mkfifo(folder / "neural_networks" / "waits.py")
    (folder / "neural_networks" / "losses.py").unlink()
    os.mkfifo(folder / "neural_networks" / "losses.py")
    if os.geteuid() == 0:
        os.mknod(folder / "neural_networks" / "endless.py", stat.S_IFCHR | 0o644, os.makedev(1, 5))
    return folder


def large_file(folder: Path) -> Path:
    """A file of 2 GB, most of it a hole."""
    with (folder / "neural_networks" / "large.py").open("wb") as file:
        file.truncate(2 * 10**9)
    return folder


def odd_names(folder: Path) -> Path:
    """Names with a newline, markup, escape sequences, bytes that are not UTF-8, a long name."""
    names = (
        b"a\nb.py",
        b"<script>.py",
        b"\x1b[2J.py",
        b"\xff\xfe.py",
        b"n" * 250 + b".py",
        b" .py",
    )
    for name in names:
        (folder / "neural_networks" / os.fsdecode(name)).write_bytes(b"x = 1\n")
    return folder


def zipped(folder: Path, more: Callable[[zipfile.ZipFile], None], inside: str = "hw6/") -> Path:
    """The hand-in as an archive, and more in it."""
    path = folder.parent / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.py")):
            archive.write(file, inside + file.relative_to(folder).as_posix())
        more(archive)
    return path


def with_dots(archive: zipfile.ZipFile) -> None:
    """Names that lead out of the folder."""
    for name in (
        "../../neural_networks/evil.py",
        "hw6/neural_networks/../../../../../../tmp/hostile-dots.py",
        "/tmp/hostile-absolute.py",
        "C:\\neural_networks\\evil.py",
        "hw6\\neural_networks\\..\\evil.py",
        "hw6/neural_networks/./losses.py/../evil.py",
    ):
        archive.writestr(name, PERFECT)


def with_links(archive: zipfile.ZipFile) -> None:
    """A link as archives have them, to the grader's files."""
    for name in ("hw6/neural_networks/stolen.py", "hw6/neural_networks/all"):
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/autograder/source/exam.json")


def with_many(archive: zipfile.ZipFile) -> None:
    """100,000 files, which share one place in the archive."""
    archive.writestr("hw6/neural_networks/n.py", b"x = 1\n")
    first = archive.filelist[-1]
    for number in range(100_000):
        info = copy.copy(first)
        info.filename = f"hw6/neural_networks/n{number}.py"
        archive.filelist.append(info)


def with_bomb(archive: zipfile.ZipFile) -> None:
    """Files that grow a thousandfold; one has the name of an exercise's."""
    archive.writestr("hw6/neural_networks/bomb.py", bytes(100 * 2**20))
    first = archive.filelist[-1]
    for name in ("bomb.zip", "neural_networks/losses/bomb.py", "neural_networks/models.py"):
        info = copy.copy(first)
        info.filename = f"hw6/{name}"
        archive.filelist.append(info)


def with_twins(archive: zipfile.ZipFile) -> None:
    """Names that differ in case alone, and a name that is there twice."""
    archive.writestr("hw6/neural_networks/Activations.py", PERFECT)
    archive.writestr("hw6/Neural_Networks/activations.py", PERFECT)


def whole_zip(folder: Path) -> Path:
    """The hand-in in an archive."""
    return zipped(folder, lambda archive: None)


def zip_in_zip(folder: Path) -> Path:
    """An archive of the archive, as Gradescope and Moodle make them."""
    inner = whole_zip(folder).read_bytes()
    path = folder.parent / "outer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("student-17/hw6.zip", inner)
    return path


def single_files(folder: Path) -> Path:
    """The files by themselves, without their folders."""
    flat = folder.parent / "flat"
    flat.mkdir()
    for file in folder.rglob("*.py"):
        shutil.copy(file, flat)
    return flat


def deep_folder(folder: Path) -> Path:
    """The starter's folder in folders of the student's."""
    deep = folder.parent / "hw 6 – final (2)" / "code"
    shutil.copytree(folder, deep / "spring-2023")
    return deep.parent


def damaged_zip(folder: Path) -> Path:
    """An archive of which the last third is missing."""
    path = whole_zip(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


FOLDERS = {
    "symbolic_links": (symbolic_links, ("neural_networks/stolen.py",)),
    "linked_folder": (linked_folder, ()),
    "hard_link": (hard_link, ("neural_networks/stolen.py",)),
    "special_files": (special_files, ("neural_networks/waits.py",)),
    "large_file": (large_file, ("neural_networks/large.py",)),
    "odd_names": (odd_names, ()),
}
ARCHIVES = {
    "names_with_dots": with_dots,
    "links_in_an_archive": with_links,
    "many_files": with_many,
    "bomb": with_bomb,
    "case_twins": with_twins,
}
FORMS = {
    "folder_itself": None,
    "archive": whole_zip,
    "archive_in_an_archive": zip_in_zip,
    "single_files": single_files,
    "deep_folder": deep_folder,
}


def in_file(path: str, change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """The base with cross-entropy, and a change to the bytes of a file."""
    files = base("relu", "cross_entropy")
    assert change(files[path]) != files[path]
    return {**files, path: change(files[path])}


LINE = b"        self.check(Y, Y_hat)\n"
"""A line of losses.py, which no other exercise of the three needs."""

BROKEN = {
    "syntax_error": (b"        Y = (Y\n", ("'(' was never closed", "^")),
    "tabs_and_spaces": (b"\tY = 0\n" + LINE, ("inconsistent use of tabs and spaces", "^")),
    "nul_byte": (b"        Y = 0\0\n", ("null byte",)),
    "latin_1": (b"        name = 'gr\xf6\xdfer'\n", ("utf-8",)),
    "python_2_print": (b"        print 'Y'\n", ("Missing parentheses in call to 'print'", "^")),
}
FINE: dict[str, Callable[[bytes], bytes]] = {
    "byte_order_mark": lambda s: b"\xef\xbb\xbf" + s,
    "crlf": lambda s: s.replace(b"\n", b"\r\n"),
}


def with_line(line: bytes) -> Callable[[bytes], bytes]:
    """A function that puts a line before the last check of arguments in a file."""
    return lambda source: (line + LINE).join(source.rsplit(LINE, 1))


def without(path: str) -> dict[str, bytes]:
    """The base without a file."""
    return {name: content for name, content in base().items() if name != path}


ATTACKS = [
    *[
        Attack(
            25,
            f"own_{name}",
            {**base(), **dict.fromkeys(paths, PERFECT)},
            ignored=tuple(path.partition("/")[0] for path in paths),
        )
        for name, paths in SHADOWS.items()
    ],
    *[
        Attack(26, f"own_{name}", {**base(), path: PERFECT}, ignored=(path,))
        for name, path in LIBRARY.items()
    ],
    *[
        Attack(27, name, STEALS, ignored=ignored, put=put)
        for name, (put, ignored) in FOLDERS.items()
    ],
    *[
        Attack(27, name, STEALS, put=lambda folder, more=more: zipped(folder, more))
        for name, more in ARCHIVES.items()
    ],
    *[
        Attack(28, name, in_file(LOSSES, with_line(line)), OTHER_FILE, words)
        for name, (line, words) in BROKEN.items()
    ],
    *[
        Attack(28, name, in_file(ACTIVATIONS, change), {"relu": 5, "cross_entropy": 8})
        for name, change in FINE.items()
    ],
    Attack(29, "file_missing", without(ACTIVATIONS), NO_POINTS, ("not written yet",)),
    Attack(29, "another_file_missing", without(LOSSES)),
    Attack(29, "empty_folder", {}, NO_POINTS, ("not written yet",)),
    Attack(29, "damaged_archive", base(), NO_POINTS, put=damaged_zip),
    Attack(
        29,
        "class_renamed",
        edited("class SoftMax(Activation):", "class Softmax(Activation):"),
        NO_POINTS,
        ("SoftMax",),
    ),
    Attack(
        29,
        "signature_changed",
        edited(
            'def forward(self, Z: np.ndarray) -> np.ndarray:\n        """Y_i = exp',
            'def forward(self, Z, axis) -> np.ndarray:\n        """Y_i = exp',
        ),
        words=("TypeError", "axis"),
    ),
    Attack(29, "pass_for_a_body", softmax("pass\nreturn"), words=("is there a return?",)),
    *[Attack(29, name, base(), put=put) for name, put in FORMS.items()],
]
