"""The command line: flags, configurations, and what the scripts print."""
