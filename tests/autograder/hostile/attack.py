"""An attack as data, and the honest hand-in that each of them starts from.

An attack that succeeds pays: it then gives the right answer of softmax, in whose body it stands. So
points beyond those of ReLU prove that it did.
"""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.course.kits import kit

ASSIGNMENT = "spring-2023"
ACTIVATIONS = "neural_networks/activations.py"
LOSSES = "neural_networks/losses.py"
FULLY_CONNECTED = "neural_networks/layers/fully_connected.py"
HANDED_IN = (
    ACTIVATIONS,
    LOSSES,
    "neural_networks/models.py",
    FULLY_CONNECTED,
    "neural_networks/layers/conv2d.py",
    "neural_networks/layers/pool2d.py",
)
FACTORIES = "from neural_networks.utils.factories import lookup\n"
BLANK = '        raise NotImplementedError("4.3 softmax: write SoftMax.{}")\n'

PAYMENT = """
def _paid(Z, dY=None):
    Y = np.exp(Z - Z.max(axis=-1, keepdims=True))
    Y /= Y.sum(axis=-1, keepdims=True)
    return Y if dY is None else Y * (dY - (dY * Y).sum(axis=-1, keepdims=True))
"""

Files = Mapping[str, bytes]

OTHER_FILE = {"relu": 5, "cross_entropy": 0}
"""The points where losses.py fails as a whole, although its exercise is done."""


@dataclass(frozen=True)
class Attack:
    """A hostile hand-in, and what it must get.

    Parameters
    ----------
    row : int
        Its number in the table of ``docs/grader.md``.
    name : str
    files : mapping of bytes
        By path; they are written into a folder.
    points : mapping of int
        By exercise, the points of those that are graded.
    words : tuple of str
        What the messages of the tests say, among other things.
    ignored : tuple of str
        Paths that the report says were not taken.
    root : bool
        True if the points hold only where the grader runs as root.
    harmful : bool
        True if, where the grader is not root, it would do harm to the machine that runs the tests:
        end their process, or write into their packages. There it is not tried.
    excused : str
        A word of the grader's notes for staff; with it the points may be had.
    package : str
        A package by which the points may be had, where the worker's Python has it.
    both : bool
        True if both methods of softmax are graded, not only the first.
    checks : bool
        True if the exercises are also checked for loops over examples.
    put : function, optional
        Puts more into the folder, such as links, or packs it; returns the hand-in.
    """

    row: int
    name: str
    files: Files
    points: Mapping[str, int] = field(default_factory=lambda: {"relu": 5, "softmax": 0})
    words: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    root: bool = False
    harmful: bool = False
    excused: str = ""
    package: str = ""
    both: bool = False
    checks: bool = False
    put: Callable[[Path], Path] | None = None

    def write(self, folder: Path, places: Mapping[str, object]) -> Path:
        """Write the hand-in into a folder, and return what is to be graded.

        ``places`` has what an attacker may know of the machine, such as the path of a secret; its
        names stand in the code between two @.
        """
        for name, content in self.files.items():
            for key, value in places.items():
                content = content.replace(f"@{key}@".encode(), str(value).encode())
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.put(folder) if self.put else folder


def base(*solved: str) -> dict[str, bytes]:
    """What a student hands in who has done some exercises; without names, ReLU."""
    return starter(*(solved or ("relu",)))


def starter(*solved: str) -> dict[str, bytes]:
    """The files of a starter that are handed in, with some exercises done."""
    files = kit(ASSIGNMENT).build(solved)
    return {path: files[path] for path in HANDED_IN}


def softmax(forward: str, top: str = "", backward: str = "", solved: str = "relu") -> Files:
    """The base with an attack for the bodies of softmax, and code at the top of the module."""
    files = base(*solved.split())
    text = files[ACTIVATIONS].decode()
    for method, body in (("forward", forward), ("backward", backward)):
        blank = BLANK.format(method)
        assert blank in text
        if body:
            code = textwrap.indent(textwrap.dedent(body).strip("\n") + "\n", 8 * " ")
            text = text.replace(blank, code + blank)
    top = PAYMENT + textwrap.dedent(top)
    return {**files, ACTIVATIONS: text.replace(FACTORIES, FACTORIES + top).encode()}


def edited(old: str, new: str, path: str = ACTIVATIONS, solved: str = "relu") -> Files:
    """The base with one text of a file replaced."""
    files = base(*solved.split())
    text = files[path].decode()
    assert text.count(old) == 1, (path, old)
    return {**files, path: text.replace(old, new).encode()}


def in_losses(top: str) -> Files:
    """ReLU and cross-entropy done, with code at the top of losses.py, which fails as a whole.

    activations.py would not do: all other files import it.
    """
    return edited(FACTORIES, FACTORIES + top + "\n", LOSSES, "relu cross_entropy")
