"""Continue trainings from states in a process of its own: ``IN`` holds them, ``OUT`` gets the ends.

Usage: ``python -m tests.support.continue_states IN OUT``; both are pickles of the tests' own.
"""

import pickle
import sys
from pathlib import Path

from tests.support.state_cases import CASES, continued


def main(source: str, target: str) -> None:
    """Continue each state in a new network."""
    taken = pickle.loads(Path(source).read_bytes())
    ends = {key: continued(CASES[key[0]](), state) for key, state in taken.items()}
    Path(target).write_bytes(pickle.dumps(ends))


if __name__ == "__main__":
    main(*sys.argv[1:])
