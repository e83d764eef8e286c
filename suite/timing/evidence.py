"""What a worker notices of an implementation's conduct in one cell; the parent judges it.

Everything here looks at untimed calls, or between rounds while the clock stands still.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from suite.frameworks import Framework
from suite.timing.watch import Watch


class Evidence:
    """Words by kind, as ``suite.judge.conduct.EVIDENCE`` names them."""

    def __init__(self, framework: Framework, device: str, watch: Watch) -> None:
        self.framework, self.device, self.watch = framework, device, watch
        kinds = ("mutated", "overwritten", "differs", "not_plain", "replaced", "threads")
        self.words: dict[str, set[str]] = {kind: set() for kind in kinds}
        self._given: tuple[dict[str, Any], dict[str, np.ndarray]] = ({}, {})
        self._returned: tuple[Mapping[str, Any], Mapping[str, np.ndarray]] = ({}, {})

    def before(self, arrays: Mapping[str, Any]) -> None:
        """Note what a call is given."""
        self._given = dict(arrays), copies(self.framework, arrays)

    def after(self, returned: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Look at what it did, the moment it has returned; its answer's values."""
        self.words["threads"] |= self.watch.at_work()
        answer = copies(self.framework, returned)
        self.words["not_plain"] |= not_plain(self.framework, returned, self.device)
        self.words["mutated"] |= changed(self.framework, *self._given)
        self.words["overwritten"] |= changed(self.framework, *self._returned)
        self._given, self._returned = ({}, {}), (returned, answer)
        return answer

    def hold(self, returned: Mapping[str, Any], answer: Mapping[str, np.ndarray]) -> None:
        """Look at an answer again after the next call; none, to let it go."""
        self._returned = returned, answer

    def same(self, one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> None:
        """Note which of two answers to one input differ in a bit."""
        self.words["differs"] |= {name for name in one if not _equal(one[name], other[name])}

    def found(self) -> dict[str, list[str]]:
        """All of it, for the journal."""
        self.words["replaced"] |= set(self.watch.replaced())
        return {kind: sorted(words)[:5] for kind, words in self.words.items()}


def copies(framework: Framework, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays' values as they are now."""
    return {name: np.array(framework.numpy(array)) for name, array in arrays.items()}


def changed(
    framework: Framework, arrays: Mapping[str, Any], was: Mapping[str, np.ndarray]
) -> set[str]:
    """Names of the arrays whose values are no longer what they were."""
    return {name for name in arrays if not _equal(framework.numpy(arrays[name]), was[name])}


def not_plain(framework: Framework, arrays: Mapping[str, Any], device: str) -> set[str]:
    """Names and types of what is no array of exactly the framework's type, on the device."""
    return {
        f"{name} is a {type(array).__qualname__}"
        for name, array in arrays.items()
        if not framework.is_plain(array, device)
    }


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)
