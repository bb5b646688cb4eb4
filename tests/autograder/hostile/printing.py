"""Rows 21 and 22: output without end, characters that do harm, exceptions that do."""

from tests.autograder.hostile.attack import Attack, softmax

PRINTED = {
    "ansi": r'"\x1b[2J\x1b[31mPASSED\x1b]0;title\x07\x9b1m\b\b\r"',
    "html": '"</pre><script>alert(1)</script><img src=x onerror=alert(1)>"',
    "nul": r'"a\0b"',
    "lone_surrogates": r'"\ud800 \udfff \u202e \ufeff \u2028"',
}

STR = {
    "that_raises": 'raise ValueError("again")',
    "of_a_gigabyte": 'return "x" * 10**9',
    "that_loops": "while True: pass",
    "that_is_no_text": "return 7",
}

RAISING = """
class Odd(Exception):
    def __str__(self):
        {}
    __repr__ = __str__
"""

ATTACKS = [
    Attack(
        21,
        "prints_for_ever",
        softmax('while True:\n    print("for ever " * 1000)'),
        words=("not done after 2 s",),
    ),
    Attack(
        21,
        "gigabyte_of_errors",
        softmax(
            """
            block = bytes(2**20)
            while _left:
                os.write(2, block)
                _left.pop()
            """,
            "import os\n_left = [None] * 1000",
        ),
    ),
    *[
        Attack(
            21,
            f"prints_{name}",
            softmax(
                f"_text = {text}\nsys.stdout.reconfigure(errors='surrogatepass')\n"
                "print(_text, flush=True)\nraise ValueError(_text)",
                "import sys",
            ),
            words=("It raised ValueError",),
        )
        for name, text in PRINTED.items()
    ],
    Attack(
        21,
        "prints_invalid_utf8",
        softmax(
            "import os\nos.write(1, bytes(range(256)) * 2)\nos.write(2, b'\\xff\\xfe\\xc0\\xaf')"
        ),
    ),
    *[
        Attack(22, f"exception_text_{name}", softmax("raise Odd", RAISING.format(code)))
        for name, code in STR.items()
    ],
    Attack(
        22,
        "exception_name_of_a_million",
        softmax('raise type("E" * 10**6, (Exception,), {"__module__": "m" * 10**6})("x")'),
        words=("It raised EEE",),
    ),
    Attack(
        22,
        "result_type_of_a_million",
        softmax('return type("</pre>\\x1b[2J" + "R" * 10**6, (), {})()'),
        words=("got a ",),
    ),
]
