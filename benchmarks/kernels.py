"""The kernels of NumPy's BLAS: those that it chooses for the processor, and AVX2 kernels.

OpenBLAS has kernels for many processors and chooses when it is loaded. On one with AVX-512, an
environment variable makes it compute as on one without.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.rows.row import AVX2_KERNELS

ASK = """
from threadpoolctl import threadpool_info
import numpy
pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
print(pools[0].get("architecture") or "" if pools else "")
"""
VARIABLES = {"own": {}, "avx2": {"OPENBLAS_CORETYPE": "Haswell"}}
"""The variables of each kind of kernels."""

OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that override the choice; they are unset but for those of a kind."""


class Kernels(NamedTuple):
    """A kind of kernels.

    Attributes
    ----------
    name : str
        ``"own"``, those that BLAS chooses, or ``"avx2"``.
    architecture : str
        OpenBLAS's name of them; empty if it is not known.
    """

    name: str
    architecture: str

    def __str__(self) -> str:
        words = "AVX2 forced" if self.name == "avx2" else "BLAS's own"
        return f"{words} ({self.architecture})" if self.architecture else words


def environment(name: str) -> dict[str, str]:
    """The environment of a process with a kind of kernels."""
    rest = {key: value for key, value in os.environ.items() if key not in OVERRIDES}
    return rest | VARIABLES[name]


def kinds(chosen: Sequence[str] = ("own", "avx2")) -> list[Kernels]:
    """The chosen kinds that differ on this machine: one where BLAS's own are AVX2 kernels."""
    own = Kernels("own", architecture("own"))
    found = [own]
    if can_choose_avx2(own.architecture):
        found.append(Kernels("avx2", architecture("avx2")))
    return [kind for kind in found if kind.name in chosen]


def can_choose_avx2(own: str) -> bool:
    """True if OpenBLAS can be made to use AVX2 kernels, and does not use them anyway."""
    cpuinfo = Path("/proc/cpuinfo")
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    has_avx2 = cpuinfo.exists() and " avx2 " in cpuinfo.read_text(encoding="utf-8")
    return bool(own) and own not in AVX2_KERNELS and x86 and has_avx2


def architecture(name: str) -> str:
    """OpenBLAS's name for the kernels of a kind; empty if there is no OpenBLAS or threadpoolctl."""
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(
        command, env=environment(name), capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
