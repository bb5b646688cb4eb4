"""Forms of CSV files: recognized and said where there is no doubt, else an error names them."""

import contextlib
import io
import unittest

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from neural_networks.datasets import load_csv, read_examples
from neural_networks.datasets.preprocessing import Preprocessing
from neural_networks.datasets.sources.examples import ExampleFormat
from tests.support.arrays import InFolder

N = 40
RNG = np.random.default_rng(0)
PLAIN = pd.DataFrame(
    {
        "größe": RNG.normal(size=N).round(3),
        "count": RNG.integers(0, 9, N),
        "weight": RNG.normal(size=N) * 1000,
        "kind": ["süß, mild", "bitter", "sour"] * 13 + ["sour"],
    }
)
TEXT = PLAIN.to_csv(index=False)
FEATURES = ["größe", "count", "weight"]
SETS = ("training", "validation", "test")


def lines(change):
    """The plain table with each line changed; the first has the number 0."""
    return "\n".join(change(i, line) for i, line in enumerate(TEXT.splitlines()))


def quoted(separator):
    """The plain table with each cell in quotes."""
    rows = [PLAIN.columns, *PLAIN.itertuples(index=False)]
    return "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)


class FormTest(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "table.csv"

    def put(self, content):
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def load(self, content=None, **options):
        """Load the table; returns its parts, and what was said."""
        if content is not None:
            self.put(content)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            parts = load_csv(str(self.path), **{"label": "kind"} | options)
        return parts, said.getvalue()

    def refused(self, pattern, content, **options):
        with self.assertRaisesRegex(ValueError, pattern) as caught:
            self.load(content, **options)
        self.assertIn(str(self.path), str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))


def equal(found, expected):
    """Assert that two loaded tables have equal examples, labels and names."""
    for what in SETS:
        for key in (f"{what}_set", f"{what}_labels"):
            assert_array_equal(found[key], expected[key])
    for key in ("class_names", "feature_names"):
        assert found[key] == expected[key]


RECOGNIZED = {
    "semicolons": (PLAIN.to_csv(index=False, sep=";"), "separated by semicolons"),
    "tabs": (PLAIN.to_csv(index=False, sep="\t"), "separated by tabs"),
    "pipes": (PLAIN.to_csv(index=False, sep="|"), "separated by pipes"),
    "quoted blanks": (PLAIN.to_csv(index=False, sep=" "), "separated by spaces"),
    "blanks and row numbers": (
        PLAIN.to_csv(sep=" "),
        "separated by spaces; names or numbers of rows, left out: column 1",
    ),
    "decimal commas": (
        PLAIN.to_csv(index=False, sep=";", decimal=","),
        "separated by semicolons; with decimal commas",
    ),
    "decimal commas and tabs": (
        PLAIN.to_csv(index=False, sep="\t", decimal=","),
        "separated by tabs; with decimal commas",
    ),
    "decimal commas in quotes": (PLAIN.to_csv(index=False, decimal=","), "with decimal commas"),
    "quotes": (quoted(","), ""),
    "quotes after blanks": (quoted(",  "), ""),
    "quotes after blanks and semicolons": (quoted("; "), "separated by semicolons"),
    "Windows": (TEXT.replace("\n", "\r\n"), ""),
    "UTF-8 with a mark": (TEXT.encode("utf-8-sig"), ""),
    "UTF-16": (TEXT.encode("utf-16"), "in UTF-16"),
    "UTF-16, big first": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "in UTF-16"),
    "UTF-32": (TEXT.encode("utf-32"), "in UTF-32"),
    "Excel's Unicode text": (
        PLAIN.to_csv(index=False, sep="\t", decimal=",").encode("utf-16"),
        "separated by tabs; with decimal commas; in UTF-16",
    ),
    "row numbers": (PLAIN.to_csv(), "left out: column 1, without a name"),
    "row numbers from 1": (PLAIN.set_index(PLAIN.index + 1).to_csv(), "left out: column 1"),
    "some row numbers": (PLAIN.set_index(3 * PLAIN.index[::-1]).to_csv(), "left out: column 1"),
    "row numbers and semicolons": (
        PLAIN.to_csv(sep=";"),
        "separated by semicolons; names or numbers of rows, left out: column 1",
    ),
    "names of rows": (PLAIN.rename(lambda i: f"r{i}").to_csv(), "left out: column 1"),
    "R's write.table": (lines(lambda i, line: f'"{i}",{line}' if i else line), "left out"),
    "pandas, twice": (
        PLAIN.reset_index(names="Unnamed: 0").to_csv(index=False),
        "left out: column 1, called 'Unnamed: 0'",
    ),
    "a comma at the end": (lines(lambda i, line: f"{line},"), "empty and left out: column 5"),
    "commas at the end": (lines(lambda i, line: f"{line},,,"), "left out: column 5, 6, 7"),
    "in the first line alone": (lines(lambda i, line: line + "," * (not i)), "out: column 5"),
    "in the other lines": (lines(lambda i, line: line + "," * (i > 0)), ""),
    "blanks at the end": (lines(lambda i, line: f"{line}, "), "left out: column 5"),
    "a column that is empty": (PLAIN.assign(x="")[["größe", "x", *PLAIN.columns[1:]]]
        .rename(columns={"x": ""}).to_csv(index=False), "left out: column 2"),
}  # fmt: skip


