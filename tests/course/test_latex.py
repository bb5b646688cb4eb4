import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from course.characters import COMMANDS, clusters, in_latex
from course.latex import breakable, environment_name, escape, render
from course.listings import Appendix, Listing, Section

# Lines that have broken other tools, and the mistakes of the course's own: LaTeX's characters,
# ends of environments, symbols, accents, what LaTeX lacks, and words longer than a line.
LINES = (
    "class Conv2D(Layer):",
    "    def _init_parameters(self, X):  # 99% & $5 ~ ^ \\ # { } _ < > | \"it's\" `x` -- --- ?` ''",
    '        s = "\\end{lstlisting} \\end{kitcode} \\end{document} \\iffalse %"',
    "        # σ(z) = ∂y/∂z, ŷ, x̂, Σᵢ wᵢ², ½, ℝ, ‖x‖, ≤ ∈ → × · – — “q” é ß Å ẑ́ ﬁ π𝐱",
    "        # 中文 Привет 🎉 \x1b[31m \x07 \u202e \xa0 \ue123 a\u20d7",
    "\tif x:\t# tabs",
    f'        t = "{"a" * 300}"; {"_".join(["long"] * 60)} = "{"中" * 150}{"σ" * 200}"',
    f"        # {'-' * 200}",
    "",
    '  """unbalanced',
)
TEXT = "4_1 <&> 50% $x^2$ #{}~\\ σ “q” |\"'`-"


def appendix(*lines: str, name: str = "a_b/c.py") -> Appendix:
    code = Listing(TEXT, name, ", lines 1-2, 4", lines)
    output = Listing("tests", "python -m unittest", "", ("test_x ... ok", "-" * 70), False)
    sections = (Section(TEXT, (code, output)), Section("Model", (TEXT, code)))
    return Appendix(TEXT, TEXT, sections, (), (), 1, 1)


class TestText(unittest.TestCase):
    def test_characters_of_latex_are_escaped(self):
        self.assertEqual(
            escape("_%&$#{}~^\\"),
            r"\_\%\&\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}",
        )
        self.assertEqual(escape("a_b/c", breaks=True), r"a\_\allowbreak{}b/\allowbreak{}c")
        self.assertEqual(escape("σ\x07x̂"), r"\ensuremath{\sigma}\textbackslash{}x07\^{x}")

    def test_known_characters(self):
        for character, latex in {
            "σ": r"\ensuremath{\sigma}",
            "Α": r"\ensuremath{\mathrm{A}}",
            "ŷ": r"\^{y}",
            "θ̂": r"\ensuremath{\hat{\theta}}",
            "ï": r"\"{\i{}}",
            "ᵀ": r"\ensuremath{^{\mathrm{T}}}",
            "ⱼ": r"\ensuremath{_{\mathrm{j}}}",
            "½": r"\ensuremath{^{1}\!/_{2}}",
            "ℝ": r"\ensuremath{\mathbf{R}}",
            "ﬁ": "fi",
            "中": None,
            "и": None,
            "\ue000": None,
        }.items():
            with self.subTest(character=character):
                self.assertEqual(in_latex(character), latex)

    def test_every_symbol_of_the_library_is_known(self):
        package = Path(__file__).resolve().parents[2] / "neural_networks"
        text = "".join(path.read_text("utf-8") for path in package.rglob("*.py"))
        unknown = {cluster for cluster in clusters(text) if in_latex(cluster) is None}
        self.assertEqual(unknown, set())
        self.assertGreater(len(COMMANDS), 130)

    def test_clusters_hold_their_accents(self):
        self.assertEqual(list(clusters("ax̂ŷ, σ̂")), ["x̂", "ŷ", "σ̂"])

    def test_the_environment_has_a_name_that_is_not_in_the_code(self):
        self.assertEqual(environment_name("x"), "kitcode")
        self.assertEqual(environment_name(r"\end{kitcode} kitcodex"), "kitcodexx")
        text, _ = render(appendix(*LINES), 1)
        self.assertEqual(text.count(r"\begin{kitcodex}"), 3)
        self.assertEqual(text.count(r"\end{kitcodex}"), 3)

    def test_long_words_may_be_broken(self):
        self.assertEqual(breakable("a" * 100, "|"), "|".join(["a" * 40, "a" * 40, "a" * 20]))
        self.assertEqual(breakable("short words " * 20, "|"), "short words " * 20)

    def test_headings(self):
        for level, command in ((1, "section"), (2, "subsection"), (3, "subsubsection")):
            text, _ = render(appendix("x = 1"), level)
            self.assertEqual(text.count(rf"\{command}{{"), 2)
            self.assertNotIn(r"\documentclass", text)
            self.assertTrue(text.startswith("% Written by generate_submission.py"))

    def test_characters_without_a_command_are_warned_of_once(self):
        _, warnings = render(appendix("a = '中中'", "b = '中и'"), 1)
        self.assertEqual(
            warnings,
            [
                "a_b/c.py: 中 (U+4E2D) is printed as its code point",
                "a_b/c.py: и (U+0438) is printed as its code point",
            ],
        )


class TestCompiled(unittest.TestCase):
    """All that LaTeX may stumble over, compiled where there is a LaTeX, else looked at."""

    def test_all_lines_standalone_and_put_in_twice(self):
        alone, _ = render(appendix(*LINES), 1, standalone=True)
        part, _ = render(appendix(*LINES), 3)
        other, _ = render(appendix("y = 'é'"), 2)
        main = (
            "\\documentclass{article}\\usepackage{listings}\n"
            "\\lstset{mathescape=true,escapechar=|,numbers=left}\n\\begin{document}\n"
            '\\catcode`\\"=\\active \\def"{QUOTE}\n'
            "\\input{part}\\input{other}\\input{part}\n\\end{document}\n"
        )
        self.check_text(alone, "\\end{document}\n")
        self.check_text(part, "")
        program = shutil.which("pdflatex")
        if program is not None:
            with tempfile.TemporaryDirectory() as folder:
                files = {"alone": alone, "part": part, "other": other, "main": main}
                for name, text in files.items():
                    Path(folder, f"{name}.tex").write_text(text, "utf-8")
                for name in ("alone", "main"):
                    self.compile(program, folder, name)

    def compile(self, program: str, folder: str, name: str) -> None:
        command = [program, "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        result = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
        log = result.stdout.decode("latin-1")
        self.assertEqual(result.returncode, 0, log[-2000:])
        self.assertNotIn("Missing character", log)
        wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
        self.assertLess(max(wide, default=0), 30, "a line runs over the margin")

    def check_text(self, text: str, end: str) -> None:
        """The text outside of listings is plain ASCII; inside, all else is in the table."""
        self.assertTrue(text.endswith(end))
        parts = re.split(r"\\(?:begin|end)\{kitcodex\}.*\n?", text)
        table = set(re.findall(r"\{([^{}\\]+)\}\{\{", parts[0]))
        self.assertGreater(len(table), 30)
        for code in parts[1::2]:
            self.assertLessEqual(set(clusters(code)), table)
            self.assertNotRegex(code, r"[\t\x00-\x08\x0b-\x1f]")
        for outside in parts[2::2]:
            self.assertTrue(outside.isascii())


if __name__ == "__main__":
    unittest.main()
