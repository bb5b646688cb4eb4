"""log.csv and steps.csv: a header and whole lines, whatever interrupts a write."""

import errno
import os
import resource
import unittest
from unittest import mock

from neural_networks.logs import lines
from neural_networks.logs.lines import LineFile
from tests.support.arrays import InFolder
from tests.support.tracing import interrupt_at

HEADER = "ü,b"


class LinesTest(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "log.csv"
        self.file = LineFile(self.path, HEADER)

    def lines(self):
        """The lines after the header, which a file that is there must have."""
        if not self.path.exists():
            return []
        text = self.path.read_bytes().decode()
        self.assertTrue(text.startswith(f"{HEADER}\n"), text)
        self.assertTrue(text.endswith("\n"), text)
        return text.splitlines()[1:]

    def check(self, error, before):
        """Assert that an error has left the lines of before, and that nothing is lost or twice."""
        self.assertEqual(error.filename, str(self.path))
        self.assertEqual(self.lines(), before)
        self.file.append("9,9\n")
        self.assertEqual(self.lines(), [*before, "5,6", "7,8", "9,9"])
        self.path.unlink()
        self.file = LineFile(self.path, HEADER)


class TestAppending(LinesTest):
    def test_utf_8_under_one_header(self):
        for i in (1, 3):
            self.file.append(f"{i},{i + 1}\n")
        self.assertEqual(self.path.read_bytes(), "ü,b\n1,2\n3,4\n".encode())

    def test_nothing_makes_no_file(self):
        self.file.append("")
        self.file.append()
        self.assertFalse(self.path.exists())


class TestFailures(LinesTest):
    """At the first write and at a later one: at each call of the system, each kind of error."""

    ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.ESTALE)

    def test_every_call_that_can_fail(self):
        for call in ("open", "write", "close", "lseek"):
            for number in self.ERRORS:
                for before in ([], ["1,2", "3,4"]):
                    with self.subTest(call, number=errno.errorcode[number], before=before):
                        self.file.append("".join(f"{line}\n" for line in before))
                        error = self.failing(call, number)
                        self.assertEqual(error.errno, number)
                        self.check(error, before)

    def failing(self, call, number):
        """The error of two lines that are appended while a call of the system fails."""
        original = getattr(os, call)

        def fail(*arguments):
            if call == "close":  # as on a network share, which writes only now
                original(*arguments)
            raise OSError(number, os.strerror(number))

        with mock.patch.object(os, call, fail), self.assertRaises(OSError) as caught:
            self.file.append("5,6\n7,8\n")
        return caught.exception

    def test_a_disk_that_fills_up_after_any_byte(self):
        whole = len(f"{HEADER}\n1,2\n".encode())
        for before in ([], ["1,2"]):
            start = whole if before else 0
            for size in range(start, start + (8 if before else 12)):
                with self.subTest(before=before, size=size):
                    self.file.append("".join(f"{line}\n" for line in before))
                    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
                    try:
                        with self.assertRaises(OSError) as caught:
                            self.file.append("5,6\n7,8\n")
                    finally:
                        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                    self.check(caught.exception, before)

    def test_a_system_that_writes_less_than_asked_for(self):
        original = os.write
        with mock.patch.object(os, "write", lambda file, data: original(file, data[:2])):
            self.file.append("5,6\n7,8\n")
        self.assertEqual(self.lines(), ["5,6", "7,8"])

    def test_a_folder_that_has_gone_gets_no_file_without_a_header(self):
        self.file.append("1,2\n")
        self.path.unlink()
        with self.assertRaises(FileNotFoundError):
            self.file.append("3,4\n")
        self.assertFalse(self.path.exists())


class TestInterrupts(LinesTest):
    def test_at_every_line_of_the_code(self):
        """Whole lines are left; those taken over before the interrupt come with the next ones."""
        for before in ([], ["1,2"]):
            with self.subTest(before=before):
                at, lost = 1, 0
                while self.interrupted(before, at):
                    found = self.lines()
                    self.assertIn(found, (before, [*before, "5,6", "7,8"]), msg=at)
                    self.file.append("9,9\n")
                    lost += len(self.lines()) == len(before) + 1
                    kept = [] if lost == at else ["5,6", "7,8"]
                    self.assertEqual(self.lines(), [*before, *kept, "9,9"], msg=at)
                    at += 1
                self.assertEqual(lost, 4, "before append has taken the lines over")
                self.assertGreater(at, 20)

    def interrupted(self, before, at):
        """Append two lines, with Ctrl-C at a line of the code; False if that has fewer lines."""
        self.path.unlink(missing_ok=True)
        self.file = LineFile(self.path, HEADER)
        self.file.append("".join(f"{line}\n" for line in before))
        is_ours = lines.__file__.__eq__
        _, place = interrupt_at(at, lambda: self.file.append("5,6\n7,8\n"), is_ours, ["line"])
        return place is not None


class TestAnotherProgram(LinesTest):
    def refused(self, content):
        """Assert that nothing is written after content that is not ours."""
        self.path.write_bytes(content.encode())
        for _ in range(2):
            with self.assertRaisesRegex(FileExistsError, "log.csv has been changed by another"):
                self.file.append("5,6\n")
            self.assertEqual(self.path.read_bytes(), content.encode())

    def test_one_that_writes_into_it(self):
        for content in ("", "ü,b\n", "ü,b\n1,2\n3,4\n", "a\n", "ü,b\n1,2\nhalf"):
            with self.subTest(content):
                self.path.unlink(missing_ok=True)
                self.file = LineFile(self.path, HEADER)
                self.file.append("1,2\n")
                self.refused(content)

    def test_a_file_that_is_there_already(self):
        for content in ("mine", "ü,b\n1,2\n"):
            with self.subTest(content):
                self.refused(content)

    def test_the_beginning_of_a_write_that_was_interrupted(self):
        self.path.write_bytes("ü".encode()[:1])
        self.file.append("1,2\n")
        self.assertEqual(self.lines(), ["1,2"])


if __name__ == "__main__":
    unittest.main()
