"""Rows 16 to 20 and 23: loops, signals, swarms of processes, memory, crashes."""

from tests.autograder.hostile.attack import OTHER_FILE, Attack, in_losses, softmax

SLOW = "not done after 2 s"
MEMORY = "memory"

DAEMON = """
import os, signal, time

def _daemon(work):
    # Two forks and a session of its own: the daemon's parent is process 1, or a reaper.
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in range(64):
        try:
            os.close(number)
        except OSError:
            pass
    for number in range(1, 32):
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
    while True:
        work()
        time.sleep(0.001)

def _in_a_namespace(work):
    # A user namespace, where the kernel allows it: root of its own, but to no one else.
    import ctypes
    libc = ctypes.CDLL(None)
    print("unshare", libc.unshare(0x10000000), libc.unshare(0x20000000 | 0x00020000))
    _daemon(work)

def _edit():
    try:
        text = open(__file__).read()
        text = text.replace("raise NotImplementedError(", "return _paid(Z, dY)  # (")
        with open(__file__, "w") as file:
            file.write(text)
    except OSError:
        pass

def _kill():
    # Whatever comes next under this user.
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (os.getpid(), 1):
            try:
                os.kill(int(name), signal.SIGKILL)
            except OSError:
                pass
"""

KILLS = {
    "itself": ("os.kill(os.getpid(), signal.SIGKILL)", "crashed (signal 9, SIGKILL)"),
    "parent": ("os.kill(os.getppid(), signal.SIGKILL)", ""),
    "all": ("os.kill(-1, signal.SIGKILL)", ""),
    "group": ("os.killpg(0, signal.SIGKILL)", "crashed (signal 9, SIGKILL)"),
}

CRASHES = {
    "segmentation_fault": ("import ctypes; ctypes.string_at(0)", "crashed (signal 11, SIGSEGV)"),
    "stack_overflow": (
        """
        import sys
        sys.setrecursionlimit(10**7)
        def fall(value):
            return fall([value].__contains__(value) or [fall(value)])
        class Deep:
            def __eq__(self, other): return [self] == [Deep()]
        Deep() == Deep()
        """,
        "crashed (signal 11, SIGSEGV)",
    ),
    "abort": ("import os; os.abort()", "crashed (signal 6, SIGABRT)"),
}

DEAF = """
import signal, time
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
time.sleep(1000)
"""

ATTACKS = [
    Attack(16, "endless_loop", softmax("while True:\n    pass"), words=(SLOW,)),
    Attack(
        17,
        "endless_loop_at_import",
        in_losses("while True: pass"),
        OTHER_FILE,
        (SLOW,),
    ),
    Attack(18, "deaf_to_signals", softmax(DEAF), words=(SLOW,)),
    Attack(
        19,
        "fork_bomb",
        softmax("""
            import os
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
            """),
        words=(SLOW,),
        harmful=True,
    ),
    Attack(19, "daemon_that_edits", softmax("_daemon(_edit)", DAEMON), root=True),
    Attack(19, "daemon_in_a_namespace", softmax("_in_a_namespace(_edit)", DAEMON), root=True),
    Attack(19, "daemon_that_kills", softmax("_daemon(_kill)", DAEMON), root=True, harmful=True),
    Attack(20, "huge_array", softmax("return np.ones(10**10)"), words=(MEMORY,)),
    Attack(
        20,
        "growing_list",
        softmax("kept = []\nwhile True:\n    kept.append(np.empty(10**7))"),
        words=(MEMORY,),
    ),
    *[Attack(23, name, softmax(code), words=(word,)) for name, (code, word) in CRASHES.items()],
    *[
        Attack(
            23,
            f"kills_{name}",
            softmax(code, "import os, signal"),
            words=(word,),
            harmful=name in ("parent", "all"),
        )
        for name, (code, word) in KILLS.items()
    ],
]
