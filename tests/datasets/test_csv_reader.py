"""CSV files: exact values, chunks, text columns, errors with row and column."""

import gzip
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets.files import csv_reader
from neural_networks.datasets.files.csv_reader import csv_chunks, first_line
from tests.datasets.test_cache import DataTest
from tests.support.arrays import InFolder
from tests.support.synthetic_files import write_higgs

ABC = ("a", "b", "c")


class TableTest(InFolder):
    def put(self, content: str | bytes, name: str = "table.csv") -> None:
        """Write the file ``self.path``, compressed if its name ends in ``.gz``."""
        self.path = self.root / name
        content = content if isinstance(content, bytes) else content.encode()
        self.path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    def read(self, content: str | bytes, names=ABC, name="table.csv", **options):
        """All numbers and all words."""
        self.put(content, name)
        numbers, texts = zip(*csv_chunks(self.path, names, **options), strict=True)
        return np.concatenate(numbers), np.concatenate(texts)

    def lengths(self, content, names=ABC, **options):
        self.put(content)
        chunks = list(csv_chunks(self.path, names, **options))
        self.assertTrue(all(len(numbers) == len(texts) for numbers, texts in chunks))
        return [len(numbers) for numbers, _ in chunks]

    def told(self, read, *arguments, **options) -> str:
        """The one-line message of the ``ValueError``, with FILE for the path."""
        with self.assertRaises(ValueError) as caught:
            list(read(self.path, *arguments, **options))
        message = str(caught.exception)
        self.assertIn(str(self.path), message)
        self.assertNotIn("\n", message)
        return message.replace(str(self.path), "FILE")

    def refused(self, pattern, content, names=ABC, name="table.csv", **options):
        """Assert that the file is refused, for chunks of any length."""
        self.put(content, name)
        for rows in (100_000, 2, 1):
            with self.subTest(rows=rows):
                message = self.told(csv_chunks, names, rows=rows, **options)
                self.assertRegex(message, pattern)

    def cell(self, place: tuple[int, int], what: str, content, names=ABC, **options):
        """Assert that the message names the cell's row and column, counted from 1."""
        row, column = place
        where = f"FILE, row {row}, column {column} ({names[column - 1]}): the cell {what}"
        self.refused("^" + re.escape(where), content, names, **options)


class TestValues(TableTest):
    def test_every_float32_comes_back(self):
        rng = np.random.default_rng(0)
        bits = rng.integers(0, 2**32, size=6_000, dtype=np.uint32)
        floats = bits.view(np.float32)
        floats = floats[np.isfinite(floats)][:5_000].reshape(-1, 5)
        for form in ("%.18e", "%.9g"):  # the form in the Higgs file, and the shortest exact form
            content = "\n".join(",".join(form % x for x in row) for row in floats)
            numbers, _ = self.read(content, "abcde")
            self.assertEqual(numbers.dtype, np.float64)
            assert_array_equal(numbers.astype(np.float32), floats, strict=True)

    def test_every_float64_comes_back(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(1_000, 5)) * 10.0 ** rng.integers(-12, 13, size=(1_000, 5))
        content = "\n".join(",".join(map(repr, row)) for row in X.tolist())
        assert_array_equal(self.read(content, "abcde")[0], X, strict=True)

    def test_the_rows_of_higgs(self):
        rows = write_higgs(self.root, n=50)
        names = [str(i) for i in range(29)]
        chunks = [numbers for numbers, _ in csv_chunks(self.root / "HIGGS.csv.gz", names, rows=20)]
        self.assertEqual([len(chunk) for chunk in chunks], [20, 20, 10])
        numbers = np.concatenate(chunks).astype(np.float32)
        assert_array_equal(numbers, rows.astype(np.float32), strict=True)

    def test_ways_to_write_a_number(self):
        cells = {"1": 1, "-1.5": -1.5, "+2": 2, ".5": 0.5, "3.": 3, "1e3": 1000, "1E-03": 0.001}
        cells |= {" 7 ": 7, '"8"': 8, "007": 7, "-0": 0, "1e-400": 0, "12345678901234567890": 2**63}
        cells["12345678901234567890"] = 12345678901234567890.0
        for text, value in cells.items():
            with self.subTest(text):
                numbers, texts = self.read(f"1,{text},3\n{text},5,{text}\n")
                assert_array_equal(numbers, [[1, value, 3], [value, 5, value]])
                self.assertEqual(texts.shape, (2, 0))

    def test_ends_of_lines(self):
        for end in ("\n", "\r\n", "\r"):
            for last in ("", end):
                for header in (False, True):
                    content = end.join([*["a,b,c"] * header, "1,2,3", "4,5,6"]) + last
                    with self.subTest(content):
                        numbers, _ = self.read(content, header=header)
                        assert_array_equal(numbers, [[1, 2, 3], [4, 5, 6]])

    def test_one_row_or_one_column(self):
        assert_array_equal(self.read("1,2,3")[0], [[1, 2, 3]])
        assert_array_equal(self.read("1\n2\n3\n", ["a"])[0], [[1], [2], [3]])

    def test_a_byte_order_mark(self):
        assert_array_equal(self.read(b"\xef\xbb\xbf1,2,3\n")[0], [[1, 2, 3]])

    def test_compressed(self):
        for header in (False, True):
            content = "a,b,c\n" * header + "1,2,3\n4,5,6\n"
            numbers, _ = self.read(content, name="table.csv.gz", header=header)
            assert_array_equal(numbers, [[1, 2, 3], [4, 5, 6]])
        packed = gzip.compress(b"1,2,3\n4,") + gzip.compress(b"5,6\n")
        self.path.write_bytes(packed)  # an archive with two members
        ((numbers, _),) = csv_chunks(self.path, ABC)
        assert_array_equal(numbers, [[1, 2, 3], [4, 5, 6]])


