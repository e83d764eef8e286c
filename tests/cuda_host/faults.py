"""Copies of the shipped sources with one fault, which a check has to see."""

import shutil

from cuda_host.build import SHIPPED


def altered(folder, file, old, new):
    """A folder of all sources in which one text of one file, found once, is another."""
    for path in SHIPPED.glob("*.cu*"):
        shutil.copy(path, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder
