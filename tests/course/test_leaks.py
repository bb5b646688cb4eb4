"""Tests of the leak checks: on starters, and on starters with a leak put in."""

import io
import json
import unittest
import unittest.mock
import zipfile
from dataclasses import replace

from course import checking, leaks
from course.canaries import Canaries, found_in
from course.checking import tell
from tests.course.kits import ROOT, exam, manifest, starter


def with_text(name: str, path: str, text: str) -> dict[str, bytes]:
    """The files of a starter, with a text at the end of one."""
    files = starter(name)
    return {**files, path: files.get(path, b"") + text.encode()}


class TestStarters(unittest.TestCase):
    def test_have_nothing_of_a_solution(self):
        for name in ("spring-2023", "fall-2024"):
            found, accepted = leaks.expressions(manifest(name), starter(name))
            self.assertEqual(found, [], name)
            self.assertEqual(len(accepted), len(manifest(name).accepted))
            for check in (leaks.comments, leaks.forbidden, leaks.hygiene, leaks.list_of_files):
                self.assertEqual(check(manifest(name), starter(name)), [], (name, check))

    def test_no_canary_comes_out(self):
        self.assertEqual(leaks.canaries(manifest("fall-2024"), exam("fall-2024")), [])


class TestLeaks(unittest.TestCase):
    NAME = "spring-2023"

    def found(self, check, path, text):
        return check(manifest(self.NAME), with_text(self.NAME, path, text))

    def expressions(self, path, text):
        return leaks.expressions(manifest(self.NAME), with_text(self.NAME, path, text))[0]

    def test_an_expression_with_other_names(self):
        cell = {"cell_type": "code", "source": ["u * (v - (v * u).sum(axis=-1, keepdims=True))"]}
        book = json.dumps({"cells": [cell]})
        for path, text in (
            ("neural_networks/weights.py", "\nx = G * (H - (H * G).sum(axis=-1, keepdims=True))\n"),
            ("README.md", "\n```python\nS * (d - (d * S).sum(axis=-1, keepdims=True))\n```\n"),
            ("more.ipynb", book),
        ):
            (line,) = self.expressions(path, text)
            self.assertIn(f"{path} has", line)
            self.assertIn("SoftMax.backward", line)

    def test_an_assignment(self):
        text = '\nself.parameters["W"] = self._draw_weights((shape[1], self.n_out))\n'
        (line,) = self.expressions("tests/verdict.py", text)
        self.assertIn("FullyConnected._init_parameters", line)

    def test_a_reason_without_a_likeness(self):
        files = starter(self.NAME)
        kept = {path: files[path] for path in files if path != "tests/stand_ins.py"}
        found, _ = leaks.expressions(manifest(self.NAME), kept)
        self.assertIn("accepted: tests/stand_ins.py has nothing of 'conv2d'", found)

    def test_a_reason_is_printed(self):
        unreasoned = replace(manifest(self.NAME), accepted=())
        found, accepted = leaks.expressions(unreasoned, starter(self.NAME))
        self.assertEqual(len(found), len(manifest(self.NAME).accepted))
        self.assertEqual(accepted, [])

    def test_a_comment(self):
        text = "\n# The slope is 1 where z > 0 and 0 elsewhere.\n"
        (line,) = self.found(leaks.comments, "neural_networks/weights.py", text)
        self.assertIn("of ReLU.backward", line)

    def test_a_docstring(self):
        files = dict(starter(self.NAME))
        path = "neural_networks/activations.py"
        text = files[path].decode().replace('"""Y = max(0, Z)."""', '"""Y = Z where Z > 0."""')
        found = leaks.forbidden(manifest(self.NAME), {**files, path: text.encode()})
        self.assertEqual(found, ["the docstring of ReLU.forward says 'Z > 0'"])

    def test_caches_outputs_and_paths(self):
        for path, text in (
            ("neural_networks/__pycache__/a.pyc", ""),
            (".git/HEAD", ""),
            ("README.md", f"{ROOT}/tests"),
            ("README.md", "/home/oski/hw6"),
            ("b.ipynb", '{"cells": [{"outputs": [1]}]}'),
        ):
            self.assertEqual(len(self.found(leaks.hygiene, path, text)), 1, path)

    def test_a_file_too_many_and_one_too_few(self):
        files = with_text(self.NAME, "solution.py", "")
        del files["README.md"]
        found = leaks.list_of_files(manifest(self.NAME), files)
        self.assertEqual(found, ["solution.py is not in the manifest", "README.md is missing"])

    def test_a_canary_is_seen_inside_an_archive(self):
        canaries = Canaries()
        word = canaries.word("a place")
        inner = starter(self.NAME)["tests/data/relu.npz"]
        self.assertEqual(found_in({"a.npz": inner}, canaries), [])
        found = found_in({"a.py": f"x = {word}".encode()}, canaries)
        self.assertEqual(found, ["a.py has the canary of a place"])
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("b.txt", word * 3)
        self.assertEqual(len(found_in({"a.zip": stream.getvalue()}, canaries)), 1)

    def test_a_failed_check_is_told(self):
        with unittest.mock.patch("builtins.print") as printed:
            self.assertTrue(tell("no leak", ["a.py leaks"]))
            self.assertFalse(tell("no leak", ["note: accepted"]))
        lines = [call.args[0] for call in printed.call_args_list]
        self.assertEqual(lines[0], "  FAILED  no leak")
        self.assertEqual(lines[2], "  ok      no leak")


class TestCommand(unittest.TestCase):
    def test_the_exit_status_is_1_if_a_check_fails(self):
        for problems, status, line in ((["a.py"], 1, "  FAILED  a"), ([], 0, "  ok      a")):
            checks = [("a", lambda problems=problems: problems), ("b", list)]
            with (
                unittest.mock.patch.object(checking, "all_checks", return_value=checks),
                unittest.mock.patch("builtins.print") as printed,
            ):
                self.assertEqual(checking.main(["spring-2023"]), status)
            self.assertIn(line, [call.args[0] for call in printed.call_args_list])

    def test_an_unknown_name(self):
        with self.assertRaisesRegex(ValueError, "unknown assignment 'spring'"):
            checking.main(["spring"])
