"""File formats: .npy, idx, CIFAR-10; damaged files are refused."""

import gzip
import io
import os
import re
import tarfile
import unittest
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets.files.formats import NpyWriter, check_labels, cifar_batch, idx_chunks
from tests.support.arrays import InFolder, read_only, unchanged
from tests.support.synthetic_files import write_cifar10, write_idx


class FormatTest(InFolder):
    def refused(self, pattern: str, path: Path, read, *arguments) -> None:
        """Assert a one-line message that begins with the file, or says it is missing."""
        with self.assertRaises(ValueError) as caught:
            list(read(*arguments))
        message = str(caught.exception)
        self.assertIn(str(path), message)
        self.assertRegex(message.replace(str(path), "FILE"), pattern)
        self.assertNotIn("\n", message)


class TestNpyWriter(InFolder):
    def written(self, row_shape, dtype, chunks):
        """The file, memory-mapped by NumPy."""
        with NpyWriter(self.root / "rows.npy", row_shape, dtype) as writer:
            for chunk in chunks:
                with unchanged(chunk):
                    writer.append(read_only(chunk))
        self.assertEqual(writer.n, sum(map(len, chunks)))
        return np.load(self.root / "rows.npy", mmap_mode="r", allow_pickle=False)

    def test_mapped_rows_equal_appended_rows(self):
        rng = np.random.default_rng(0)
        for counts in ((), (0,), (1,), (2, 0, 3), (1,) * 50):
            for row_shape in ((), (1,), (3,), (2, 3, 4)):
                for dtype in ("uint8", "float32", "float64"):
                    shapes = [(m, *row_shape) for m in counts]
                    chunks = [rng.integers(256, size=shape).astype(dtype) for shape in shapes]
                    expected = np.concatenate([np.empty((0, *row_shape), dtype), *chunks])
                    with self.subTest(counts=counts, row_shape=row_shape, dtype=dtype):
                        found = self.written(row_shape, dtype, chunks)
                        self.assertIsInstance(found, np.memmap)
                        assert_array_equal(np.asarray(found), expected, strict=True)

    def test_the_same_bytes_as_from_numpy(self):
        X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
        self.written((3, 4), np.float32, [X[:1], X[1:]])
        np.save(self.root / "numpy.npy", X)
        ours, theirs = (np.load(self.root / f"{name}.npy") for name in ("rows", "numpy"))
        assert_array_equal(ours, theirs, strict=True)
        self.assertEqual(
            (self.root / "rows.npy").read_bytes()[-X.nbytes :],
            (self.root / "numpy.npy").read_bytes()[-X.nbytes :],
        )

    def test_numbers_of_rows_with_many_digits(self):
        rows = np.arange(1_234_567) % 251
        found = self.written((), np.uint8, [rows[:1], rows[1:]])
        assert_array_equal(np.asarray(found), rows.astype(np.uint8), strict=True)

    def test_rows_in_any_order_of_memory_and_of_any_type(self):
        X = np.random.default_rng(0).normal(size=(5, 6))
        cases = {
            "every second column": X[:, ::2],
            "backwards": X[::-1, :3],
            "by columns": np.asfortranarray(X[:, :3]),
            "transposed": X[:3, :4].T,
            "big-endian": X[:, :3].astype(">f8"),
            "whole numbers": (100 * X[:, :3]).astype(int),
            "one for all": np.broadcast_to(X[0, :3], (4, 3)),
        }
        for what, rows in cases.items():
            with self.subTest(what):
                found = self.written((3,), np.float32, [rows])
                assert_array_equal(np.asarray(found), rows.astype(np.float32), strict=True)

    def test_images_with_the_color_last_come_back_in_order(self):
        images = np.random.default_rng(0).integers(256, size=(4, 3, 5, 6)).astype(np.uint8)
        turned = images.transpose(0, 2, 3, 1)
        found = self.written((5, 6, 3), np.uint8, [turned[:1], turned[1:]])
        assert_array_equal(np.asarray(found), turned, strict=True)

    def test_rows_of_another_shape(self):
        for row_shape, shape in (((3,), (2, 4)), ((3,), (2,)), ((3,), (2, 3, 1)), ((), (2, 1))):
            with self.subTest(row_shape=row_shape, shape=shape):
                with self.assertRaises(ValueError) as caught:
                    self.written(row_shape, np.float32, [np.zeros(shape)])
                message = str(caught.exception)
                self.assertIn(f"rows of shape {shape[1:]} do not fit", message)
                self.assertIn(str(row_shape), message)

    def test_after_an_exception_there_are_no_rows(self):
        for error in (RuntimeError, KeyboardInterrupt):
            writer = NpyWriter(self.root / "rows.npy", (2,), np.float32)
            with self.assertRaises(error), writer:
                writer.append(np.ones((5, 2)))
                raise error
            self.assertEqual(np.load(self.root / "rows.npy").shape, (0, 2))
            with self.assertRaisesRegex(ValueError, "closed"):
                writer.append(np.ones((5, 2)))

    def test_an_existing_file_is_replaced(self):
        self.written((), np.uint8, [np.ones(1000)])
        found = self.written((), np.uint8, [np.zeros(3)])
        assert_array_equal(np.asarray(found), np.zeros(3, np.uint8), strict=True)
        self.assertLess((self.root / "rows.npy").stat().st_size, 1000)