class TestRecognized(FormTest):
    def test_equal_tables(self):
        plain, said = self.load(TEXT)
        self.assertEqual(said, "")
        self.assertEqual(plain["feature_names"], FEATURES)
        for name, (content, note) in RECOGNIZED.items():
            with self.subTest(name):
                found, said = self.load(content)
                equal(found, plain)
                self.assertEqual(said.count("\n"), bool(note))
                self.assertIn(note, said)
                self.assertEqual(said == "", note == "")

    def test_equal_examples(self):
        """Files of examples, named and unnamed, for a network trained on the plain table."""
        table = self.load(TEXT)[0]["table"]
        like = ExampleFormat("csv", (3,), FEATURES, Preprocessing(table=table))
        expected = PLAIN[FEATURES].to_numpy(float)
        for name, (content, _) in RECOGNIZED.items():
            self.put(content)
            with self.subTest(name), contextlib.redirect_stderr(io.StringIO()):
                assert_array_equal(read_examples(self.path, like), expected)
        unnamed = PLAIN[FEATURES].astype(float)
        for sep, decimal in ((",", "."), (";", "."), (";", ","), ("\t", ","), ("|", ".")):
            unnamed.to_csv(self.path, index=False, header=False, sep=sep, decimal=decimal)
            with self.subTest(sep=sep, decimal=decimal):
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    assert_array_equal(read_examples(self.path, like), expected)
                self.assertEqual(said.getvalue() == "", (sep, decimal) == (",", "."))

    def test_options_say_the_same(self):
        plain = self.load(TEXT)[0]
        for options, content in (
            ({"sep": ";"}, PLAIN.to_csv(index=False, sep=";")),
            ({"sep": "semicolon", "decimal": ","}, PLAIN.to_csv(index=False, sep=";", decimal=",")),
            ({"sep": "tab"}, PLAIN.to_csv(index=False, sep="\t")),
            ({"sep": "\\t"}, PLAIN.to_csv(index=False, sep="\t")),
            ({"sep": "~"}, PLAIN.to_csv(index=False, sep="~")),
            ({"decimal": "comma", "sep": "^"}, PLAIN.to_csv(index=False, sep="^", decimal=",")),
            ({"encoding": "latin-1"}, TEXT.encode("latin-1")),
            ({"encoding": "Windows-1252"}, TEXT.encode("cp1252")),
            ({"encoding": "utf-16-le"}, TEXT.encode("utf-16-le")),
            ({"encoding": "latin-1"}, TEXT.encode("utf-8-sig")),  # the mark says more
        ):
            with self.subTest(options):
                found, said = self.load(content, **options)
                equal(found, plain)
                self.assertEqual(said if "encoding" not in options else "", "")

    def test_whole_numbers_first(self):
        """Decimal commas that come later are an error with the way to read them."""
        rows = [f"{i};{i % 7};{'ab'[i % 2]}" for i in range(2000)]
        rows[1500] = "1500;3,5;a"
        content = "\n".join(["x;y;kind", *rows])
        self.refused(r"row 1502, column 2 \(y\).*'3,5'.*decimal=comma", content)
        found, _ = self.load(content, decimal="comma")
        self.assertEqual(found["training_set"].shape, (1400, 2))

    def test_numbers_as_labels(self):
        table = PLAIN.assign(kind=np.arange(N) % 2 + 0.5)
        found, _ = self.load(table.to_csv(index=False, sep=";", decimal=","))
        self.assertEqual(found["class_names"], ["0.5", "1.5"])
        options = {"label": "weight", "regression": True, "drop": "kind"}
        plain, _ = self.load(TEXT, **options)
        equal(self.load(PLAIN.to_csv(index=False, sep=";", decimal=","), **options)[0], plain)

    def test_separators_within_names_and_cells(self):
        table = PLAIN.rename(columns={"größe": "a;b", "count": "c|d e"})
        plain, said = self.load(table.to_csv(index=False))
        self.assertEqual(plain["feature_names"], ["a;b", "c|d e", "weight"])
        self.assertEqual(said, "")
        for sep in ";|\t":
            equal(self.load(table.to_csv(index=False, sep=sep))[0], plain)


