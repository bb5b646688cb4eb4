"""Facts about the machine and the libraries of a measurement."""

import os
import platform
import sys
from datetime import date
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "torch", "sklearn")

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables for the number of threads, read by BLAS and OpenMP when they are loaded."""

KERNEL_VARIABLES = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MKL_ENABLE_INSTRUCTIONS",
    "ATEN_CPU_CAPABILITY",
)
"""Variables that override a library's choice of kernels or their sizes, and change the result."""


def cpu_model() -> str:
    """The processor's name."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def machine_facts() -> dict[str, Any]:
    """The date, the processor, the number of its cores, Python, and forced kernels."""
    forced = {name: os.environ[name] for name in KERNEL_VARIABLES if name in os.environ}
    return {
        "date": date.today().isoformat(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "forced_kernels": forced,
    }


def machine_line() -> str:
    """The date and the machine in one line, for the end of a table."""
    facts = machine_facts()
    text = f"{facts['date']}, {facts['cores']} cores of {facts['cpu']}, Python {facts['python']}"
    return ", ".join([text, *(f"{key}={value}" for key, value in facts["forced_kernels"].items())])


def library_versions() -> dict[str, str]:
    """Versions of the loaded libraries, BLAS and OpenMP, with their threads."""
    from threadpoolctl import threadpool_info

    versions = {
        name: str(sys.modules[name].__version__) for name in LIBRARIES if name in sys.modules
    }
    if torch := sys.modules.get("torch"):
        versions["torch"] += (
            f" ({torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()})"
        )
    for pool in sorted(threadpool_info(), key=lambda pool: pool["prefix"]):
        name = f"{pool['user_api']} {pool['prefix']}"
        details = [pool.get("version"), pool.get("architecture"), f"{pool['num_threads']} threads"]
        versions[name] = ", ".join(detail for detail in details if detail)
    return versions