class TestChunks(TableTest):
    def test_lengths(self):
        for n in (1, 6, 7):
            for header in (False, True):
                content = "a,b,c\n" * header + "1,2,3\n" * n
                for rows in range(1, 9):
                    expected = [min(rows, n - start) for start in range(0, n, rows)]
                    with self.subTest(n=n, header=header, rows=rows):
                        self.assertEqual(self.lengths(content, header=header, rows=rows), expected)

    def test_a_hundred_thousand_at_a_time(self):
        self.assertEqual(self.lengths("1\n" * 200_001, ["a"]), [100_000, 100_000, 1])

    def test_rows_at_the_borders(self):
        X = np.arange(30.0).reshape(10, 3)
        content = "\n".join(",".join(map(str, row)) for row in X)
        for rows in range(1, 12):
            numbers, _ = self.read(content, rows=rows)
            assert_array_equal(numbers, X, strict=True)


class TestWords(TableTest):
    CONTENT = "a,b,c\n1,x y,3\n4,NA,6\n7,01,9\n2, nan,1\n5,,2\n"

    def test_unchanged_words(self):
        for rows in (1, 2, 100):
            numbers, texts = self.read(self.CONTENT, header=True, words=["b"], rows=rows)
            assert_array_equal(numbers, [[1, 3], [4, 6], [7, 9], [2, 1], [5, 2]])
            self.assertEqual(texts.tolist(), [["x y"], ["NA"], ["01"], ["nan"], [""]])
            self.assertEqual(texts.dtype, object)

    def test_several_in_the_order_of_the_file(self):
        content = "x,2,y\nz,5,u\n"
        numbers, texts = self.read(content, words=["c", "a"])
        assert_array_equal(numbers, [[2], [5]])
        self.assertEqual(texts.tolist(), [["x", "y"], ["z", "u"]])

    def test_nothing_but_words(self):
        numbers, texts = self.read("x,y,z\n1,2,3", words=ABC)
        self.assertEqual((numbers.shape, texts.tolist()), ((2, 0), [list("xyz"), list("123")]))

    def test_commas_and_quotes_in_a_word(self):
        _, texts = self.read('1,"x, y",3\n4,"so ""called""",6\n', words=["b"])
        self.assertEqual(texts.tolist(), [["x, y"], ['so "called"']])

    def test_long_words_among_many(self):
        words = [f"w{i % 3}" for i in range(5_000)]
        words[1234] = "x" * 300_000  # as an array of str, 6 GB
        _, texts = self.read(
            "".join(f"{i},{word}\n" for i, word in enumerate(words)), "ab", words="b"
        )
        self.assertEqual(texts[:, 0].tolist(), words)

    def test_skipped_columns_may_hold_anything(self):
        content = 'a,b,c,d\nx,1,"2, 3",y\n,4,,\n"p\nq",7,NA,z\n'
        for rows in (1, 2, 100):
            for skip, words in (("ac", "d"), ("adc", ""), ("cda", "")):
                numbers, texts = self.read(
                    content, "abcd", header=True, words=words, skip=skip, rows=rows
                )
                assert_array_equal(numbers, [[1], [4], [7]])
                self.assertEqual(texts.tolist(), [["y"], [""], ["z"]] if words else [[]] * 3)

    def test_mistakes_beside_skipped_columns(self):
        options = {"words": ["w"], "skip": ["v"], "header": True}
        for text, what in (("q", "holds 'q'"), ("", "is empty")):
            self.cell((3, 4), what, f"w,a,v,b\nx,1,y,2\nz,3,,{text}\n", "wavb", **options)
        self.refused(
            "row 3: there are 6 columns, not 4", "w,a,v,b\nx,1,y,2\nz,3,,4,,8\n", "wavb", **options
        )

    def test_a_column_without_a_name(self):
        names = ["a", "", "b", ""]
        numbers, _ = self.read("1,,2,\n3,,4\n5, ,6,\n", names)
        assert_array_equal(numbers, [[1, 2], [3, 4], [5, 6]])
        self.refused("row 2: column 2 has no name, but holds '7'", "1,,2,\n3,7,4,\n", names)

    def test_mistakes_in_other_columns(self):
        content = "w,a,v,b\nx,1,y,2\nz,3,u,{}\n"
        for text, what in (("q", "holds 'q'"), ("", "is empty"), ("inf", "holds 'inf'")):
            options = {"words": ["w", "v"], "header": True}
            self.cell((3, 4), what, content.format(text), ("w", "a", "v", "b"), **options)


