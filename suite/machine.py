"""What machine this is: a description, and a fingerprint that names its folder of runs."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

REFERENCE_MEMORY = 4 << 30
"""Bytes that a process may need for the reference of the largest case."""


@dataclass(frozen=True)
class Machine:
    """Hardware and driver. memory in bytes; gpus by name, one entry a device."""

    cpu: str
    cores: int
    memory: int
    gpus: tuple[str, ...]
    driver: str
    system: str
    python: str

    @property
    def fingerprint(self) -> str:
        """Folder name: the processor in words and a hash of the hardware, not of the software."""
        main = self.gpus[0] if self.gpus else self.cpu
        words = re.sub(r"\((r|tm)\)|cpu|@.*|processor|corporation", " ", main, flags=re.I)
        slug = "-".join(re.findall(r"[a-z0-9.]+", words.lower())) or "machine"
        # Memory to the nearest GiB: what the kernel keeps for itself changes between boots.
        hardware = f"{self.cpu}|{self.cores}|{round(self.memory / 2**30)}|{self.gpus}"
        return f"{slug}-{self.cores}c-{hashlib.sha256(hardware.encode()).hexdigest()[:6]}"

    @property
    def processes(self) -> int:
        """How many large references may be computed at once."""
        return max(1, min(self.cores, self.memory // REFERENCE_MEMORY))

    def describe(self) -> dict:
        """Everything, for a run's record."""
        return {**asdict(self), "gpus": list(self.gpus), "fingerprint": self.fingerprint}


def machine() -> Machine:
    """This machine."""
    gpus, driver = _gpus()
    return Machine(
        cpu=_cpu(),
        cores=cores(),
        memory=psutil.virtual_memory().total,
        gpus=gpus,
        driver=driver,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), flags=re.M)
        if found:
            return " ".join(found.group(1).split())
    return platform.processor() or platform.machine()


def _gpus() -> tuple[tuple[str, ...], str]:
    """Names of the NVIDIA devices and the driver's version; nothing where there is no driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no library, no driver: no GPU
        return (), ""
    try:
        count = pynvml.nvmlDeviceGetCount()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(k) for k in range(count)]
        names = [pynvml.nvmlDeviceGetName(handle) for handle in handles]
        driver = pynvml.nvmlSystemGetDriverVersion()
    finally:
        pynvml.nvmlShutdown()
    return tuple(_text(name) for name in names), _text(driver)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
