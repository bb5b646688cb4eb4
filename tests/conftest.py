"""Order of the tests under pytest: the longest ones first, so that all workers end together."""

import pytest

LONGEST = (
    "test_train_rnn.py::TestDefaultRun::",
    "test_train_cnn.py::TestDefaultRun::",
    "test_textbook.py::",
    "test_readme.py::TestReadmeAndResults::",
    "test_presets.py::TestRuns::",
    "test_benchmarks.py::TestRows::test_ours",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; those not named above stay in the order of their files."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))
