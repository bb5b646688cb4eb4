"""Rows 31 to 35: answers that were looked up, kept, borrowed, counted; right but for a rule."""

from tests.autograder.classes import FORWARD
from tests.autograder.hostile.attack import Attack, edited, softmax
from tests.verdict import load_cases

KEEP = """
import glob, os, sys, tempfile
SAVED = "kept-by-the-forward-test"
PLACES = ["/tmp", "/var/tmp", "/dev/shm", "/run/lock", tempfile.gettempdir(), os.getcwd()]
PLACES += [os.path.expanduser("~"), os.path.dirname(__file__), sys.prefix]
"""
BACK = "return _paid(Z, dY)"

LOOPS = {
    "loop_over_examples": (
        """
        return np.array([np.maximum(row, 0) for row in Z])
""",
        "is there a loop over the examples?",
    ),
    "trace_taken_away": (
        """
        import sys
        sys.settrace(None)
        frame = sys._getframe()
        while frame:
            frame.f_trace = None
            frame = frame.f_back
        return np.array([np.maximum(row, 0) for row in Z])
""",
        "not measurable",
    ),
}
"""Bodies of ReLU.forward, and words of the check."""

BORROWED = {
    "torch": "import torch\nreturn torch.softmax(torch.tensor(Z), -1).numpy()",
    "scipy": "from scipy.special import softmax\nreturn softmax(Z, axis=-1)",
    "sklearn": "from sklearn.utils.extmath import softmax\nreturn softmax(Z)",
}


def table_of_public_cases() -> str:
    """A dictionary from the bytes of each public input to the output that the test expects."""
    table = {
        case.inputs["Z"].tobytes(): case.expected["Y"].tobytes()
        for case in load_cases("softmax.forward")
    }
    return f"_TABLE = {table!r}\n"


ATTACKS = [
    Attack(
        31,
        "table_of_public_cases",
        softmax(
            """
            if Z.tobytes() in _TABLE:
                print("a public case")
                return np.frombuffer(_TABLE[Z.tobytes()]).reshape(Z.shape).copy()
            return np.zeros(Z.shape)
            """,
            table_of_public_cases(),
        ),
        words=("SoftMax.forward, case",),
    ),
    Attack(
        32,
        "files_between_tests",
        softmax(
            """
            for place in PLACES:
                try:
                    open(os.path.join(place, SAVED), "w").close()
                except OSError:
                    pass
            """,
            KEEP,
            f"""
            if any(os.path.exists(os.path.join(place, SAVED)) for place in PLACES):
                {BACK}
            """,
        ),
        harmful=True,
        both=True,
    ),
    Attack(
        32,
        "staged_file_between_tests",
        softmax(
            """
            with open(__file__, "a") as file:
                file.write("# " + SAVED)
            """,
            KEEP,
            f"""
            if SAVED in open(__file__).read().splitlines()[-1]:
                {BACK}
            """,
        ),
        words=("Error",),
        root=True,
        both=True,
    ),
    Attack(
        32,
        "shared_memory_between_tests",
        softmax(
            """
            from multiprocessing import resource_tracker, shared_memory
            resource_tracker.register = lambda *args: None
            shared_memory.SharedMemory(SAVED, create=True, size=64)
            """,
            KEEP,
            f"""
            from multiprocessing import shared_memory
            try:
                shared_memory.SharedMemory(SAVED)
            except OSError:
                pass
            else:
                {BACK}
            """,
        ),
        harmful=True,
        both=True,
    ),
    *[
        Attack(33, name, softmax(code), words=(name,), package=name)
        for name, code in BORROWED.items()
    ],
    Attack(
        33,
        "socket",
        softmax("""
            import socket
            for address in (("127.0.0.1", @PORT@), ("1.1.1.1", 53)):
                with socket.create_connection(address, timeout=0.3):
                    return _paid(Z)
            """),
        words=("Error",),
        root=True,
        excused="unshare --net does not work here",
    ),
    Attack(
        33,
        "pip_install",
        softmax("""
            import subprocess, sys
            done = subprocess.run([sys.executable, "-m", "pip", "install", "scipy"], timeout=1)
            if not done.returncode:
                return _paid(Z)
            """),
    ),
    *[
        Attack(
            34,
            name,
            edited(f"\n{FORWARD}", code),
            {"relu": 5},
            (word,),
            checks=True,
        )
        for name, (code, word) in LOOPS.items()
    ],
    Attack(
        35, "right_but_slow", softmax("import time; time.sleep(3)\nreturn _paid(Z)"), words=("2 s",)
    ),
    Attack(35, "right_with_noise", softmax("return _paid(Z) * (1 + 1e-8)"), words=("differ",)),
    Attack(35, "right_in_float32", softmax("return _paid(Z).astype('f4')"), words=("float32",)),
]
