import unittest

from course.appendix import gather, same_call
from course.listings import Listing, join, place, printable
from course.markdown import as_code, escape, fenced, render
from course.parsing import read_source, signatures
from tests.course.small_starter import ACTIVATIONS, CODE, MODELS, ROOT, StarterTest


class TestGathering(StarterTest):
    def gather(self, **options):
        return gather(self.root, self.assignment, **options)

    def code(self, appendix):
        return ["\n".join(listing.code) for listing in appendix.listings]

    def test_the_class_line_and_the_methods_without_docstring_of_the_class(self):
        self.fill()
        appendix = self.gather()
        self.assertEqual(appendix.problems, ())
        self.assertEqual([s.heading for s in appendix.sections], ["Activation_functions", "Model"])
        relu = (
            'class ReLU(Activation):\n    def forward(self, Z):\n        """Y = max(0, Z)."""\n'
            "        return max(Z, 0)\n\n    def backward(self, Z, dY):\n"
            '        """dL/dZ."""\n        return dY * (Z > 0)'
        )
        self.assertEqual(self.code(appendix)[0], relu)
        listing = appendix.listings[0]
        self.assertEqual(
            (listing.title, listing.name, listing.place),
            ("4.1 ReLU", ACTIVATIONS, ", lines 12, 15-17, 19-21"),
        )
        self.assertEqual((appendix.written, appendix.asked), (2, 2))

    def test_blanks_are_told_with_file_and_line_and_the_rest_is_there(self):
        self.fill(ReLU_forward="        return max(Z, 0)\n")
        appendix = self.gather()
        self.assertEqual(
            appendix.problems,
            (
                f"{ACTIVATIONS}:19: ReLU.backward is not written yet",
                f"{MODELS}:7: Network.predict is not written yet",
            ),
        )
        self.assertIn("return max(Z, 0)", self.code(appendix)[0])
        self.assertNotIn("backward", self.code(appendix)[0])
        self.assertEqual(appendix.sections[1].parts, ("5.1 The network: not written yet.",))

    def test_an_optional_exercise_that_is_not_begun_is_left_out(self):
        self.fill()
        titles = [listing.title for listing in self.gather().listings]
        self.assertEqual(titles, ["4.1 ReLU", "5.1 The network"])

    def test_decorators_and_comments_around_and_at_the_end_of_a_body(self):
        method = (
            "    # of mine\n    @staticmethod\n    @other(\n        1,\n    )\n"
            "    def forward(Z):  # here\n        s = '''\n    # in a string\n'''\n"
            "        return Z\n        # after it\n\n        # and later\n"
        )
        text = CODE.replace(CODE[CODE.index('    def forward(self, Z):\n        """Y = ') :], "")
        self.write(
            {ACTIVATIONS: f"{text}{method}\n    # of the next\n    def backward(self): return 0\n"}
        )
        (listing,) = self.gather(only=self.assignment.exercise("relu")).listings
        self.assertIn(method.rstrip(), "\n".join(listing.code))
        self.assertIn("    # of the next\n    def backward", "\n".join(listing.code))

    def test_own_methods_functions_classes_and_names_are_found(self):
        self.fill()
        text = (self.root / ACTIVATIONS).read_text()
        text = text.replace(
            "    def backward", "    def _mine(self):\n        pass\n\n    def backward"
        )
        own = "\n\nEPS = 1e-8\n\n\n@cached\nclass Swish(Activation):\n    def forward(self, Z): 0\n"
        self.write({ACTIVATIONS: text + own, "einsum.py": "print(1)\n"})
        appendix = self.gather()
        relu, more, _, einsum = self.code(appendix)
        self.assertIn("def _mine(self):", relu)
        self.assertEqual(more, own.strip().replace("\n\n\n", "\n\n"))
        self.assertEqual(einsum, "print(1)")
        self.assertEqual(appendix.sections[-1].heading, "Other code")

    def test_names_that_the_student_adds(self):
        self.fill()
        appendix = self.gather(also=["data.Data", "train_ffnn", "activations.Activation.forward"])
        self.assertEqual(appendix.problems, ())
        code = self.code(appendix)
        self.assertIn("class Data:\n    pass", code)
        self.assertIn("lr = None", code)
        self.assertIn('class Activation:\n    def forward(self, Z):\n        """Y."""\n', code[1])

    def test_what_is_not_in_the_appendix_is_told(self):
        self.fill()
        self.write({"notes.ipynb": "{ }", "neural_networks/data.py": "x = 1\n"})
        self.write({"train_ffnn.py": "def train():\n    raise NotImplementedError\n"})
        self.assertEqual(
            self.gather().notes,
            (
                "neural_networks/data.py differs from the starter's: add what you wrote to "
                "student_implementations in generate_submission.py",
                "notes.ipynb is a notebook: print it, if it belongs to the appendix",
                "train_ffnn.py:1: train is not written yet",
            ),
        )

    def test_an_unknown_name_and_the_closest(self):
        problems = self.gather(also=["data.Dato"]).problems
        self.assertEqual(problems[-1], "there is no data.Dato to list; did you mean 'data.Data'?")

    def test_a_file_that_does_not_parse_is_given_whole_once(self):
        broken = CODE.replace("def backward(self, Z, dY):", "def backward(self, Z, dY:")
        self.write({ACTIVATIONS: broken})
        appendix = self.gather()
        self.assertRegex(appendix.problems[0], rf"^{ACTIVATIONS}:\d+ does not parse: ")
        (listing,) = appendix.listings
        self.assertEqual("\n".join(listing.code) + "\n", broken)
        self.assertEqual(listing.place, ", the whole file, as it does not parse")

    def test_other_code_that_does_not_parse(self):
        for code in (b"x = \x00\n", b"class A:\n  x = (\n", b"(" * 10_000):
            with self.subTest(code=code[:10]):
                self.write({ACTIVATIONS: code})
                problem, *_ = self.gather().problems
                self.assertIn("does not parse", problem)
                self.assertNotIn("\n", problem)

    def test_missing_renamed_or_called_in_another_way(self):
        self.fill()
        text = (self.root / ACTIVATIONS).read_text()
        for changed, problem in {
            text.replace("class ReLU", "class Relu"): (
                f"{ACTIVATIONS}: there is no class ReLU; did you mean 'Relu'?"
            ),
            text.replace("def backward", "def backwards"): (
                f"{ACTIVATIONS}:12: there is no ReLU.backward; did you mean 'ReLU.backwards'?"
            ),
            text.replace("(self, Z, dY)", "(self, dY)"): (
                f"{ACTIVATIONS}:19: ReLU.backward takes (self, dY), "
                "but it is called as (self, Z, dY)"
            ),
        }.items():
            with self.subTest(problem=problem):
                self.write({ACTIVATIONS: changed})
                self.assertEqual(self.gather().problems, (problem,))
        (self.root / ACTIVATIONS).unlink()
        self.assertEqual(self.gather().problems, (f"{ACTIVATIONS} is missing",))

    def test_a_renamed_class_is_still_in_the_appendix(self):
        self.fill()
        text = (self.root / ACTIVATIONS).read_text().replace("class ReLU", "class Relu")
        self.write({ACTIVATIONS: text})
        self.assertIn("return max(Z, 0)", self.code(self.gather())[0])

    def test_ends_of_lines_byte_order_mark_and_encodings(self):
        self.fill()
        text = (self.root / ACTIVATIONS).read_text().replace("(0, Z).", "(0, Z), né.")
        expected = self.code(self.gather())[0].replace("(0, Z).", "(0, Z), né.")
        latin = "# coding: latin-1\n" + text
        for kind, data, problems in (
            ("CRLF and a mark", b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), ()),
            ("CR", text.replace("\n", "\r").encode(), ()),
            ("declared", latin.encode("latin-1"), ()),
            (
                "not declared",
                text.encode("latin-1"),
                (f"{ACTIVATIONS}:16 is not UTF-8; save the file as UTF-8 in your editor",),
            ),
        ):
            with self.subTest(kind=kind):
                self.write({ACTIVATIONS: data})
                appendix = self.gather()
                self.assertEqual((self.code(appendix)[0], appendix.problems), (expected, problems))

    def test_output_of_tests_is_added(self):
        self.fill(ReLU_forward="        return 7\n", ReLU_backward="        return dY\n")
        appendix = self.gather(only=self.assignment.exercise("relu"), run_tests=True)
        _, output = appendix.listings
        self.assertEqual(output.name, "python -m unittest -v tests.test_activations.TestReLU")
        self.assertIn("test_backward (tests.test_activations.TestReLU", output.code[0])
        self.assertIn("message of the test", "\n".join(output.code))
        self.assertNotIn(str(self.root), "\n".join(output.code))
        self.assertEqual(appendix.problems, ("4.1 ReLU: its tests fail",))

    def test_nothing_of_the_student_runs_without_it(self):
        self.fill()
        with (self.root / ACTIVATIONS).open("a") as file:
            file.write("raise SystemExit('it ran')\n")
        self.assertEqual(self.gather().problems, ())


