"""Animations: figures one after the other in a GIF, by Pillow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

FRAME, LAST = 100, 2000
"""Milliseconds that a frame is shown, and the last one."""


def write_animation(figures: Iterable[Figure], path: Path) -> Iterator[int]:
    """Write a GIF that repeats; yields how many frames are drawn as they are."""
    frames = []
    for figure in figures:
        frames.append(image(figure))
        yield len(frames)
    times = [FRAME] * (len(frames) - 1) + [LAST]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=False
    )


def image(figure: Figure) -> Image.Image:
    """A figure's pixels, in the 64 colours that a plain plot needs."""
    canvas = cast(FigureCanvasAgg, figure.canvas)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return Image.fromarray(np.ascontiguousarray(pixels)).quantize(64)
