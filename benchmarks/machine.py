"""What a measurement depends on: the machine, and the libraries that run on it."""

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
"""How many threads a process uses. BLAS and OpenMP read them once, when they are loaded."""

KERNEL_VARIABLES = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MKL_ENABLE_INSTRUCTIONS",
    "ATEN_CPU_CAPABILITY",
)
"""What overrides a library's choice of kernels or of their sizes, and so changes the result."""


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


def facts_in_words() -> str:
    """The date and the machine, as they stand below a table of figures."""
    facts = machine_facts()
    text = f"{facts['date']}, {facts['cores']} cores of {facts['cpu']}, Python {facts['python']}"
    return ", ".join([text, *(f"{key}={value}" for key, value in facts["forced_kernels"].items())])


def library_versions() -> dict[str, str]:
    """The libraries that this process has loaded, and its BLAS and OpenMP with their threads."""
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
