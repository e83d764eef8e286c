"""What this machine has, and what each missing thing would unlock."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from suite import cache, registry
from suite.machine import machine


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report. state: "ok", "missing" or "note"."""

    what: str
    state: str
    detail: str


PACKAGES = {
    "torch": "torch_eager and torch_compiled",
    "jax": "jax_xla",
    "triton": "torch_compiled, triton_torch and triton_jax on a GPU",
    "jax-triton": "triton_jax on a GPU",
    "scikit-learn": "make workloads (the tensors it makes are in the package already)",
    "hypothesis": "make test",
    "mpmath": "make test",
}
"""Distributions that a machine may lack, and what each unlocks."""


def examine() -> Iterator[Finding]:
    """Everything worth knowing before a run, imports nothing that is examined."""
    here = machine()
    yield Finding("machine", "ok", f"{here.cpu}, {here.cores} cores, {here.memory / 2**30:.0f} GiB")
    yield Finding("python", "ok", f"{here.python} at {sys.executable}")
    if here.gpus:
        yield Finding("gpu", "ok", f"{', '.join(here.gpus)}; driver {here.driver}")
    else:
        yield _no_gpu()
    for name, unlocks in PACKAGES.items():
        yield _package(name, unlocks)
    yield from _required()
    if here.gpus:
        yield _cuda_jax()
    yield _compiler()
    yield from _noise(here.cores)
    yield Finding("cache", "ok", f"{cache.folder('')} (CDFBENCH_CACHE moves it)")


def _no_gpu() -> Finding:
    """What a GPU would bring: all that is said to run on one, and what runs nowhere else."""
    declared = [d for d in registry.discover() if "cuda" in d.devices and not d.known_error]
    alone = sorted({d.name for d in declared if "cpu" not in d.devices})
    too = sorted({d.name for d in declared if "cpu" in d.devices})
    words = [f"{', '.join(alone)}, unavailable elsewhere,"] * bool(alone)
    words += [f"{', '.join(too)} on it"] * bool(too)
    unlocks = " and ".join(words)
    return Finding("gpu", "missing", f"no NVIDIA driver or GPU: one would unlock {unlocks}")


def _package(name: str, unlocks: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", f"would unlock {unlocks}")


def _required() -> Iterator[Finding]:
    """The packages that implementations require, each once."""
    unlocks: dict[str, list[str]] = {}
    lacking: dict[str, str] = {}
    for declaration in registry.discover():
        for package, requirement in zip(declaration.packages(), declaration.requires, strict=True):
            place = "" if "cpu" in declaration.devices else " on a GPU"
            what = f"{declaration.name} ({declaration.operator}{place})"
            unlocks.setdefault(package, []).append(what)
            if missing := replace(declaration, requires=(requirement,)).missing():
                lacking[package] = missing
    for package, names in unlocks.items():
        what = ", ".join(names)
        if package in lacking:
            yield Finding(package, "missing", f"would unlock {what}; {lacking[package]}")
        else:
            yield Finding(package, "ok", what)


def _cuda_jax() -> Finding:
    names = [d.name or "" for d in importlib.metadata.distributions()]
    plugins = sorted(n for n in names if n.startswith("jax-cuda") and n.endswith("plugin"))
    if plugins:
        return Finding("jax on cuda", "ok", ", ".join(plugins))
    return Finding("jax on cuda", "missing", "pip install 'jax[cuda13]' would unlock it")


def _compiler() -> Finding:
    found = next((c for c in ("g++", "clang++", "c++") if shutil.which(c)), None)
    if found:
        return Finding("C++ compiler", "ok", f"{found}: torch_compiled on the cpu")
    return Finding("C++ compiler", "missing", "would unlock torch_compiled on the cpu")


def _noise(cores: int) -> Iterator[Finding]:
    """What would disturb timings here."""
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        busy = "other work would disturb timings" if load > 0.5 * cores else "quiet"
        yield Finding("load", "note" if load > 0.5 * cores else "ok", f"{load:.1f}: {busy}")
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.exists() and (kind := governor.read_text().strip()) != "performance":
        yield Finding("cpu governor", "note", f"{kind}: clocks change under load")
    if not Path("/proc/self/clear_refs").exists():
        yield Finding("peak memory", "missing", "needs Linux's /proc on a cpu")
    free = psutil.virtual_memory().available / 2**30
    state = "ok" if free > 4 else "note"
    yield Finding("free memory", state, f"{free:.1f} GiB (the full profile wants 8)")
