"""The rows of the benchmark's table, by name."""

from benchmarks.rows.cnn import NETWORKS
from benchmarks.rows.convolution import CONVOLUTIONS
from benchmarks.rows.dense import DENSE
from benchmarks.rows.elman import ELMAN
from benchmarks.rows.epoch import EPOCHS
from benchmarks.rows.letters import LETTERS
from benchmarks.rows.row import Row

__all__ = ["ROWS", "Row"]

ROWS: dict[str, Row] = {**DENSE, **LETTERS, **NETWORKS, **ELMAN, **CONVOLUTIONS, **EPOCHS}
