"""The datasets: one module for each kind of source."""
