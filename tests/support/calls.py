"""Python calls that a function makes in the package."""

import inspect
import sys
from pathlib import Path

import neural_networks

PACKAGE = str(Path(neural_networks.__file__).parent)


def calls(function):
    """Names of the package's functions that a call enters, generators left out."""
    names = []

    def note(frame, event, _):
        code = frame.f_code
        in_package = code.co_filename.startswith(PACKAGE)
        if event == "call" and in_package and not code.co_flags & inspect.CO_GENERATOR:
            names.append(code.co_qualname)

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return names