class TestIdx(FormatTest):
    HEADER = bytes([0, 0, 8, 1, 0, 0, 0, 7])
    CONTENT = HEADER + bytes(range(10, 17))

    def put(self, content: bytes, name: str = "file.gz", packed: bool = True) -> Path:
        path = self.root / name
        path.write_bytes(gzip.compress(content) if packed else content)
        return path

    def broken(self, pattern, content, name="file.gz", packed=True, axes=1, rows=3):
        path = self.put(content, name, packed)
        self.refused(pattern, path, idx_chunks, path, axes, rows)

    def test_values_by_hand(self):
        shape = bytes([0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3])
        path = self.put(bytes([0, 0, 8, 3]) + shape + bytes([1, 2, 3, 253, 254, 255]))
        (chunk,) = idx_chunks(path, 3)
        expected = np.array([[[1, 2, 3]], [[253, 254, 255]]], np.uint8)
        assert_array_equal(chunk, expected, strict=True)

    def test_big_endian_lengths(self):
        path = self.put(bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258))
        self.assertEqual([chunk.shape for chunk in idx_chunks(path, 1)], [(258,)])

    def test_chunks_of_every_length(self):
        rng = np.random.default_rng(0)
        for shape in ((7,), (7, 2), (7, 4, 3)):
            array = rng.integers(256, size=shape).astype(np.uint8)
            write_idx(self.root / "file.gz", array)
            for rows in range(1, 10):
                with self.subTest(shape=shape, rows=rows):
                    chunks = list(idx_chunks(self.root / "file.gz", len(shape), rows))
                    lengths = [min(rows, 7 - start) for start in range(0, 7, rows)]
                    self.assertEqual([len(chunk) for chunk in chunks], lengths)
                    assert_array_equal(np.concatenate(chunks), array, strict=True)

    def test_ten_thousand_at_a_time(self):
        array = np.arange(20_001).astype(np.uint8)
        write_idx(self.root / "file.gz", array)
        chunks = list(idx_chunks(self.root / "file.gz", 1))
        self.assertEqual([len(chunk) for chunk in chunks], [10_000, 10_000, 1])
        assert_array_equal(np.concatenate(chunks), array)

    def test_compressed_or_not_whatever_the_name(self):
        for name in ("labels-idx1-ubyte", "labels-idx1-ubyte.gz"):
            for packed in (False, True):
                path = self.put(self.CONTENT, name, packed)
                found = np.concatenate(list(idx_chunks(path, 1, 3)))
                assert_array_equal(found, np.arange(10, 17))

    def test_an_archive_cut_anywhere(self):
        packed = gzip.compress(self.CONTENT)
        for cut in range(2, len(packed)):
            with self.subTest(cut=cut):
                self.broken("^FILE is truncated: it ends in the middle", packed[:cut], packed=False)
        for cut in range(2):  # too short to tell that it is compressed
            self.broken("^FILE is not an idx file", packed[:cut], packed=False)

    def test_content_cut_anywhere(self):
        for rows in (2, 7, 100):
            for cut in range(4, len(self.CONTENT)):
                with self.subTest(cut=cut, rows=rows):
                    self.broken("^FILE is truncated: it", self.CONTENT[:cut], rows=rows)
        for cut in range(4):
            magic = re.escape(str(list(self.CONTENT[:cut])))
            pattern = f"^FILE is not an idx file .* it begins with {magic}, not"
            self.broken(pattern, self.CONTENT[:cut])

    def test_a_damaged_archive(self):
        packed = gzip.compress(self.CONTENT)
        for place in range(-8, 0):  # checksum and length of the content
            damaged = bytearray(packed)
            damaged[place] ^= 1
            with self.subTest(place=place):
                self.broken("^FILE is damaged, or not an archive", bytes(damaged), packed=False)
        self.broken("^FILE is damaged", packed[:12] + bytes(9) + packed[21:], packed=False)
        self.broken("^FILE is damaged", packed[:10] + b"\xff" * 20 + packed[10:], packed=False)
        self.broken("^FILE is damaged", packed + b"more", packed=False)

    def test_bytes_after_the_last_entry(self):
        for rows in (1, 3, 7, 8):
            self.broken("^FILE has more data after its 7 entries$", self.CONTENT + b"0", rows=rows)
        many = self.HEADER[:3] + bytes([2, 0, 0, 0, 2, 0, 0, 0, 2]) + bytes(5)
        self.broken("^FILE has more data after its 2 entries$", many, axes=2)

    def test_other_files(self):
        for magic in ([1, 0, 8, 1], [0, 1, 8, 1], [0, 0, 9, 1], [0, 0, 8, 2], [0, 0, 8, 3]):
            with self.subTest(magic):
                content = bytes(magic) + self.CONTENT[4:]
                found = re.escape(str(magic))
                self.broken(f"^FILE is not an idx file of 1 axes of bytes: .* {found}", content)
        self.broken(r"of 3 axes .* \[0, 0, 8, 1\], not \[0, 0, 8, 3\]", self.CONTENT, axes=3)

    def test_empty_files(self):
        for shape in ((0,), (-1,), (3, 0), (0, 3), (3, 0, 2), (3, 2, 0), (3, -2, 2)):
            header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes()
            with self.subTest(shape):
                self.broken(r"^FILE is empty: its shape is \(", header, axes=len(shape))

    def test_impossible_lengths(self):
        for shape in ((2**31 - 1,), (2**31 - 1, 2, 2), (3, 2**31 - 1, 2**31 - 1)):
            header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes()
            with self.subTest(shape):
                self.broken("FILE", header + bytes(5), axes=len(shape), rows=10_000)

    def test_folders_pipes_and_missing_files(self):
        folder, pipe, link = (self.root / f"{name}.gz" for name in ("folder", "pipe", "link"))
        folder.mkdir()
        os.mkfifo(pipe)
        link.symlink_to(self.root / "nowhere")
        for path in (folder, pipe):
            self.refused("^FILE is not a regular file$", path, idx_chunks, path, 1)
        for path in (link, self.root / "nothing.gz"):
            self.refused("^there is no file FILE$", path, idx_chunks, path, 1)


