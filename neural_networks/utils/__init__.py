"""Helpers below the networks: convolution, gradient checks, validation, files and the like."""
