"""Files of datasets: folders, downloads, formats and the cache."""
