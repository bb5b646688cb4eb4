"""Environment of a run: the machine, NumPy's BLAS, and the versions of packages."""

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.utils.blas import controllers
from neural_networks.utils.threads import slices

PACKAGES = ("numpy", "matplotlib", "pandas", "scikit-learn")


def environment() -> dict[str, Any]:
    """Machine, threads, BLAS and packages, for ``config.json``.

    The bits of a run depend on them, above all on the threads.

    Returns
    -------
    dict
        ``platform``, ``processor``, ``logical_cores``; ``batch_threads``, the number of threads
        among which layers split a batch, see ``utils.threads``; ``blas`` with ``name``,
        ``version``, ``core`` (the processor that its kernels are for) and ``threads``, the number
        at present; ``packages`` with a version for each. An entry that cannot be found out is None.
    """
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "logical_cores": os.cpu_count(),
        "batch_threads": slices(),
        "blas": blas(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def blas() -> dict[str, Any]:
    """The library of linear algebra that NumPy uses, with its number of threads at present."""
    for controller in controllers():
        return {
            "name": controller.internal_api,
            "version": controller.version,
            "core": getattr(controller, "architecture", None),
            "threads": controller.num_threads,
        }
    name, number = _built_with()
    return {"name": name, "version": number, "core": None, "threads": None}


@cache
def _built_with() -> tuple[str | None, str | None]:
    """Name and version of the BLAS that NumPy was built with."""
    configuration: Any = np.show_config(mode="dicts")
    built = configuration.get("Build Dependencies", {}).get("blas", {})
    return built.get("name"), built.get("version")


@cache
def version(package: str) -> str | None:
    """The version of an installed package, which is not imported for it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@cache
def processor() -> str | None:
    """The name of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")  # Linux
    except (OSError, ValueError):
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return next(iter(names), "") or platform.processor() or platform.machine() or None
