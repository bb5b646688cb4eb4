"""The worker: runs one recipe on a student's code, and sends back what came out of each case.

It is a program of its own, started afresh for each test as another user. It knows the inputs of the
cases and nothing else: the expected values, the verdict and the points stay with the grader. The
sandbox copies it beside ``wire.py`` and gives it the tree, then the limits: seconds, megabytes,
seconds of CPU, and processes. The request comes on standard input, a file to whose end the place of
a crash or an endless loop is added; answers go to standard output, which is moved out of the way of
the student's code.
"""

import contextlib
import faulthandler
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

FINDERS = BuiltinImporter, FrozenImporter, PathFinder
OF_THE_TREE = ("neural_networks", "tests")
"""Packages that come from the tree, even if the environment has others of this name."""

CHANNEL, TRACE = 63, 62  # the highest descriptors that the limit allows
LARGEST_FILE, MOST_FILES = 2**20, CHANNEL + 1


class FromTree:
    """Finds the packages under test in the tree, before anything else is asked."""

    def __init__(self, tree: str) -> None:
        self._tree = tree

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a package."""
        if name not in OF_THE_TREE:
            return None
        if spec := PathFinder.find_spec(name, [self._tree]):
            return spec
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class LineCounter:
    """A trace function that counts the lines that run, but for those of some folders."""

    def __init__(self, left_out: tuple[str, ...]) -> None:
        self.count = 0
        self._left_out = left_out

    def __call__(self, frame: FrameType, event: str, argument: Any) -> "LineCounter | None":
        """Count a line."""
        if event == "call" and frame.f_code.co_filename.startswith(self._left_out):
            return None
        self.count += event == "line"
        return self


def main(arguments: Sequence[str]) -> None:
    """Answer one request."""
    tree, seconds = arguments[0], float(arguments[1])
    set_limits(*map(int, arguments[2:]))
    request = sys.stdin.buffer.read()
    move_channel()
    # Last, so that no file of the tree stands for a module of Python or NumPy.
    sys.path.append(tree)
    # Without those of packages that are installed in place, of which one may be the solution.
    sys.meta_path[:] = [FromTree(tree), *(finder for finder in sys.meta_path if finder in FINDERS)]
    folder = str(Path(__file__).parent)
    sys.path.insert(0, folder)
    wire = importlib.import_module("wire")
    verdict = importlib.import_module("tests.verdict")
    sys.path.remove(folder)
    faulthandler.dump_traceback_later(0.9 * seconds, file=TRACE)
    # The tree itself may lie in the folder of these two files.
    answer(wire, verdict, request, (__file__, str(wire.__file__), str(Path(tree, "tests"))))
    os._exit(0)  # no hook of the student's, and no thread, is waited for


def answer(wire: Any, verdict: Any, request: bytes, left_out: tuple[str, ...]) -> None:
    """Run the recipe on each case and send what came out."""
    recipe, cases, count = wire.read_request(request)
    send(wire.frame({"kind": wire.READY}))
    for case in cases:
        outcome, lines = outcome_of(verdict, recipe, case), None
        if count:  # now that everything is imported
            counter = LineCounter(left_out)
            threading.settrace(counter)
            sys.settrace(counter)
            outcome = outcome_of(verdict, recipe, case)
            lines = counter.count if sys.gettrace() is counter else None
            sys.settrace(None)
        try:
            reply = wire.reply_frames(outcome, lines)
        except BaseException as error:  # a class whose attributes raise something
            reply = wire.reply_frames(verdict.Outcome(error=described(verdict, error)), lines)
        send(reply)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    send(wire.frame({"kind": wire.END}))


def outcome_of(verdict: Any, recipe: str, case: Any) -> Any:
    """The outcome of a case, whatever the code raises."""
    try:
        return verdict.run(recipe, case)
    except BaseException as error:
        return verdict.Outcome(error=described(verdict, error))


def described(verdict: Any, error: BaseException) -> str:
    """An error in words, also one that cannot even be printed."""
    try:
        return verdict.described(error)
    except BaseException:
        # Past a metaclass whose __name__ is something else.
        return f"It raised {type.__dict__['__name__'].__get__(type(error))}."


def set_limits(megabytes: int, seconds: int, processes: int) -> None:
    """Limit memory, time, files and, unless it is 0, the processes of the user."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        "RLIMIT_AS": megabytes * 2**20,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": LARGEST_FILE,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": MOST_FILES,
    } | ({"RLIMIT_NPROC": processes} if processes else {})
    for name, value in limits.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            _, hard = resource.getrlimit(getattr(resource, name))
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(getattr(resource, name), (value, value))


def move_channel() -> None:
    """Move the ways to the grader to descriptors of their own, and print to standard error."""
    os.dup2(0, TRACE, inheritable=False)
    os.dup2(1, CHANNEL, inheritable=False)
    faulthandler.enable(TRACE)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def send(data: bytes) -> None:
    """Send bytes to the grader."""
    left = memoryview(data)
    while left:
        left = left[os.write(CHANNEL, left) :]


if __name__ == "__main__":
    main(sys.argv[1:])
