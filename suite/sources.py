"""Which of the project's files a result depends on: import statements followed through the text.

Nothing is imported, so that a hostile file cannot hurt whoever asks.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def behind(files: Iterable[Path]) -> dict[Path, bytes]:
    """The files and all of the project's that they import, themselves or through each other."""
    todo, seen = list(files), {}
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = path.read_bytes()
        for module in _imports_of(seen[path]):
            todo += project_files(module)
    return seen


def hash_of(files: Iterable[Path]) -> str:
    """SHA-256 (16 hex digits) of the files' names and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def imports(tree: ast.AST) -> Iterator[str]:
    """Names of what the import statements ask for, be it a module or something in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.lru_cache(maxsize=2048)
def _imports_of(text: bytes) -> tuple[str, ...]:
    """Parsed once for every text: hundreds of results depend on the same files."""
    return tuple(imports(ast.parse(text)))


def project_files(module: str) -> list[Path]:
    """Files of a module of this project, its packages' ``__init__`` left out; else nothing."""
    if module.partition(".")[0] not in ("suite", "implementations"):
        return []
    path = (ROOT / Path(*module.split("."))).with_suffix(".py")
    return [path] if path.is_file() else []
