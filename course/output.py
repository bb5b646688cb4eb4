"""Writing a file whole or not at all, and over nothing but what the same tool has written."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write(path: Path, data: bytes, is_own: Callable[[bytes], bool], overwrite: bool) -> None:
    """Write a file in one step.

    Parameters
    ----------
    path : Path
    data : bytes
    is_own : function
        Takes the content of a file that is there, and says if this tool has written it.
    overwrite : bool
        If True, any file is replaced.

    Raises
    ------
    ValueError
        If another file is there.
    OSError
        If the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        target.write_bytes(data)  # a device or pipe
        return
    if target.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file in it")
    if not target.parent.is_dir():
        raise ValueError(f"the folder of {path} does not exist")
    if target.exists() and not overwrite and not is_own(target.read_bytes()):
        raise ValueError(f"{path} is not a file of this tool; --overwrite replaces it")
    # mkstemp makes files that only their owner may read; the umask's permissions are set below.
    handle, name = tempfile.mkstemp(prefix=".submission-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
