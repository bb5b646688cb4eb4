"""Hostile hand-ins: each gets what its honest code earns, and leaves no trace."""

import json
import socket
import unittest
from collections.abc import Callable
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
from tests.autograder.hostile.attack import Attack, base, starter

MODULES = (in_process, reading, answers, processes, printing, writing, hand_ins)
ATTACKS = [attack for module in MODULES for attack in module.ATTACKS]
ALONE = (12, 14, 18, 19, 23, 24, 32, 36)
"""Rows that are tried again where the kernel allows no namespaces, as on Gradescope."""

LASTING = {*ALONE, 9, 15, 20, 21, 27}
"""Rows after which an honest hand-in is graded; after the others it is the ReLU of the next one."""

MOST_LINES, MOST_PRINTED = 40, 4100


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
        if attack.deadly and self.arena.sandbox.uid is None:
            self.assertIn("as the user who grades", " ".join(self.arena.sandbox.notes))
            return
        fought = self.arena.grade(attack)
        self.check_results(fought)
        self.check_points(attack, fought)
        self.assertLess(fought.seconds, SECONDS * fought.runs + 10)
        if attack.row in LASTING:
            self.assertEqual(self.arena.honest(), 2, "an honest hand-in afterwards")

    def check_points(self, attack: Attack, fought: Fought) -> None:
        """The points, and what stands in the messages."""
        notes = " ".join(self.arena.sandbox.notes)
        if attack.root and self.arena.sandbox.uid is None:
            self.assertEqual(fought.points["relu"], attack.points["relu"])
            return
        if not attack.excused or attack.excused not in notes:
            self.assertEqual(fought.points, dict(attack.points), fought.messages)
        self.assertEqual(fought.left, [], "left behind, or changed")
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

    def test_02_the_solution(self):
        names = [each.name for each in whole_exam().assignment.exercises]
        fought = self.arena.grade(Attack(2, "solution", base(*names), {}), whole_exam())
        self.check_results(fought)
        self.assertEqual(fought.messages.strip(), "")
        self.assertEqual((fought.report.points, fought.report.max_points), (100, 100))
        self.assertEqual(fought.left, [])

    def test_36_two_graders_at_once(self):
        enemies = ("daemon_that_kills", "kills_all", "fork_bomb", "fills_the_disk")
        others = [attack for attack in ATTACKS if attack.name in enemies]
        if self.arena.sandbox.uid is None:
            self.assertTrue(all(attack.deadly for attack in others if attack.row != 24))
            return
        second = self.enterContext(Arena())
        with ThreadPoolExecutor() as pool:
            points = pool.submit(lambda: [second.honest() for _ in range(10)])
            for attack in others:
                self.assertEqual(self.arena.grade(attack).points, dict(attack.points))
            self.assertEqual(points.result(), [2] * 10)
        self.assertNotEqual(second.sandbox.uid, self.arena.sandbox.uid)


class TestWithoutNamespaces(Fights):
    """Those that the kernel's namespaces would stop, where there are none."""

    alone = True


def fights(attack: Attack) -> Callable[[Fights], None]:
    """The test of an attack."""
    return lambda self: self.fight(attack)


for _attack in ATTACKS:
    for _cls in (TestHostile, TestWithoutNamespaces):
        if _cls is TestHostile or _attack.row in ALONE:
            setattr(_cls, f"test_{_attack.row:02}_{_attack.name}", fights(_attack))


class TestTheTable(unittest.TestCase):
    def test_every_row_has_a_hand_in(self):
        self.assertEqual({1, 2, *(attack.row for attack in ATTACKS)}, set(range(1, 37)))

    def test_each_has_a_name_of_its_own(self):
        self.assertEqual(len({attack.name for attack in ATTACKS}), len(ATTACKS))


if __name__ == "__main__":
    unittest.main()
