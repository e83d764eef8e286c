"""Registers and spilled bytes of compiled kernels, from what ptxas reports of each."""

import re
from typing import NamedTuple

_ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
_SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
_REGISTERS = re.compile(r"Used (\d+) registers")


class Resources(NamedTuple):
    """registers: a thread's. spills: bytes a thread stores to memory for want of registers."""

    registers: int
    spills: int


def resources(kernels):
    """``Resources`` of ``compile.Kernels`` by name.

    Raises ValueError where the report leaves one out.
    """
    of_symbol, symbol, spills = {}, None, 0
    for line in kernels.report.splitlines():
        if entry := _ENTRY.search(line):
            symbol, spills = entry[1], 0
        elif found := _SPILLS.search(line):
            spills = int(found[1])
        elif symbol and (found := _REGISTERS.search(line)):
            of_symbol[symbol], symbol = Resources(int(found[1]), spills), None
    if missing := set(kernels.symbols.values()) - set(of_symbol):
        raise ValueError(f"ptxas reported nothing of {sorted(missing)}")
    return {name: of_symbol[symbol] for name, symbol in kernels.symbols.items()}
