"""Environment of a run: the machine, NumPy's BLAS, and the versions of packages."""

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("numpy", "matplotlib", "pandas", "scikit-learn")


def environment() -> dict[str, Any]:
    """Machine, BLAS and packages, for ``config.json``.

    The bits of a run depend on them, above all on the number of threads that BLAS has.

    Returns
    -------
    dict
        ``platform``, ``processor``, ``logical_cores``; ``blas`` with ``name``, ``version``,
        ``core`` (the processor that its kernels are for) and ``threads``; ``packages`` with a
        version for each. An entry that cannot be found out is None.
    """
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "logical_cores": os.cpu_count(),
        "blas": blas(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def blas() -> dict[str, Any]:
    """The library of linear algebra that NumPy uses, with its number of threads at present."""
    # SciPy, which scikit-learn loads, has a BLAS of its own.
    libraries: list[dict[str, Any]] = controller.info() if (controller := _libraries()) else []
    of_numpy = [entry for entry in libraries if "numpy" in entry["filepath"]]
    for entry in (*of_numpy, *libraries):
        return {
            "name": entry["internal_api"],
            "version": entry["version"],
            "core": entry.get("architecture"),
            "threads": entry["num_threads"],
        }
    name, number = _built_with()
    return {"name": name, "version": number, "core": None, "threads": None}


@cache
def _libraries() -> Any:
    """The controller of the BLAS libraries, which are looked for once; None without one."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


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