class TestMissing(TableTest):
    def test_numbers_that_are_missing(self):
        for text in csv_reader.MISSING:
            for shown in (text, f" {text}", f"{text} ", f'"{text}"'):
                content = f"a,b,c\n1,{shown},w\n{shown},4,NA\n5,6,\n"
                options = {"header": True, "words": "c"}
                with self.subTest(shown):
                    numbers, texts = self.read(content, missing=True, **options)
                    assert_array_equal(numbers, [[1, np.nan], [np.nan, 4], [5, 6]])
                    self.assertEqual(texts.tolist(), [["w"], ["NA"], [""]])
                    self.cell((2, 2), "", content, **options)

    def test_other_words_and_infinity_are_mistakes(self):
        for text in ("x", "inf", "-inf", "1e999", "na na", "1,5", "missing"):
            with self.subTest(text):
                content = f'1,,3\n4,"{text}",6\n'
                self.cell((2, 2), f"holds {text!r}", content, missing=True)

    def test_a_row_that_ends_early(self):
        for content in ("1,2,3\n4,5\n7,8,9\n", "1,2,3\n4\n", "1,2,\n\n1,2,3\n"):
            self.refused("row 2: there are [012] columns, not 3", content, missing=True)
        self.assertEqual(len(self.read("1,2,\n4,5,\n", missing=True)[0]), 2)


class TestCells(TableTest):
    BEFORE = "1,2,3\n4,5,6\n7,8,9\n1,2,3\n"

    def test_not_a_number(self):
        cells = ["x", "1;5", "0x10", "NA", "null", "1,000", "5%", "1e", "--1", "2 3", "-"]
        cells += ["nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e999", "1_000", "٣"]
        for text in cells:
            content = f'{self.BEFORE}4,"{text}",6\n7,8,9\n'
            with self.subTest(text):
                self.cell((5, 2), f"holds {text!r}, not a finite number", content)

    def test_bytes_that_are_not_text(self):
        self.cell((5, 2), "", f"{self.BEFORE}4,\0005,6\n7,8,9\n")

    def test_an_empty_cell(self):
        for text in ("", " ", '""', "\t"):
            with self.subTest(text):
                self.cell((5, 1), "is empty", f"{self.BEFORE}{text},5,6\n7,8,9\n")
                self.cell((5, 3), "is empty", f"{self.BEFORE}4,5,{text}\n7,8,9\n")
                self.cell((5, 3), "is empty", f"{self.BEFORE}4,5,{text}")

    def test_rows_are_lines_of_the_file(self):
        for row in range(2, 8):
            lines = ["a,b,c", *["1,2,3"] * 6]
            lines[row - 1] = "1,x,3"
            with self.subTest(row=row):
                self.cell((row, 2), "holds 'x'", "\n".join(lines), header=True)
                self.cell((row, 2), "holds 'x'", "\r\n".join(lines), header=True)
                lines[0] = "4,5,6"
                self.cell((row, 2), "holds 'x'", "\n".join(lines))
                packed = {"name": "table.csv.gz"}
                self.cell((row, 2), "holds 'x'", "\n".join(lines), **packed)
        self.cell((1, 2), "holds 'x'", "1,x,3\n4,5,6\n")

    def test_the_first_of_several_mistakes(self):
        self.cell((5, 2), "is empty", f"{self.BEFORE}4,,x\n")
        self.cell((5, 2), "holds 'x'", f"{self.BEFORE}4,x,\n")
        self.cell((5, 3), "holds 'x'", f"{self.BEFORE}4,5,x\n7,8,9\ny,,z\n")
        self.put("1,2,3\n4,x,6\n7,8,9\n4,5,6,7\n")
        self.assertIn("row 2, column 2", self.told(csv_chunks, ABC, rows=2))

    def test_the_first_row_is_short_of_a_word(self):
        for line in (2, 3, 4):
            lines = ["1,2", *["4,5,w"] * 4]
            lines[line - 1] = "4,x,w"
            self.cell((line, 2), "holds 'x'", "\n".join(lines), words=["c"])

    def test_the_first_mistake_in_the_file_not_the_first_detected(self):
        # Text is detected while a chunk is read, infinity afterwards.
        self.cell((2, 3), "holds 'inf'", "1,2,3\n4,5,inf\n7,x,9\n")
        self.cell((2, 3), "holds 'nan'", "1,2,3\n4,5,nan\n7,x,9\n")

    def test_long_text_is_cut(self):
        self.cell((1, 2), f"holds {'z' * 40!r}, not a finite", f"1,{'z' * 1000},3\n")


