"""The pages of the derivations: parts, quoted code, links, worked numbers; none is handed out."""

import re
import unittest
from dataclasses import replace
from functools import cache

import numpy as np

from tests.course import kits
from tests.derivations import registry
from tests.derivations.arithmetic import equations
from tests.derivations.pages import (
    FENCE,
    FOLDER,
    INLINE,
    PARTS,
    ROOT,
    Page,
    displayed,
    pages,
    with_index,
)
from tests.derivations.registry import EXAMPLES

registry.load()

# GitHub's MathJax knows these; it refuses \operatorname, \newcommand, \label and others.
MACROS = frozenset(
    re.findall(
        r"\S+",
        r"""
    \begin \end \left \right \frac \dfrac \tfrac \partial \sum \prod \max \min \ln \exp \log \sqrt
    \tanh \text \mathrm \mathbf \mathbb \hat \bar \tilde \top \cdot \cdots \ldots \dots \vdots
    \ddots \times \odot \otimes \in \neq \ne \le \leq \ge \geq \lt \gt \approx \quad \qquad \, \; \!
    \\ \{ \} \lfloor \rfloor \lceil \rceil \lvert \rvert \lVert \rVert \infty \delta
    \epsilon \varepsilon \sigma \Sigma \mu \gamma \beta \lambda \theta \tau \ell \to \mapsto
    \Rightarrow \implies \arg \star \ast \circ \underbrace \overbrace \substack \displaystyle \big
    \Big \bigl \bigr \Bigl \Bigr \forall \colon \equiv \propto \pm \mid \cup \cap \subset \notin
    """,
    )
)
ENVIRONMENTS = {"aligned", "bmatrix", "cases"}


def wrong_numbers(page):
    """The equations of the worked example that are not true, and the names that are not there."""
    expected = {" ".join(name.split()): value for name, value in EXAMPLES[page.name]().items()}
    section = page.sections["A worked example"]
    found, seen = [], set()
    shown = [(latex, True) for latex in displayed(section)]
    shown += [(latex, False) for latex in INLINE.findall(FENCE.sub("", section)) if "=" in latex]
    for latex, is_displayed in shown:
        for name, sides in equations(latex):
            if name in expected:
                seen.add(name)
                found += [f"{name}: {side}" for side in sides if not fits(side, expected[name])]
                if not any(side.value is not None for side in sides):
                    found.append(f"{name}: no numbers")
            elif is_displayed:
                found.append(f"{name}: not computed by the example")
    return found + [f"{name}: not on the page" for name in expected.keys() - seen]


def fits(side, expected):
    """True if a side of an equation is a name, or the expected value as far as it is written."""
    if side.value is None:
        return True
    value, expected = (np.atleast_2d(np.asarray(x, dtype=float)) for x in (side.value, expected))
    return value.shape == expected.shape and np.allclose(value, expected, 0, side.tolerance)


@cache
def telling_lines():
    """The lines of prose and formulas that are long enough to be looked for."""
    maths = "\n".join(formula for page in pages() for formula in page.maths)
    prose = "\n".join(page.without_code for page in pages())
    lines = {line.strip() for line in f"{maths}\n{prose}".splitlines()}
    return sorted(line for line in lines if len(line) > 30)


def leaked(files):
    """The lines of pages that files have."""
    text = b"\n".join(files.values()).decode("utf-8", errors="replace")
    return [line for line in telling_lines() if line in text]


class TestParts(unittest.TestCase):
    def test_each_part_is_there_in_order(self):
        self.assertTrue(pages())
        for page in pages():
            with self.subTest(page=page.name):
                parts = [title for title in page.sections if title in PARTS]
                self.assertEqual(parts, list(PARTS))
                self.assertTrue(page.text.startswith("# "))

    def test_both_derivations_end_in_a_labelled_formula(self):
        for page in pages():
            for part in ("Element by element", "For a batch"):
                with self.subTest(page=page.name, part=part):
                    self.assertTrue(Page(part, page.sections[part]).formulas)

    def test_labels_stand_before_formulas(self):
        for page in pages():
            with self.subTest(page=page.name):
                self.assertEqual(page.text.count("<!-- formula"), len(page.formulas))

    def test_mistakes_are_named(self):
        for page in pages():
            bullets = re.findall(r"^- \*\*", page.sections["What goes wrong"], re.M)
            with self.subTest(page=page.name):
                self.assertGreaterEqual(len(bullets), 3)

    def test_pages_are_neither_long_nor_short(self):
        for page in pages():
            with self.subTest(page=page.name):
                self.assertTrue(60 <= len(page.text.splitlines()) <= 200)

    def test_the_index_names_each_page(self):
        index = next(page for page in with_index() if page.name == "README")
        linked = {link for link in index.links if re.fullmatch(r"\w+\.md", link)}
        self.assertEqual(linked, {f"{page.name}.md" for page in pages()})


