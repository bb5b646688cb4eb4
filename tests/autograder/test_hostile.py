"""Hostile hand-ins: each gets what its honest code earns, and leaves no trace.

One of each kind is tried; with COMPLETE_RUNS=1 in the environment all are, as ``make kits`` does.
"""

import json
import os
import re
import socket
import unittest
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from tests.autograder.hostile import (
    answers,
    hand_ins,
    in_process,
    printing,
    processes,
    reading,
    writing,
)
from tests.autograder.hostile.arena import (
    CONTROL,
    SECONDS,
    SECRET,
    Arena,
    Fought,
    problems_of_results,
    texts,
    whole_exam,
)
from tests.autograder.hostile.attack import Attack, starter

MODULES = (in_process, reading, answers, processes, printing, writing, hand_ins)
ATTACKS = [attack for module in MODULES for attack in module.ATTACKS]
ALONE = re.compile(
    "parent_|results_|daemon_|fork|kills_(parent|all)|fills|writes_(pth|site|staged)|_between_|tree_of"
)
"""Those that are tried again where the kernel allows no namespaces, as on Gradescope."""

LASTING = (9, 14, 15, 18, 19, 20, 21, 23, 24, 27, 32)
"""Rows after which an honest hand-in is graded; after the others it is the ReLU of the next one."""

MOST_LINES, MOST_PRINTED = 40, 4100
COMPLETE = bool(os.environ.get("COMPLETE_RUNS"))


class Fights(unittest.TestCase):
    """Hostile hand-ins in one sandbox; their tests are added below."""

    alone = False
    arena: Arena

    @classmethod
    def setUpClass(cls) -> None:
        cls.arena = cls.enterClassContext(Arena(cls.alone))
        server = cls.enterClassContext(socket.create_server(("127.0.0.1", 0)))
        cls.arena.places["PORT"] = server.getsockname()[1]

    def fight(self, attack: Attack) -> None:
        """Grade a hostile hand-in, and where it may have done harm an honest one after it."""
        if attack.harmful and self.arena.sandbox.uid is None:
            self.assertIn("as the user who grades", " ".join(self.arena.sandbox.notes))
            return
        fought = self.arena.grade(attack)
        self.check_results(fought)
        self.check_points(attack, fought)
        busy = max(1, os.getloadavg()[0] / (os.cpu_count() or 1))
        self.assertLess(fought.seconds, busy * (SECONDS * fought.runs + 10))
        if attack.row in LASTING:
            self.assertEqual(self.arena.honest(), 5, "an honest hand-in afterwards")

    def check_points(self, attack: Attack, fought: Fought) -> None:
        """The points, and what stands in the messages."""
        if attack.root and self.arena.sandbox.uid is None:
            self.assertEqual(fought.points["relu"], attack.points["relu"])
            return
        self.assertEqual(fought.left, [], "left behind, or changed")
        if self.arena.is_excused(attack):
            return
        self.assertEqual(fought.points, dict(attack.points), fought.messages)
        for word in attack.words:
            self.assertIn(word, fought.messages)
        for path in attack.ignored:
            self.assertIn(path, " ".join(fought.report.ignored))

    def check_results(self, fought: Fought) -> None:
        """The file of results: its form, and that its texts are harmless and tell no secret."""
        data = json.loads(fought.text)
        self.assertEqual(problems_of_results(data), [])
        self.assertEqual(sum(test["score"] for test in data["tests"]), fought.report.points)
        self.assertNotIn("did not finish", fought.text)
        for text in texts(data):
            self.assertEqual(CONTROL.findall(text), [])
            self.assertNotIn(SECRET, text)
            self.assertNotIn(str(self.arena.sandbox.folder), text)
        for graded in fought.report.tests:
            self.assertLessEqual(len(graded.message.splitlines()), MOST_LINES)
            self.assertLessEqual(len(graded.printed), MOST_PRINTED)


class TestHostile(Fights):
    """All hand-ins."""

    def test_01_the_empty_starter(self):
        attack = Attack(1, "empty", starter(), {})
        fought = self.arena.grade(attack, whole_exam())
        self.check_results(fought)
        self.assertEqual(set(fought.points.values()), {0})
        for graded in fought.report.tests:
            self.assertIn("not written yet: ", graded.message)
        self.assertEqual(len(fought.points), 9)

    def test_36_two_graders_at_once(self):
        enemies = ("daemon_that_kills", "kills_all", "fork_bomb", "fills_the_disk")
        others = [attack for attack in ATTACKS if attack.name in enemies]
        if self.arena.sandbox.uid is None:
            self.assertTrue(all(attack.harmful for attack in others))
            return
        second = self.enterContext(Arena())
        with ThreadPoolExecutor() as pool:
            points = pool.submit(lambda: [second.honest() for _ in range(6)])
            for attack in others:
                self.assertEqual(self.arena.grade(attack).points, dict(attack.points))
            self.assertEqual(points.result(), [5] * 6)
        self.assertNotEqual(second.sandbox.uid, self.arena.sandbox.uid)


class TestWithoutNamespaces(Fights):
    """Those that the kernel's namespaces would stop, where there are none."""

    alone = True


def fights(attack: Attack) -> Callable[[Fights], None]:
    """The test of an attack."""
    return lambda self: self.fight(attack)


def add(attacks: Iterable[Attack], tests: type[Fights]) -> None:
    """Add a test for each attack to a class."""
    for attack in attacks:
        setattr(tests, f"test_{attack.row:02}_{attack.name}", fights(attack))


def tried(attacks: Iterable[Attack]) -> Iterable[Attack]:
    """All of these, or the first of each row."""
    attacks = list(attacks)
    return attacks if COMPLETE else {attack.row: attack for attack in reversed(attacks)}.values()


add(tried(ATTACKS), TestHostile)
add(tried(attack for attack in ATTACKS if ALONE.search(attack.name)), TestWithoutNamespaces)


class TestTheTable(unittest.TestCase):
    def test_every_row_has_a_hand_in(self):
        # The solution is graded in test_round_trip.py.
        self.assertEqual({1, 2, *(attack.row for attack in ATTACKS)}, set(range(1, 37)))

    def test_each_has_a_name_of_its_own(self):
        self.assertEqual(len({attack.name for attack in ATTACKS}), len(ATTACKS))


if __name__ == "__main__":
    unittest.main()
