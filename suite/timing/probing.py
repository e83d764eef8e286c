"""A worker's answers to the probes, and what it noticed on the way; the parent judges them."""

from __future__ import annotations

from typing import Any

import numpy as np

from suite.operators.base import Case
from suite.probes import LAYOUTS, STEPS, Probe, direction, given
from suite.timing.evidence import Evidence
from suite.timing.failure import failure
from suite.timing.session import Session


class Answers:
    """Arrays by "probe/step/name", how steps raised, and evidence as of a cell."""

    def __init__(self, session: Session) -> None:
        self.session, self.framework = session, session.framework
        self.evidence = Evidence(self.framework, session.plan.device, session.watch)
        self.arrays: dict[str, np.ndarray] = {}
        self.raised: dict[str, str] = {}

    def take(self, number: int, probe: Probe) -> None:
        """Call the implementation as the probe says; whatever it raises is an answer."""
        if reason := self.session.unsupported(probe.case):
            self.raised[f"{number}/unsupported"] = reason
            return
        call = self.session.call(probe.case, "forward+backward")
        native: dict[str, Any] = {}
        for step in probe.steps:
            try:
                native = self._arrays(probe.case, step, native)
                self._one(f"{number}/{step}", call, probe.case, native)
            except Exception as error:  # any failure of an implementation is an answer
                self.raised[f"{number}/{step}"] = failure(error)["reason"]
        if probe.curved is not None:
            self._curvature(f"{number}/curvature", probe.curved)

    def _arrays(self, case: Case, step: str, native: dict[str, Any]) -> dict[str, Any]:
        """A step's arrays: new ones, or those of the step before, or other values in them."""
        if step == "again":
            return native
        values = given(self.session.operator, case, STEPS[step])  # type: ignore[index]
        if step == "nudged":
            return {k: self.framework.write(native[k], v) for k, v in values.items()}
        made = self._made(case, values)
        if step not in LAYOUTS:
            return made
        return {
            # A cotangent's rows are drawn, and not equal.
            k: a if (k, step) == ("output", "expanded") else self.framework.relaid(a, step)
            for k, a in made.items()
        }

    def _made(self, case: Case, values: dict[str, np.ndarray]) -> dict[str, Any]:
        device = self.session.plan.device
        return {k: self.framework.array(v, case.dtype, device) for k, v in values.items()}

    def _one(self, key: str, call: Any, case: Case, native: dict[str, Any]) -> None:
        """One call: its answer is kept, inputs and the answer before it are looked at again."""
        arrays = {name: array for name, array in native.items() if name != "output"}
        self.evidence.before(native)
        found = call(arrays, native["output"])
        self.framework.synchronize(found)
        answer = self.evidence.after(dict(zip(("output", *case.wrt), found, strict=True)))
        self.arrays |= {f"{key}/{name}": values for name, values in answer.items()}

    def _curvature(self, key: str, case: Case) -> None:
        """Differentiate the gradient's component along a direction."""
        session = self.session
        values = {**given(session.operator, case, "plain"), "along": direction(case)}
        native = self._made(case, values)
        weight, along = native.pop("output"), native.pop("along")
        try:
            target = self.framework.curvature(session.function(), case.options, case.wrt)
            self.arrays[key] = np.array(self.framework.numpy(target(native, weight, along)))
        except Exception as error:  # a refusal is an answer
            self.raised[key] = failure(error)["reason"]