class TestMathematics(unittest.TestCase):
    def test_macros_are_known_to_github(self):
        for page in with_index():
            for latex in page.maths:
                used = set(re.findall(r"\\(?:[A-Za-z]+|.)", latex))
                environments = set(re.findall(r"\\begin\{(\w+)\}", latex))
                with self.subTest(page=page.name, latex=latex):
                    self.assertLessEqual(used, MACROS)
                    self.assertLessEqual(environments, ENVIRONMENTS)
                    self.assertEqual(latex.count("{"), latex.count("}"))

    def test_formulas_within_a_line_have_room(self):
        # GitHub takes $` for mathematics only at the beginning of a word, and `$ at its end.
        for page in with_index():
            with self.subTest(page=page.name):
                self.assertEqual(re.findall(r"[^\s(|*]\$`[^`]*`\$", page.without_code), [])
                self.assertEqual(re.findall(r"\$`[^`]*`\$[^\s).,:;|*?]", page.without_code), [])
                self.assertEqual(page.without_code.count("$"), 2 * len(page.maths_in_lines))

    def test_formulas_in_tables_have_no_bars(self):
        for page in with_index():
            for line in page.without_code.splitlines():
                if line.startswith("|"):
                    self.assertFalse(any("|" in latex for latex in INLINE.findall(line)), line)


class TestQuotes(unittest.TestCase):
    def test_each_line_is_in_the_library(self):
        for page in pages():
            self.assertTrue(page.quotes)
            for quote in page.quotes:
                with self.subTest(page=page.name, code=quote.name):
                    self.assertTrue(quote.lines)
                    self.assertEqual(quote.missing(), [])

    def test_each_file_is_linked(self):
        for page in pages():
            for quote in page.quotes:
                with self.subTest(page=page.name, path=quote.path):
                    self.assertIn(f"../../{quote.path}", page.links)

    def test_another_line_another_method_another_order_are_found(self):
        right = next(page for page in pages() if page.name == "relu").quotes[1]
        self.assertEqual(right.missing(), [])
        for wrong in (
            replace(right, lines=("return dY * (Z >= 0)",)),
            replace(right, name="ReLU.forward"),
            replace(right, lines=right.lines * 2),
        ):
            self.assertEqual(len(wrong.missing()), 1)
        with self.assertRaises(StopIteration):
            replace(right, name="ReLU.backwards").missing()

    def test_links_resolve(self):
        for page in with_index():
            for link in page.links:
                with self.subTest(page=page.name, link=link):
                    self.assertTrue((FOLDER / link.split("#")[0]).resolve().is_file())
                    self.assertTrue((FOLDER / link).resolve().is_relative_to(ROOT))


class TestExamples(unittest.TestCase):
    def test_each_number_is_right(self):
        for page in pages():
            with self.subTest(page=page.name):
                self.assertEqual(wrong_numbers(page), [])

    def test_a_wrong_number_is_found(self):
        for page in pages():
            for block in displayed(page.sections["A worked example"]):
                *_, last = re.finditer(r"\d", block)
                other = str((int(last[0]) + 4) % 10)
                changed = block[: last.start()] + other + block[last.end() :]
                with self.subTest(page=page.name, formula=changed):
                    self.assertTrue(
                        wrong_numbers(replace(page, text=page.text.replace(block, changed)))
                    )


class TestNotHandedOut(unittest.TestCase):
    """The pages are solutions: no starter has one, nor a sentence or a formula of one."""

    def test_no_starter_names_a_page(self):
        for name in kits.ASSIGNMENTS:
            manifest = kits.manifest(name)
            files = [*manifest.shipped, *kits.starter(name)]
            with self.subTest(assignment=name):
                self.assertEqual([path for path in files if "derivation" in path], [])

    def test_no_starter_has_a_line_of_a_page(self):
        for name in kits.ASSIGNMENTS:
            with self.subTest(assignment=name):
                self.assertEqual(leaked(kits.starter(name)), [])

    def test_a_line_in_a_starter_is_found(self):
        for page in pages():
            sentence = max(page.without_code.splitlines(), key=len).strip()
            formula = max("\n".join(displayed(page.text)).splitlines(), key=len)
            for text in (sentence, formula):
                with self.subTest(page=page.name, text=text):
                    file = f"import sys\n# {text}\n".encode()
                    self.assertIn(text, leaked({"LICENSE": b"MIT", "check.py": file}))


if __name__ == "__main__":
    unittest.main()