class TestRandomTables(FormTest):
    NAMES = ("size", "weight kg", "größe", "a;b", "c,d", "x|y", "1990", "T")

    def write(self, table, rng, **options):
        """Write a table in a random form."""
        sep = str(rng.choice([",", ";", "\t", "|", " "]))
        form = {"sep": sep, "decimal": str(rng.choice([".", ","]))}
        text = table.to_csv(**form, **options)
        if sep != " " and rng.random() < 0.2:
            text = "".join(f"{line}{sep}\n" for line in text.splitlines())
        self.put(text.encode(str(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))))

    def test_read_as_they_are_or_refused(self):
        rng = np.random.default_rng(0)
        refused = 0
        for trial in range(60):
            n, names = int(rng.integers(12, 30)), rng.choice(self.NAMES, rng.integers(1, 5), False)
            columns = (rng.normal(size=n), rng.integers(0, 5000, n), rng.normal(0, 1e5, n).round(3))
            table = pd.DataFrame({name: columns[rng.integers(3)] for name in names})
            X, table["kind"] = table.to_numpy(float), (["a b", "b,c"] * n)[:n]
            self.write(table, rng, index=bool(rng.integers(2)))
            with self.subTest(trial=trial, names=names):
                parts, _ = self.load()
                found = np.concatenate([parts[f"{what}_set"] for what in SETS])
                self.assertEqual(parts["feature_names"], list(names))
                self.assertEqual(sorted(found.tolist()), sorted(X.tolist()))
                like = ExampleFormat("csv", X.shape[1:], names, Preprocessing(table=parts["table"]))
                for options in ({"index": True}, {"index": False, "header": False}):
                    self.write(table if "header" not in options else table[names], rng, **options)
                    try:
                        with contextlib.redirect_stderr(io.StringIO()):
                            assert_array_equal(read_examples(self.path, like), X)
                    except ValueError as error:
                        self.assertRegex(str(error), "thousands|first line is")
                        refused += 1
        self.assertLess(refused, 6)