class TestParts(unittest.TestCase):
    def test_the_solution_of_the_repository_is_complete(self):
        from course.assignment import assignment_names, find_assignment

        for name in assignment_names(ROOT):
            with self.subTest(assignment=name):
                appendix = gather(ROOT, find_assignment(ROOT, name))
                self.assertEqual((appendix.problems, appendix.notes), ((), ()))
                self.assertEqual(appendix.written, appendix.asked)

    def test_signatures(self):
        code = "def f(a, /, b=1, *c, d, e=2, **g): pass\nclass A(\n    B,\n):\n    x: int = 1\n"
        code += "if True:\n    async def h(*, k): pass\ny, z = w = 1, 2\n"
        found = signatures(code)
        self.assertEqual(found["f"], "(a, b=..., *c, d, e=..., **g)")
        self.assertEqual(list(found), ["f", "A", "A.x", "h", "w"])

    def test_calls_that_still_work(self):
        for asked, got, same in (
            ("", "(self)", True),
            ("(self, X)", "(self, X)", True),
            ("(self, X)", "(self, X, more=...)", True),
            ("(self, X)", "(self, X, *rest, **options)", True),
            ("(self, X)", "(self, X, Y)", False),
            ("(self, X)", "(self)", False),
        ):
            with self.subTest(asked=asked, got=got):
                self.assertEqual(same_call(asked, got), same)

    def test_the_header_of_a_class_ends_at_its_colon(self):
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            code = "class A(\n    B[1:2],  # :\n    metaclass={1: 2}[1],\n):\n    x = 1\n"
            Path(folder, "a.py").write_text(code)
            (cls, _) = read_source(Path(folder), "a.py").definitions
        self.assertEqual((cls.first, cls.header, cls.last), (1, 4, 5))

    def test_ranges_of_lines(self):
        self.assertEqual(join([(1, 1), (2, 4), (6, 6)]), [(1, 4), (6, 6)])
        self.assertEqual(place([(3, 3)]), ", line 3")
        self.assertEqual(place([(3, 3), (5, 6)]), ", lines 3, 5-6")

    def test_invisible_characters_are_shown(self):
        text = "a\x1b\x07\x85\u202eb\u200b\x00\ufeff\fc\td"
        self.assertEqual(printable(text), r"a\x1b\x07\x85\u202eb\u200b\x00c" + "\td")


