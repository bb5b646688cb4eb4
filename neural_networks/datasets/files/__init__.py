"""Files of datasets: where they lie, how they are downloaded, read and cached."""
