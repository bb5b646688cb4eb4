"""Files of the OCR program, ``neuralnet.py``: labeled rows, results, traces."""

from neural_networks.ocr.paths import check_paths, check_plot
from neural_networks.ocr.results import Result, describe, list_files, summarize, write_files
from neural_networks.ocr.rows import LabelledRows, read_labelled_rows
from neural_networks.ocr.trace import Trace, open_trace

__all__ = [
    "LabelledRows",
    "Result",
    "Trace",
    "check_paths",
    "check_plot",
    "describe",
    "list_files",
    "open_trace",
    "read_labelled_rows",
    "summarize",
    "write_files",
]