class TestCifar(FormatTest):
    NAME = "data_batch_1.bin"

    def setUp(self):
        super().setUp()
        self.folder = self.root / "cifar-10-batches-bin"
        self.archive = self.root / "cifar-10-binary.tar.gz"

    def pack(self, members: dict[str, bytes | None]) -> None:
        """Write the archive; None as content makes a folder."""
        with tarfile.open(self.archive, "w:gz") as archive:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
                member.size = len(content or b"")
                archive.addfile(member, io.BytesIO(content or b""))

    def test_a_record_by_hand(self):
        self.folder.mkdir()

        def pixel(channel, i, j):
            return (80 * channel + 3 * i + 5 * j) % 251

        planes = [pixel(c, i, j) for c in range(3) for i in range(32) for j in range(32)]
        (self.folder / self.NAME).write_bytes(bytes([7, *planes, 2]) + bytes(3072))
        X, y = cifar_batch(self.folder, self.NAME)
        self.assertEqual((X.shape, X.dtype, y.dtype), ((2, 32, 32, 3), np.uint8, np.uint8))
        self.assertEqual(y.tolist(), [7, 2])
        for i, j in ((0, 0), (0, 1), (1, 0), (31, 30), (5, 17)):
            self.assertEqual(X[0, i, j].tolist(), [pixel(channel, i, j) for channel in range(3)])
        self.assertFalse(X[1].any())

    def test_the_archive_holds_the_same_as_the_folder(self):
        batches = write_cifar10(self.root, n=3)
        self.pack({f"{self.folder.name}/{name}": b.tobytes() for name, b in batches.items()})
        for name, records in batches.items():
            for source in (self.folder, self.archive):
                X, y = cifar_batch(source, name)
                assert_array_equal(y, records[:, 0], strict=True)
                rows = X.transpose(0, 3, 1, 2).reshape(3, 3072)
                assert_array_equal(rows, records[:, 1:], strict=True)

    def test_incomplete_records(self):
        self.folder.mkdir()
        for size in (0, 1, 3072, 3074, 2 * 3073 - 1):
            path = self.folder / self.NAME
            path.write_bytes(bytes(size))
            pattern = f"^FILE has {size:,} bytes, not a multiple of 3,073 "
            self.refused(pattern, path, cifar_batch, self.folder, self.NAME)
            self.pack({f"{self.folder.name}/{self.NAME}": bytes(size)})
            self.refused(f"{size:,} bytes", self.archive, cifar_batch, self.archive, self.NAME)

    def test_a_missing_batch(self):
        path = self.folder / self.NAME
        self.folder.mkdir()
        self.refused("^there is no file FILE$", path, cifar_batch, self.folder, self.NAME)
        os.mkfifo(path)
        self.refused("^FILE is not a regular file$", path, cifar_batch, self.folder, self.NAME)
        inside = f"{self.folder.name}/{self.NAME}"
        for members in ({}, {"other": b"x"}, {f"{self.NAME}.txt": bytes(3073)}, {inside: None}):
            self.pack(members)
            with self.subTest(members.keys()):
                pattern = f"^FILE does not contain {inside}$"
                self.refused(pattern, self.archive, cifar_batch, self.archive, self.NAME)

    def test_an_archive_cut_short(self):
        content = np.random.default_rng(0).bytes(4 * 3073)
        self.pack({f"{self.folder.name}/{self.NAME}": content})
        packed = self.archive.read_bytes()
        for cut in (2, 9, 10, 11, 100, 1_000, 5_000, len(packed) - 200):
            self.archive.write_bytes(packed[:cut])
            with self.subTest(cut=cut):
                pattern = "^FILE is truncated: it ends in the middle of the data$"
                self.refused(pattern, self.archive, cifar_batch, self.archive, self.NAME)

    def test_files_that_are_not_archives(self):
        for content in (b"", b"x", b"hello\n" * 1_000):
            self.archive.write_bytes(content)
            with self.subTest(content[:10]):
                pattern = "^FILE is damaged, or not an archive"
                self.refused(pattern, self.archive, cifar_batch, self.archive, self.NAME)
        self.archive.unlink()
        pattern = "^there is no file FILE$"
        self.refused(pattern, self.archive, cifar_batch, self.archive, self.NAME)
        os.mkfifo(self.archive)
        pattern = "^FILE is not a regular file$"
        self.refused(pattern, self.archive, cifar_batch, self.archive, self.NAME)


