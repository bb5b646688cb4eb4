"""Hand-ins: what is taken from a folder or an archive, and laid over the starter."""
