"""The TorchEBM developer guide: does each of its losses train an energy, and do its tools work.

Source: TorchEBM developer guide, "Loss Functions Implementation". It trains nothing itself and
prints no number; data, energy and settings are those of ``suite.quality.energy``.
"""

from __future__ import annotations

import functools

from suite.reproduce import torchebm_guide_fits as fits
from suite.reproduce import torchebm_guide_tools as tools
from suite.reproduce.claims import Claim, Experiment, Source
from suite.reproduce.side_by_side import stay_together
from suite.reproduce.torchebm_guide_figure import landscape
from suite.reproduce.verdicts import statement

PUBLISHED, OURS = "published_torchebm_guide", "torch_eager"
IMPLICIT = "published_torchebm_guide_implicit"


def _experiment(lesson: fits.Lesson) -> Experiment:
    return Experiment(
        lesson.name,
        functools.partial(fits.run, lesson),
        (PUBLISHED, OURS) if lesson.own else (IMPLICIT,),
        operator=f"energy_{lesson.operator}",
        published=PUBLISHED if lesson.own else IMPLICIT,
        draw=functools.partial(landscape, lesson),
    )


SOURCE = Source(
    name="torchebm_guide",
    title='TorchEBM developer guide, "Loss Functions Implementation"',
    experiments=(
        *map(_experiment, fits.LESSONS),
        Experiment(
            "agreement",
            fits.agreement,
            ("jax_xla",),
            operator="energy_maximum_likelihood",
            seeds=False,
        ),
        Experiment("tools", tools.run, ("torch",), seeds=False),
    ),
    claims=(
        *(
            Claim(f"{lesson.name}-trains", lesson.name, statement(fits.trains, "lost/end"))
            for lesson in fits.LESSONS
        ),
        Claim("frameworks-agree", "agreement", statement(stay_together)),
        *(Claim(name, "tools", statement(tools.holds(name))) for name in tools.ENTRIES),
    ),
)
