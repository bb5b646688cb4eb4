"""Rows 3 to 10, 13, 30: attacks on the test from within the process of the code under test."""

from tests.autograder.hostile.attack import (
    ACTIVATIONS,
    FULLY_CONNECTED,
    OTHER_FILE,
    Attack,
    base,
    in_losses,
    softmax,
)

RESULTS = '{"score": 100.0, "tests": [{"name": "all", "score": 100, "max_score": 100}]}'
ENDED = "ended the program"
ZEROS = "return np.zeros(Z.shape)"
SEARCH = """
def _stolen(Z, found):
    # What softmax gives is known by its rows, which sum to 1.
    for value in found:
        if isinstance(value, dict):
            yield from _stolen(Z, list(value.values()))
        elif type(value) is np.ndarray and value is not Z and value.shape == Z.shape:
            if value.dtype.kind == "f" and np.allclose(value.sum(axis=-1), 1):
                yield value
"""

LIAR = """
class Same:
    shape, ndim, size, dtype = (), 0, 1, np.dtype(float)
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __float__(self): return 1.0
    def __bool__(self): return True
    def __len__(self): return 1
    def __iter__(self): return iter(())
    def __getattr__(self, name): return self
    def __call__(self, *args, **options): return True
    __hash__ = object.__hash__

class Array(Same):
    def __array__(self, *args, **options): return np.ones(())

class Right(np.ndarray):
    def __eq__(self, other): return np.True_
    def __array_function__(self, *args, **options): return True
    def __array_ufunc__(self, *args, **options): return True
    def __reduce__(self): return print, ("unpickled",)
    @property
    def shape(self): return RIGHT_SHAPE

RIGHT_SHAPE = (1,)
"""

PATCHES = {
    "assert_allclose": """
        always = lambda *args, **options: True
        for name in ("allclose", "isclose", "array_equal", "equal"):
            setattr(np, name, always)
        for name in ("assert_allclose", "assert_array_equal", "assert_equal"):
            setattr(np.testing, name, always)
        """,
    "test_case_run": """
        import unittest
        unittest.TestCase.run = lambda self, result=None: result and result.addSuccess(self)
        unittest.TestCase.__call__ = unittest.TestCase.run
        """,
    "add_failure": """
        import unittest
        for name in ("addFailure", "addError", "addSubTest"):
            setattr(unittest.TestResult, name, lambda self, test, *rest: self.addSuccess(test))
        """,
    "assertion_error": """
        import builtins
        builtins.AssertionError = type("Fine", (BaseException,), {"__init__": print})
        """,
    "verdict": """
        import sys
        for name, module in list(sys.modules.items()):
            for function in ("judge", "problem", "value_problem", "agree", "same"):
                if hasattr(module, function):
                    setattr(module, function, lambda *args, **options: "")
            for recipe in getattr(module, "RECIPES", ()):
                module.RECIPES[recipe] = module.RECIPES["relu.forward"]
        """,
}

HOOKS = {
    "atexit": f"""
        import atexit, sys
        atexit.register(lambda: print({RESULTS!r}, flush=True))
        """,
    "excepthook": f"""
        import sys
        sys.excepthook = sys.unraisablehook = lambda *args: print({RESULTS!r}, flush=True)
        """,
    "thread": f"""
        import os, threading, time
        def write():
            while True:
                for number in range(1, 64):
                    try:
                        os.write(number, {RESULTS.encode()!r})
                    except OSError:
                        pass
                time.sleep(0.001)
        threading.Thread(target=write).start()
        time.sleep(0.1)
        """,
}

ENDINGS = {
    "sys_exit": ("import sys; sys.exit(0)", "SystemExit"),
    "system_exit": ("raise SystemExit", "SystemExit"),
    "keyboard_interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "generator_exit": ("raise GeneratorExit", "GeneratorExit"),
}

LAYER_ATTACKS = {
    "initialize_layer": """
        from neural_networks import layers
        from neural_networks.layers import factory
        class Perfect:
            n_in = 1
            parameters = gradients = {}
            def __getattr__(self, name): return lambda *args, **options: True
        layers.initialize_layer = factory.initialize_layer = lambda *args, **options: Perfect()
        """,
    "LAYERS": """
        from neural_networks.layers import flatten, table
        for name in ("LAYERS", "TABLE", "CLASSES"):
            if hasattr(table, name):
                getattr(table, name).update(fully_connected=flatten.Flatten)
        """,
    "class_that_lies": """
        class _Honest: pass
        FullyConnected.__class__ = property(lambda self: _Honest)
        FullyConnected.__eq__ = lambda self, other: True
        FullyConnected.__hash__ = None
        FullyConnected.forward = lambda self, X: True
        FullyConnected._init_parameters = lambda self, shape: None
        """,
}


