"""Parts of ``benchmarks.scaling``: sweeps, points, the formula for memory, fits, figures, pages."""
