"""Writing a file whole or not at all, and over nothing but what the same tool has written."""

import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex


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
    partial = target.with_name(f".submission-{token_hex(8)}")
    try:
        # Not by tempfile, whose files only their owner may read: here the umask decides. Changing
        # permissions later is refused by some network shares.
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
