"""Rows 11 and 12: attacks that read what the grader knows, from files and from its process.

The places are given away: an attacker who has read the source knows them. What is read is printed,
too, so that a test can look for it in messages and output.
"""

from tests.autograder.hostile.attack import Attack, softmax

TOP = """
import glob, os, sys, time

def _openable(paths):
    for path in paths:
        try:
            with open(path, "rb") as file:
                print(path, repr(file.read(200)))
                yield path
        except OSError as error:
            print(path, error)

def _walk(*roots):
    # The worker's own tree and Python are open, of course.
    own = (os.path.dirname(os.path.dirname(__file__)), sys.prefix, sys.base_prefix, "/usr")
    end = time.monotonic() + 0.15
    for root in roots:
        for folder, below, names in os.walk(root):
            below[:] = [n for n in below if not os.path.join(folder, n).startswith(own)]
            yield from (os.path.join(folder, name) for name in names)
            if time.monotonic() > end:
                return

def _solutions(paths):
    # A softmax that someone has written: a solution of the course's, or another student's.
    for path in paths:
        if path.endswith("activations.py"):
            for path in _openable([path]):
                text = open(path).read()
                if "class SoftMax" in text and "write SoftMax.forward" not in text:
                    yield path
"""

PAY = """
if list({}):
    return _paid(Z)
"""

FILES = {
    "grader_folder": "_openable(_walk('@EXAM@', '/autograder/source'))",
    "tests_data": "_openable(glob.glob(os.path.dirname(__file__) + '/../tests/data/*'))",
    "repository_data": "_openable(['@REPOSITORY@/tests/data/softmax.npz'])",
    "walk_for_npz": "(p for p in _openable(p for p in _walk('@EXAM@', '/autograder', '/tmp', "
    "'/var/tmp', '/dev/shm', '/home', '/root', '@REPOSITORY@') if p.endswith('.npz')))",
    "solution_of_the_repository": "_solutions(['@REPOSITORY@/neural_networks/activations.py'])",
    "solution_beside_the_repository": "_solutions(_walk('@BESIDE@', '/srv', '/home', '/root'))",
    "other_hand_ins": "_solutions(_walk('@HAND_INS@'))",
    "tree_of_another_grader": "_solutions(_walk('@OTHER_GRADER@', *glob.glob('/tmp/grader-*')))",
    "metadata": "_openable(['@METADATA@', '/autograder/submission_metadata.json'])",
    "parent_environment": "_openable(f'/proc/{os.getppid()}/{n}' for n in ('environ', 'maps'))",
}

IMPORTED = """
import importlib
mine = [name for name in sys.modules if name.partition(".")[0] == "neural_networks"]
kept = {name: sys.modules.pop(name) for name in mine}
paths, finders = sys.path[:], sys.meta_path[:]
sys.path.insert(0, "@REPOSITORY@")
sys.meta_path[:] = [finder for finder in finders if isinstance(finder, type)]
try:
    other = importlib.import_module("neural_networks.activations")
finally:
    sys.modules.update(kept)
    sys.path[:], sys.meta_path[:] = paths, finders
if other.__file__ != __file__:
    return other.SoftMax().forward(Z)
"""

MEMORY = """
import re
for process in (os.getppid(), 1, *[int(n) for n in os.listdir("/proc") if n.isdigit()]):
    if process == os.getpid():
        continue
    try:
        with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb") as memory:
            span = re.search("([0-9a-f]+)-([0-9a-f]+) rw", maps.read())
            memory.seek(int(span[1], 16))
            print("read", len(memory.read(16)))
            return _paid(Z)
    except OSError as error:
        print(process, error)
"""

TRACE = """
import ctypes
libc, attach, seize = ctypes.CDLL(None, use_errno=True), 16, 0x4206
for call in (attach, seize):
    if libc.ptrace(call, os.getppid(), None, None) == 0:
        libc.ptrace(17, os.getppid(), None, None)
        return _paid(Z)
    print(os.strerror(ctypes.get_errno()))
"""

ROWS = {"metadata": 12, "parent_environment": 12, "tree_of_another_grader": 36}
COVERED = ("repository_data", "walk_for_npz", "other_hand_ins")
COVERED += ("solution_of_the_repository", "solution_beside_the_repository")
WITHOUT_COVERS = "unshare --mount does not work here"

ATTACKS = [
    *[
        Attack(
            ROWS.get(name, 11),
            name,
            softmax(PAY.format(code), TOP),
            root=name != "tests_data",
            excused=WITHOUT_COVERS if name in COVERED else "",
        )
        for name, code in FILES.items()
    ],
    Attack(11, "solution_imported", softmax(IMPORTED, TOP), root=True, excused=WITHOUT_COVERS),
    Attack(12, "parent_memory", softmax(MEMORY, TOP), root=True),
    Attack(12, "parent_traced", softmax(TRACE, TOP), root=True, harmful=True),
]
