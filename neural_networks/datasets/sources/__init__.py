"""Sources of datasets, one module for each kind."""
