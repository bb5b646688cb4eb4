"""A sandbox for the tests of a class, and code to run in it."""

import textwrap
import time
import unittest
from unittest import mock

from course.autograder.sandbox import isolation, processes
from course.autograder.sandbox.sandbox import Sandbox
from tests.autograder import places, small_tree
from tests.autograder.small_tree import errors, values

ALONE = ((),)
"""The choice of isolations of a kernel that allows none."""

DAEMON = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            {}
        os._exit(0)
    import time
    time.sleep(0.3)
    {}
"""
"""Code that leaves a process behind in a session of its own: what that does, and what follows."""


class InSandbox(unittest.TestCase):
    """Tests in one sandbox."""

    choices = isolation.CHOICES

    @classmethod
    def setUpClass(cls):
        with mock.patch.object(isolation, "CHOICES", cls.choices):
            cls.sandbox = cls.enterClassContext(Sandbox(places.open_python()))

    def setUp(self):
        # What other tests of this process have left behind, which it has adopted since.
        self.adopted = set(processes.orphans(processes.workers))

    def run_body(self, body, **options):
        """Run a body of ReLU.forward, and measure the time."""
        start = time.monotonic()
        found = small_tree.run(self.sandbox, textwrap.dedent(body), **options)
        self.seconds = time.monotonic() - start
        return found

    def y(self, body, **options):
        """The Y of the first case; the test must end as it should."""
        found = self.run_body(body, **options)
        self.assertEqual((found.ending, errors(found)), ("", [""] * 2), found.printed)
        return values(found)[0]

    def assert_none_left(self):
        """No process of the hand-in's user is left."""
        if self.sandbox.uid is not None:
            self.assertEqual(processes.processes_of(self.sandbox.uid), [])
        self.assertEqual(set(processes.orphans(processes.workers)) - self.adopted, set())

    def assert_fine(self):
        """The next test is not harmed."""
        self.assertEqual(self.y("return np.maximum(0, Z)").tolist(), [[0.0] * 3] * 4)