class TestLabels(FormatTest):
    def test_labels_of_all_classes(self):
        for dtype in ("uint8", "int64", "float64"):
            y = read_only(np.arange(10).astype(dtype))
            self.assertIsNone(check_labels(y, 10, Path("labels")))
        self.assertIsNone(check_labels(np.empty(0), 10, Path("labels")))

    def test_the_first_label_out_of_range(self):
        cases = (([0, 9, 10], "10"), ([0, 1, 255, 10], "255"), ([0.0, -1.0], "-1"))
        for y, wrong in (*cases, ([0, 0.5, 2], r"0\.5"), ([1, np.nan], "nan"), ([np.inf], "inf")):
            row = next(i for i, label in enumerate(y) if label not in range(10))
            for before in (0, 100):
                with self.subTest(y, before=before):
                    pattern = f"^FILE, row {before + row + 1}: the label is {wrong}, not one of 0 "
                    path = Path("labels")
                    self.refused(pattern, path, check_labels, np.array(y), 10, path, before)

    def test_two_classes(self):
        path = Path("labels")
        self.assertIsNone(check_labels(np.array([0.0, 1.0]), 2, path))
        pattern = r"^FILE, row 2: the label is 2, not one of 0 \.\.\. 1$"
        self.refused(pattern, path, check_labels, np.array([1.0, 2.0]), 2, path)


if __name__ == "__main__":
    unittest.main()