class TestMarkdown(StarterTest):
    def test_headings_and_fences(self):
        self.fill(ReLU_forward='        return "```` ``"\n')
        appendix = gather(self.root, self.assignment, author="_A_ <b> $1$")
        for level in (1, 2, 3):
            text = render(appendix, level)
            self.assertTrue(text.startswith("<!-- Written by generate_submission.py"))
            self.assertIn(f"\n{'#' * level} Activation\\_functions\n", text)
            self.assertIn("\n4.1 ReLU: `neural_networks/activations.py`, lines 12, 15-17\n", text)
            self.assertIn("\n`````python\nclass ReLU", text)
            self.assertNotIn("# Code appendix", text)
        text = render(appendix, 1, standalone=True)
        self.assertIn("\n# Code appendix: CS 1\\_0 \\& 50% of \\$x\\^2\\$\n", text)
        self.assertIn("\n\\_A\\_ \\<b\\> \\$1\\$\n", text)

    def test_small_parts(self):
        self.assertEqual(as_code("a`b``"), "``` a`b`` ```")
        self.assertEqual(escape("1. a"), "&#49;. a")
        self.assertEqual(escape("- a-b"), "\\- a-b")
        self.assertEqual(fenced(["\tx"], "text"), "```text\n    x\n```")
        self.assertEqual(Listing("", "", "", ()).is_python, True)


if __name__ == "__main__":
    unittest.main()
