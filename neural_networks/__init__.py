"""Neural networks in plain NumPy, to be read, written, trained and handed in."""

__version__ = "0.1.0"
