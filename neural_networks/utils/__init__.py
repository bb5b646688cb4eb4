"""Utilities: convolution, gradient checks, preprocessing, validation, files, threads."""
