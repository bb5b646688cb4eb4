"""Side-by-side timings of this library and others; see README.md in this folder."""