def forged_layers() -> list[Attack]:
    """Attacks from the file of the fully-connected layer."""
    files, none = base(), {"relu": 5, "fully_connected": 0}
    text = files[FULLY_CONNECTED].decode()
    return [
        Attack(30, name, {**files, FULLY_CONNECTED: (text + dedented(code)).encode()}, none)
        for name, code in LAYER_ATTACKS.items()
    ]


def dedented(code: str) -> str:
    """Code of a table above, at the margin."""
    return "\n" + "\n".join(line[8:] for line in code.splitlines())


FAKE_NUMPY = """
import sys, types
_fake = types.ModuleType("numpy")
_fake.__getattr__ = lambda name: (lambda *args, **options: True)
_real = {name: sys.modules[name] for name in list(sys.modules) if name.split(".")[0] == "numpy"}
"""

ATTACKS = [
    Attack(
        3,
        "prints_ok",
        softmax(f"""
            import sys
            text = "test_forward ... ok\\n\\nRan 25 tests in 0.1s\\n\\nOK\\n25 passed\\n"
            print(text + {RESULTS!r}, flush=True)
            print(text, file=sys.stderr, flush=True)
            """),
        words=("not written yet",),
    ),
    Attack(4, "os_exit", softmax("import os; os._exit(0)"), words=(f"{ENDED} (exit status 0)",)),
    *[Attack(5, name, softmax(code), words=(word,)) for name, (code, word) in ENDINGS.items()],
    Attack(
        6,
        "os_exit_at_import",
        in_losses("import os; os._exit(0)"),
        OTHER_FILE,
        (f"{ENDED} (exit status 0)",),
    ),
    Attack(
        6,
        "os_exit_at_import_of_all",
        softmax("", "import os; os._exit(0)"),
        {"relu": 0},
        (f"{ENDED} (exit status 0)",),
    ),
    *[
        Attack(7 if name == "assert_allclose" else 8, name, softmax(code + f"\n        {ZEROS}"))
        for name, code in PATCHES.items()
    ],
    *[Attack(9, name, softmax(code + f"\n        {ZEROS}")) for name, code in HOOKS.items()],
    Attack(10, "equal_to_everything", softmax("return Same()", LIAR), words=("Same",)),
    Attack(10, "array_interface", softmax("return Array()", LIAR), words=("Array",)),
    Attack(10, "ndarray_subclass", softmax("return np.ones(Z.shape).view(Right)", LIAR)),
    Attack(
        13,
        "frames",
        softmax(
            """
            import sys
            frame, found = sys._getframe(), []
            while frame:
                found += [*frame.f_locals.values(), *frame.f_globals.values()]
                frame = frame.f_back
            for value in found:
                found += [value.expected] if hasattr(value, "expected") else []
            return next(_stolen(Z, found))
            """,
            SEARCH,
        ),
        words=("StopIteration",),
    ),
    Attack(
        13,
        "garbage_collector",
        softmax(
            """
            import gc
            found = []
            for thing in gc.get_objects():
                if type(thing).__name__ in ("Case", "Exam", "Known", "Outcome"):
                    found += vars(thing).values()
                elif isinstance(thing, (list, tuple)) and len(thing) < 100:
                    found += [value for value in thing if type(value) is np.ndarray]
            return next(_stolen(Z, found))
            """,
            SEARCH,
        ),
        words=("StopIteration",),
    ),
    Attack(
        13,
        "inspect_stack",
        softmax(
            """
            import inspect
            names = ("expected", "data", "case", "cases", "answer")
            frames = [level.frame for level in inspect.stack(0)]
            found = [frame.f_locals.get(name) for frame in frames for name in names]
            found += [vars(value) for value in found if hasattr(value, "__dict__")]
            return next(_stolen(Z, found))
            """,
            SEARCH,
        ),
        words=("StopIteration",),
    ),
    *forged_layers(),
    Attack(
        30,
        "fake_numpy",
        softmax(f"sys.modules.update(dict.fromkeys(_real, _fake))\n{ZEROS}", FAKE_NUMPY),
    ),
]

assert all(ACTIVATIONS in attack.files for attack in ATTACKS)
