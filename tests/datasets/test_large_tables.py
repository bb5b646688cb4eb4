"""Tables with long cells, and with many columns: memory, time and the length of messages."""

import gzip
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import neural_networks
from neural_networks.datasets import initialize_dataset, load_csv, read_examples
from neural_networks.datasets.sources.examples import ExampleFormat, as_examples
from tests.support.arrays import InFolder

ROOT = Path(neural_networks.__file__).parents[1]

MEASURED = """
import re, resource, sys
from pathlib import Path
import pandas, sklearn.model_selection
from neural_networks.datasets import initialize_dataset, read_examples
resource.setrlimit(resource.RLIMIT_AS, (4 * 10**9,) * 2)  # not the memory of the whole machine

def peak():
    if sys.platform == "linux":  # there, getrusage includes the parent process
        return 1024 * int(re.search("VmHWM:(.*) kB", Path("/proc/self/status").read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (sys.platform != "darwin" or 1024)

before = peak()
{body}
print(peak() - before)
"""


class TestLongCells(InFolder):
    """A cell of 10,000 characters among 100,000 rows: 4 GB, if each cell had its size."""

    def write(self, name: str = "table.csv", cell: str = "x" * 10_000) -> Path:
        """Write columns a, b, note (with the long cell) and kind."""
        rows = [f"{i % 7},{i % 3},n{i % 5},{'pq'[i % 2]}" for i in range(100_000)]
        rows[54_321] = f"1,2,{cell},p"
        content = "\n".join(["a,b,note,kind", *rows]).encode()
        path = self.root / name
        path.write_bytes(gzip.compress(content, 1) if name.endswith("gz") else content)
        return path

    def measure(self, body: str) -> None:
        """Assert that a program's memory grows by less than 150 MB."""
        command = [sys.executable, "-c", MEASURED.format(body=body)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr[-500:])
        self.assertLess(int(done.stdout), 150e6)

    def test_in_a_dropped_column(self):
        for name in ("table.csv", "table.csv.gz"):
            path = str(self.write(name))
            for what in ("label='kind'", "label='a', regression=True"):
                drop = "['note']" if "kind" in what else "['note', 'kind']"
                with self.subTest(name, what=what):
                    self.measure(f"initialize_dataset('csv', path={path!r}, drop={drop}, {what})")

    def test_in_a_further_column_of_the_examples(self):
        path = str(self.write())
        self.measure(
            "class D: name, raw_shape, feature_names, preprocessing = 'd', (2,), ['b', 'a'], None\n"
            f"assert read_examples({path!r}, D).shape == (100_000, 2)"
        )

    def test_in_every_row(self):
        rows = [f"{i % 7},{'x' * 10_000},{'pq'[i % 2]}" for i in range(20_000)]
        path = self.root / "table.csv"
        path.write_text("\n".join(["a,note,kind", *rows]))
        del rows
        self.measure(f"initialize_dataset('csv', path={str(path)!r}, drop=['note'], label='kind')")

    def test_as_the_name_of_a_class(self):
        """A name of 10,000 characters, and 100,000 predictions."""
        self.measure(
            "import numpy as np\n"
            "from neural_networks.datasets import Dataset\n"
            "from neural_networks.logs.data_description import DataDescription\n"
            "from neural_networks.losses import initialize_loss\n"
            "from neural_networks.runs import Predictions\n"
            "Y = np.eye(2)[np.arange(100_000) % 2]\n"
            "data = Dataset(np.ones((10, 2)), Y[:10], 5, class_names=['x' * 10_000, 'y'])\n"
            "loss = initialize_loss('cross_entropy')\n"
            "found = Predictions.of(Y, loss, DataDescription.of(loss, data))\n"
            "assert found.classes.tolist()[1::2] == 50_000 * ['y']"
        )

    def test_longer_than_a_cell_of_the_csv_module(self):
        path = self.write(cell="x" * 200_000)
        parts = load_csv(str(path), label="kind", drop="note")
        self.assertEqual(len(parts["training_set"]), 70_000)
        text = path.read_text().replace("n4,p", "n4,p,5", 1)
        path.write_text(text)
        with self.assertRaisesRegex(ValueError, r"row 6: there are 5 columns, not 4|row 6.*5"):
            load_csv(str(path), label="kind", drop="note")

    def test_in_a_message(self):
        path = self.write(cell=f"2,{'y' * 10_000}")
        with self.assertRaises(ValueError) as caught:
            load_csv(str(path), label="kind", drop="note")
        self.assertLess(len(str(caught.exception)), 300)


class TestManyColumns(InFolder):
    """50,000 columns: each check takes time in proportion, and messages stay short."""

    N = 50_000

    def setUp(self):
        super().setUp()
        self.names = [f"gene {i}" for i in range(self.N)]
        self.path = self.root / "wide.csv"
        self.path.write_text(",".join([*self.names, "kind"]) + "\n")

    def quickly(self, pattern, work, *arguments, **options):
        """Assert a short message after less than 3 seconds; it takes about 0.2."""
        start = time.process_time()
        with self.assertRaisesRegex(ValueError, pattern) as caught:
            work(*arguments, **options)
        self.assertLess(time.process_time() - start, 3)
        self.assertLess(len(str(caught.exception)), 400 + len(str(self.path)))

    def test_a_mistyped_name(self):
        path = str(self.path)
        listed = r"\(columns: gene 0, .*gene 9 and 49991 more\)"
        self.quickly(f"has no column 'kidn'; did you mean 'kind'.*{listed}", load_csv, path, "kidn")
        drop = [*self.names[: self.N // 2], "geen 7"]
        self.quickly(f"no column 'geen 7'.*{listed}", load_csv, path, "kind", drop=drop)

    def test_nothing_is_wrong_with_the_names(self):
        # The next thing that is checked comes before pandas reads, which takes seconds.
        drop = [*self.names[::2], "kind"]
        self.quickly("cannot be left out", load_csv, str(self.path), "kind", drop=drop)

    def test_repeated_names(self):
        self.path.write_text(",".join([*self.names, "gene 8", "kind"]) + "\n")
        self.quickly("column 50001 is called 'gene 8'", load_csv, str(self.path), "kind")
        examples = ExampleFormat("d", (self.N,), self.names)
        self.quickly("called 'gene 8'|'gene 8' more than once", read_examples, self.path, examples)

    def test_missing_features(self):
        examples = ExampleFormat("d", (self.N,), ["gen 8", *self.names[1:]])
        self.quickly("no column 'gen 8'", read_examples, self.path, examples)

    def test_data_frames(self):
        frame = pd.DataFrame(np.zeros((0, self.N)), columns=self.names[::-1])
        self.quickly("no examples", as_examples, frame, ExampleFormat("d", (self.N,), self.names))

    def test_one_long_name(self):
        """With another separator, the whole line is a name."""
        self.path.write_text(re.sub(",", "~", self.path.read_text()) + "1\n")
        self.quickly("has no column 'kind'", load_csv, str(self.path), "kind")
        examples = ExampleFormat("d", (2,), ["a", "b"])
        self.quickly("no column 'a'", read_examples, self.path, examples)

    def test_a_whole_table(self):
        rows = "".join(",".join(["1"] * self.N + ["pq"[i % 2]]) + "\n" for i in range(12))
        self.path.write_text(self.path.read_text() + rows)
        start = time.process_time()
        dataset = initialize_dataset("csv", path=str(self.path), label="kind", drop=self.names[::2])
        self.assertLess(time.process_time() - start, 20)  # pandas' part is about 3
        self.assertEqual(dataset.feature_names, self.names[1::2])