class TestDoubt(FormTest):
    def test_encodings(self):
        self.refused("not text in the encoding UTF-8: line 1 has the byte 0xf6; encoding=latin-1",
                     TEXT.encode("latin-1"))  # fmt: skip
        ascii_header = TEXT.replace("größe", "size").encode("cp1252")
        self.refused("UTF-8: line 2 has the byte 0xfc; .*encoding=cp1252", ascii_header)
        for name in ("utf-16-le", "utf-16-be"):
            self.refused(f"seems to be UTF-16 .*: encoding={name}", TEXT.encode(name))
        self.refused("is not text in the encoding ascii: line 1 has the byte 0xc3", TEXT,
                     encoding="ascii")  # fmt: skip
        self.refused("is not text in the encoding utf-16", TEXT.encode() + b"\n", encoding="utf-16")

    def test_other_files(self):
        self.refused(
            "ZIP archive or a spreadsheet: save the table as CSV", b"PK\x03\x04" + bytes(99)
        )
        self.refused("is not a text file", b"\x89PNG\r\n\x1a\n\0\xe9" + bytes(99))

    def test_separators(self):
        self.refused("has no column 'kind' .*sep= names the character", TEXT.replace(",", "~"))
        for sep in ";\t|":  # a mistyped label: the columns are listed all the same
            content = PLAIN.to_csv(index=False, sep=sep)
            self.refused("'kidn'; did you mean 'kind'.*größe, count, weight, kind", content,
                         label="kidn")  # fmt: skip
        self.refused("sep= names the character", TEXT, sep=";")

    def test_thousands(self):
        rows = "\n".join(f"{1 + i % 3},{100 + i};2;{'ab'[i % 2]}" for i in range(30))
        self.refused("column 'price': '1,100' may have a decimal comma, or one between thousands: "
                     "decimal=comma", f"price;n;kind\n{rows}")  # fmt: skip
        found, _ = self.load(f"price;n;kind\n{rows}", decimal="comma")
        self.assertEqual(found["training_set"].max(), 3.129)
        clear, _ = self.load(f"price;n;kind\n0,250;2;a\n{rows}")
        self.assertEqual(min(clear[f"{w}_set"].min() for w in ("training", "validation", "test")),
                         0.25)  # fmt: skip
        for number in ("1.234,5", "1 234,5", "1'234"):
            content = f"price;kind\n0,5;a\n{number};b\n"
            self.refused(rf"row 3, column 1 \(price\).*{number}.*thousands are not", content)

    def test_a_column_without_a_name(self):
        for column, shown in (
            (PLAIN["größe"], "0.126"),
            (PLAIN["kind"], "'süß, mild'"),
            (PLAIN["count"], "[0-9]"),
        ):
            content = PLAIN.assign(first=column)[["first", *PLAIN.columns]].rename(
                columns={"first": ""}
            )
            self.refused(
                f"row 1: column 1 has no name, and holds '?{shown}", content.to_csv(index=False)
            )
        later = PLAIN.assign(x=range(N)).rename(columns={"x": ""}).to_csv(index=False)
        self.refused("row 1: column 5 has no name, and holds '0'", later)
        late = ["a,kind,"] + [f"{i},{'xy'[i % 2]}," for i in range(3000)]
        late[2500] += "7"
        self.refused("row 2501: column 3 has no name, but holds '7'", "\n".join(late))

    def test_options_that_mean_nothing(self):
        for options, pattern in (
            ({"sep": "semicolons"}, "sep must be .* got 'semicolons'; did you mean 'semicolon'"),
            ({"sep": ";;"}, "sep must be a character .* got ';;'"),
            ({"sep": "a"}, "sep must be a character"),
            ({"sep": ""}, "sep must be a character"),
            ({"sep": 5}, "sep must be a character .* got 5"),
            ({"decimal": ";"}, "decimal must be '.' or ',', got ';'"),
            ({"encoding": "latin-77"}, "encoding must be one such as .* got 'latin-77'"),
            ({"encoding": "hex"}, "encoding must be one such as .* got 'hex'"),
            ({"encoding": 8}, "encoding must be one such as .* got 8"),
        ):
            with self.subTest(pattern), self.assertRaisesRegex(ValueError, pattern):
                self.load(TEXT, **options)


if __name__ == "__main__":
    unittest.main()
