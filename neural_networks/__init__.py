"""Neural networks in plain NumPy, to read, write, train and submit."""

__version__ = "0.1.0"