class TestLines(TableTest):
    def test_a_column_is_missing_at_the_end(self):
        for line in range(1, 7):
            lines = ["1,2,3"] * 6
            lines[line - 1] = "4,5"
            with self.subTest(line=line):
                self.refused(f"^FILE, row {line}\\b.*(column|empty)", "\n".join(lines))
                self.refused(f"^FILE, row {line + 1}\\b", "\n".join(["a,b,c", *lines]), header=True)

    def test_a_row_that_is_too_long(self):
        for extra in ("7", "x", "7,8", ",8"):
            for line in range(1, 7):
                lines = ["1,2,3"] * 6
                lines[line - 1] += f",{extra}"
                with self.subTest(line=line, extra=extra):
                    place = rf"\b{line}\b" if line > 1 else ""
                    self.refused(f"^FILE.*{place}", "\n".join(lines))
                    place = rf"\b{line + 1}\b" if line > 1 else ""
                    self.refused(f"^FILE.*{place}", "\n".join(["a,b,c", *lines]), header=True)

    def test_other_columns_in_all_rows(self):
        for line in ("1,2", "1,2,3,4", "1,2,3,4,", "1;2;3"):
            pattern = f"^FILE has {line.count(',') + 1} columns, not 3$"
            self.refused(pattern, f"{line}\n" * 5)
            self.refused(pattern, "a,b,c\n" + f"{line}\n" * 5, header=True)

    def test_a_blank_line(self):
        for end in ("\n", "\r\n"):
            for line in range(2, 8):
                lines = [*["1,2,3"] * 6, ""]
                lines.insert(line - 1, "")
                self.cell((line, 1), "is empty", end.join(lines))
                self.cell((line + 1, 1), "is empty", end.join(["a,b,c", *lines]), header=True)

    def test_a_blank_line_at_the_beginning(self):
        self.refused("^FILE, row 1\\b", "\n1,2,3\n4,5,6\n")
        self.refused("^FILE, row 1\\b", "\n\n1,2,3\n")
        self.refused("^FILE, row 2\\b", "a,b,c\n\n1,2,3\n4,5,6\n", header=True)

    def test_an_empty_file(self):
        for name in ("table.csv", "table.csv.gz"):
            self.refused("^FILE is empty$", "", name=name)
            self.refused("^FILE (is empty|has no rows)", "", name=name, header=True)
        self.refused("^FILE is empty$", "", header=True)

    def test_a_header_without_rows(self):
        for content in ("a,b,c\n", "a,b,c"):
            self.refused("^FILE has no rows", content, header=True)

    def test_an_unclosed_quote(self):
        self.cell((2, 2), "holds '5,6", '1,2,3\n4,"5,6\n7,8,9\n')
        self.refused("^FILE(?! is not a text)", '1,2,3\n4,"5,6\n' + 30_000 * "7,8,9\n")


