"""Small synthetic files in the publishers' formats."""

import gzip
import io
from pathlib import Path

import numpy as np

CIFAR_BATCHES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def write_higgs(folder: Path, n: int = 240, rng: int = 0) -> np.ndarray:
    """Write ``HIGGS.csv.gz``; return its rows, exact in float32 like the published ones."""
    rng = np.random.default_rng(rng)
    y = rng.integers(2, size=n)
    X = rng.normal(2, 3, (n, 28)) + 2 * y[:, np.newaxis]
    rows = np.column_stack([y, X]).astype(np.float32).astype(np.float64)
    text = io.StringIO()
    np.savetxt(text, rows, fmt="%.18e", delimiter=",")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "HIGGS.csv.gz").write_bytes(gzip.compress(text.getvalue().encode()))
    return rows


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an array of bytes as a compressed idx file."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def write_fashion_mnist(folder: Path, n: int = 120, n_test: int = 60, rng: int = 0) -> None:
    """Write the four files of Fashion-MNIST; class k is bright in rows 2k and 2k + 1."""
    rng = np.random.default_rng(rng)
    folder.mkdir(parents=True, exist_ok=True)
    for part, m in (("train", n), ("t10k", n_test)):
        y = np.arange(m) % 10
        X = rng.integers(100, size=(m, 28, 28))
        for k in range(10):
            X[y == k, 2 * k : 2 * k + 2] += 150
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", X)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", y)


def write_cifar10(folder: Path, n: int = 40, rng: int = 0) -> dict[str, np.ndarray]:
    """Write ``cifar-10-batches-bin`` with n records in each of six files; return the records."""
    rng = np.random.default_rng(rng)
    below = folder / "cifar-10-batches-bin"
    below.mkdir(parents=True, exist_ok=True)
    batches = {}
    for name in CIFAR_BATCHES:
        y = rng.permutation(np.arange(n) % 10)
        X = rng.integers(150, size=(n, 3, 32, 32)) + 10 * y[:, None, None, None]
        batches[name] = np.column_stack([y, X.reshape(n, -1)]).astype(np.uint8)
        (below / name).write_bytes(batches[name].tobytes())
    return batches


def write_letters(folder: Path, size: str = "large", n: int = 120, rng: int = 0) -> None:
    """Write both files of a size of letters; class k is black in rows k and k + 1."""
    rng = np.random.default_rng(rng)
    folder.mkdir(parents=True, exist_ok=True)
    for part, m in (("Train", n), ("Validation", n // 4)):
        y = np.arange(m) % 10
        X = rng.random((m, 16, 8)) < 0.2
        for k in range(10):
            X[y == k, k : k + 2] = True
        rows = np.column_stack([y, X.reshape(m, -1)]).astype(int)
        np.savetxt(folder / f"{size}{part}.csv", rows, fmt="%d", delimiter=",")


def write_all(folder: Path) -> None:
    """Write a data folder with all datasets."""
    write_higgs(folder / "higgs")
    write_fashion_mnist(folder / "fashion_mnist")
    write_cifar10(folder / "cifar10")
    for size in ("small", "medium", "large"):
        write_letters(folder / "letters", size)
