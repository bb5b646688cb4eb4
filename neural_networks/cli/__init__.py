"""Command line: flags, configurations, printed text, commands."""