class TestFiles(TableTest):
    def test_binary_files(self):
        self.refused("^FILE", bytes(range(256)) * 4)
        pattern = (
            "^FILE is not text in the encoding UTF-8: line 2 has the byte 0xe9; encoding=latin"
        )
        self.refused(pattern, b"1,2,3\n4,\xe9,6\n")
        self.refused("^FILE is not a text file$", b"\x89PNG\r\n\x1a\n\0\xe9" + bytes(40))

    def test_an_archive_cut_anywhere(self):
        packed = gzip.compress(b"1,2,3\n4,5,6\n7,8,10\n")
        self.put("", "table.csv.gz")
        for cut in range(2, len(packed)):
            self.path.write_bytes(packed[:cut])
            for rows in (1, 3, 100_000):
                with self.subTest(cut=cut, rows=rows):
                    message = self.told(csv_chunks, ABC, rows=rows)
                    self.assertEqual(
                        message, "FILE is truncated: it ends in the middle of the data"
                    )

    def test_a_long_archive_cut_short(self):
        X = np.random.default_rng(0).random((5_000, 3))
        content = "\n".join(",".join(map(repr, row)) for row in X.tolist())
        packed = gzip.compress(content.encode())
        self.put("", "table.csv.gz")
        for cut in (1_000, len(packed) // 2, len(packed) - 1):
            self.path.write_bytes(packed[:cut])
            for rows in (100, 100_000):
                self.assertRegex(self.told(csv_chunks, ABC, rows=rows), "^FILE is truncated")

    def test_a_damaged_archive(self):
        packed = gzip.compress(b"1,2,3\n")
        self.put("", "table.csv.gz")
        for content in (packed[:-8] + bytes(8), packed + b"more"):
            self.path.write_bytes(content)
            self.assertRegex(self.told(csv_chunks, ABC), "^FILE is damaged, or not an archive")

    def test_folders_pipes_and_missing_files(self):
        self.path = self.root / "table.csv"
        self.assertEqual(self.told(csv_chunks, ABC), "there is no file FILE")
        self.assertEqual(self.told(first_line), "there is no file FILE")
        os.mkfifo(self.path)
        self.assertEqual(self.told(csv_chunks, ABC), "FILE is not a regular file")
        self.assertEqual(self.told(first_line), "FILE is not a regular file")


class TestFirstLine(TableTest):
    def test_cells(self):
        cases = {
            "a,b\n1,2\n": ["a", "b"],
            "a,b": ["a", "b"],
            " a , b b\r\n1,2\r\n": ["a", "b b"],
            '"a, b","c\r\n"\n': ["a, b", "c"],
            '"a\r\nb",c\n': ["a\r\nb", "c"],
            "a,,b\n": ["a", "", "b"],
            "a,b,\n": ["a", "b", ""],
            "nan,NA,null,01,1.50\n": ["nan", "NA", "null", "01", "1.50"],
            "a,a\n": ["a", "a"],
            "a,b\n1,2,3\n4\n": ["a", "b"],
            "\ufeffa,b\n": ["a", "b"],
            "größe,β\n": ["größe", "β"],
        }
        for name in ("table.csv", "table.csv.gz"):
            for content, cells in cases.items():
                with self.subTest(content, name=name):
                    self.put(content, name)
                    self.assertEqual(first_line(self.path), cells)

    def test_no_first_line(self):
        self.put("")
        self.assertEqual(self.told(first_line), "FILE is empty")
        self.put("\n1,2\n")
        self.assertRegex(self.told(first_line), "^FILE.*empty")
        self.put(b"\xe9,b\n")
        self.assertRegex(self.told(first_line), "^FILE is not text .* line 1 has the byte 0xe9")
        self.put("a,b\n" * 9, "table.csv.gz")
        self.path.write_bytes(self.path.read_bytes()[:12])
        self.assertRegex(self.told(first_line), "^FILE is truncated")


MEASURED = """
import re, resource, sys
from pathlib import Path
import pandas
from neural_networks.datasets import initialize_dataset

def peak():
    if sys.platform == "linux":  # there, getrusage includes the parent process
        return 1024 * int(re.search("VmHWM:(.*) kB", Path("/proc/self/status").read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (sys.platform != "darwin" or 1024)

before = peak()
train = initialize_dataset("higgs", dtype="float32").train
for _ in range(train.samples_per_epoch):
    train.sample()
print(peak() - before, train.n_samples, type(train.data).__name__, train.data.base is not None)
"""


class TestMemory(DataTest):
    def test_memory_of_a_large_file(self):
        # 300,000 rows of 29 numbers take 70 MB as float64, and as much again as text.
        write_higgs(self.data / "higgs", 1_000)
        path = self.data / "higgs" / "HIGGS.csv.gz"
        path.write_bytes(300 * path.read_bytes())
        code = [sys.executable, "-W", "error", "-c", MEASURED]
        root = Path(csv_reader.__file__).parents[3]
        done = subprocess.run(code, cwd=root, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        growth, n, kind, mapped = done.stdout.split()
        self.assertEqual((n, kind, mapped), ("250000", "memmap", "True"))
        self.assertLess(int(growth), 140e6)


if __name__ == "__main__":
    unittest.main()
