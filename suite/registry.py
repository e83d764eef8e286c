"""Implementations: how one declares itself, how they are found, and how one is loaded.

Finding reads source text only: the literal arguments of the ``@implements`` decorators, by ``ast``.
Nothing is imported until :func:`load` is called, so a broken framework or a hostile file cannot
hurt a listing.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from suite import operators, sources
from suite.sources import ROOT

HOUSE = ROOT / "implementations"
ENTRY_POINTS = "cdfbench.implementations"
FRAMEWORKS = ("numpy", "torch", "jax")
EXTRAS = ("peers", "cuda", "triton")
"""Folders of implementations whose packages pip installs by an extra of the same name."""


@dataclass(frozen=True)
class Declaration:
    """What an ``@implements`` decorator says, read without importing the file.

    name: the implementation's name. module: importable name, or "" for a user's own file.
    known_error: the errata entry of a formula that is wrong on purpose, or "".
    slow_compile: each case costs seconds of compilation; the quick profile runs one an operator.
    requires: packages that it imports beside its framework, by the names that imports use; where
        some Pythons cannot have one, with pip's marker ("softjax; python_version >= '3.12'").
    native_half: it takes half types as they are, where others get float32 in their place.
    """

    operator: str
    name: str
    framework: str
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    path: Path
    function: str
    module: str = ""
    known_error: str = ""
    slow_compile: bool = False
    requires: tuple[str, ...] = ()
    native_half: bool = False

    def packages(self) -> tuple[str, ...]:
        """Names of the packages that it requires."""
        return tuple(requirement.partition(";")[0].strip() for requirement in self.requires)

    def missing(self) -> str | None:
        """Which package it requires and is not installed, and what to do; or None."""
        for name, requirement in zip(self.packages(), self.requires, strict=True):
            if not _is_installed(name):
                marker = requirement.partition(";")[2].strip()
                house, _, rest = self.module.partition(".")
                extra = rest.partition(".")[0]
                known = house == HOUSE.name and extra in EXTRAS
                remedy = f": pip install 'cdfbench[{extra}]'" if known else ""
                return f"{name} is not installed{remedy}{marker and f' where {marker}'}"
        return None

    def place(self, device: str) -> str:
        """Where a run on that device has it: there, or on the CPU if that is all it knows."""
        return device if device in self.devices or "cpu" not in self.devices else "cpu"

    def unable(self, device: str) -> str | None:
        """Why it cannot run on that device, "cpu" or "cuda"; or None."""
        if device not in self.devices:
            return f"runs on {', '.join(self.devices)} only; this run is on the {device}"
        return self.missing()


@dataclass(frozen=True)
class Implementation:
    """A loaded declaration: the raw function, and its vjp, skip and route where it gave one."""

    declaration: Declaration
    function: Callable[..., Any]
    vjp: Callable[..., tuple] | None
    skip: Callable[..., str | None] | None
    route: Callable[..., str] | None = None


def implements(
    operator: str,
    *,
    framework: str,
    devices: tuple[str, ...] = ("cpu",),
    dtypes: tuple[str, ...] = ("float32", "float64"),
    name: str | None = None,
    vjp: Callable[..., tuple] | None = None,
    skip: Callable[..., str | None] | None = None,
    route: Callable[..., str] | None = None,
    known_error: str = "",
    slow_compile: bool = False,
    requires: tuple[str, ...] = (),
    native_half: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare that the decorated function implements an operator; returns it unchanged.

    framework: whose arrays it takes and whose autodiff differentiates it. devices: "cpu", "cuda".
    dtypes: what it computes in; half types are cast to float32 around it by :func:`load`.
    name: else that of the folder (in the house) or of the file (a user's own).
    vjp(cotangent, wrt, **arguments) -> gradients in the order of wrt: numpy only.
    skip(case) -> a reason why a case cannot be done, or None.
    route(**arguments) -> in a few words, which of several ways the function takes with them.
    known_error: errata entry of a formula that is wrong on purpose.
    slow_compile, requires, native_half: see :class:`Declaration`.

    All but ``vjp``, ``skip`` and ``route`` must be literals: listings read them from the source.

    Raises ValueError for an unknown operator or framework.
    """
    _require_known("operator", operator, operators.names())
    _require_known("framework", framework, FRAMEWORKS)
    if framework == "numpy" and vjp is None:
        raise ValueError("framework='numpy' has no autodiff: pass vjp=")

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        said = {"operator": operator, "vjp": vjp, "skip": skip, "route": route}
        function.__cdfbench__ = said  # type: ignore[attr-defined]
        return function

    return declare


def discover(files: Iterable[Path | str] = ()) -> tuple[Declaration, ...]:
    """All declarations: the house's, installed entry points', and those of the given files.

    Raises ValueError for a file that cannot be read or parsed, has a decorator whose arguments are
    no literals, or repeats another's name for the same operator.
    """
    found: list[Declaration] = []
    for path in sorted(HOUSE.rglob("*.py")):
        found += _declarations(path, _house_name(path), _module_name(path))
    for point in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS)):
        path = _entry_point_path(point)
        found += _declarations(path, point.name, point.value.partition(":")[0])
    for file in files:
        path = Path(file).resolve()
        if not path.is_file():
            raise ValueError(f"implementation file {str(file)!r}: no such file")
        own = _declarations(path, path.stem, "")
        if not own:
            raise ValueError(f"implementation file {str(file)!r}: no @implements in it")
        found += own
    seen: dict[tuple[str, str], Path] = {}
    for item in found:
        other = seen.setdefault((item.operator, item.name), item.path)
        if other != item.path:
            raise ValueError(
                f"{item.path}: {item.name!r} already implements {item.operator} in {other}; "
                "pass name= to @implements"
            )
    return tuple(sorted(found, key=lambda d: (d.operator, d.name)))


def find(operator: str, name: str, files: Iterable[Path | str] = ()) -> Declaration:
    """The declaration of one implementation of one operator; KeyError lists what there is."""
    operators.get(operator)
    mine = [d for d in discover(files) if d.operator == operator]
    for declaration in mine:
        if declaration.name == name:
            return declaration
    names = ", ".join(d.name for d in mine)
    raise KeyError(f"implementation {name!r} of {operator}: expected one of {names}")


def load(operator: str, name: str, *, check_values: bool = True) -> Callable[..., Any]:
    """The implementation of an operator as people import it, ready to call.

    >>> from suite import load
    >>> f = load("soft_cut", "numpy_scipy")

    Shapes, dtypes and host scalars are checked at every call. ``check_values=False`` leaves out
    the checks that read device values (invalid ones then give NaN); they also switch themselves
    off under vmap, Dynamo and jax tracers. float16 and bfloat16 are computed in float32 and
    returned in the input's dtype.

    Raises KeyError for an unknown operator or implementation, ImportError where its framework or a
    package that it requires is missing.
    """
    declaration = find(operator, name)
    if missing := declaration.missing():
        raise ImportError(f"{name}: {missing}")
    return checked(load_declared(declaration), check_values=check_values)


def load_declared(declaration: Declaration) -> Implementation:
    """Import the declaring file and return what it declared."""
    function = getattr(_import(declaration), declaration.function)
    extra = function.__cdfbench__
    return Implementation(declaration, function, extra["vjp"], extra["skip"], extra["route"])


def checked(implementation: Implementation, *, check_values: bool) -> Callable[..., Any]:
    """The raw function with the operator's checks before it and half types cast around it."""
    from suite.calls import with_checks

    declaration = implementation.declaration
    return with_checks(
        declaration.operator,
        declaration.framework,
        implementation.function,
        check_values=check_values,
        native_half=declaration.native_half,
    )


def source_hash(declaration: Declaration) -> str:
    """SHA-256 (16 hex digits) of every project file the implementation imports, and its operator.

    Follows the import statements of ``suite`` and ``implementations`` through the source text.
    """
    operator_file = Path(operators.__path__[0]) / f"{declaration.operator}.py"
    return sources.hash_of(sources.behind([declaration.path, operator_file]))


def imported(declaration: Declaration) -> set[str]:
    """Modules of this project that the implementation's files import, read from their source."""
    todo, seen, found = [declaration.path], set(), set()
    while todo:
        path = todo.pop()
        seen.add(path)
        for module in sources.imports(ast.parse(path.read_bytes())):
            if module.startswith("suite."):
                found.add(module)
            elif module.startswith("implementations."):
                todo += [file for file in sources.project_files(module) if file not in seen]
    return found


def _is_installed(package: str) -> bool:
    """Whether a package can be found, "cuda.core" too, where even its parent may be missing."""
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _declarations(path: Path, name: str, module: str) -> tuple[Declaration, ...]:
    try:
        return _declared(path.read_text(encoding="utf-8"), path, name, module)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"implementation file {str(path)!r} cannot be read: {error}") from error


@functools.lru_cache(maxsize=1024)
def _declared(text: str, path: Path, name: str, module: str) -> tuple[Declaration, ...]:
    """What a file's text declares. Kept, since every ``load`` reads all files, and parsing them is
    nearly all of its time."""
    found = []
    for node in ast.parse(text, filename=str(path)).body:
        for call in getattr(node, "decorator_list", ()):
            if isinstance(call, ast.Call) and _called(call) == "implements":
                assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                declaration = _declaration(call, node.name, path, name, module)
                _require_arguments(declaration, node)
                found.append(declaration)
    return tuple(found)


def _declaration(call: ast.Call, function: str, path: Path, name: str, module: str) -> Declaration:
    said: dict[str, Any] = {}
    try:
        said["operator"] = ast.literal_eval(call.args[0])
        for keyword in call.keywords:
            if keyword.arg not in ("vjp", "skip", "route"):
                said[keyword.arg or "**"] = ast.literal_eval(keyword.value)
        _require_known("operator", said["operator"], operators.names())
        _require_known("framework", said["framework"], FRAMEWORKS)
        return Declaration(
            operator=said["operator"],
            name=said.get("name") or name,
            framework=said["framework"],
            devices=tuple(said.get("devices", ("cpu",))),
            dtypes=tuple(said.get("dtypes", ("float32", "float64"))),
            path=path,
            function=function,
            module=module,
            known_error=said.get("known_error", ""),
            slow_compile=said.get("slow_compile", False),
            requires=tuple(said.get("requires", ())),
            native_half=said.get("native_half", False),
        )
    except UnknownName as error:
        raise ValueError(f"{path}:{call.lineno}: @implements: {error}") from None
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(
            f"{path}:{call.lineno}: @implements takes the operator's name, framework= and other "
            f"arguments as literals ({error})"
        ) from error


def _require_arguments(declaration: Declaration, node: ast.stmt) -> None:
    """Raise ValueError for a function whose arguments are not named as the operator's are."""
    wanted = tuple(inspect.signature(operators.get(declaration.operator).check).parameters)
    found: tuple[str, ...] = ()
    if isinstance(node, ast.FunctionDef):
        if node.args.vararg or node.args.kwarg:
            return
        every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        found = tuple(argument.arg for argument in every)
    if found != wanted:
        raise ValueError(
            f"{declaration.path}:{node.lineno}: {declaration.function}({', '.join(found)}) "
            f"implements {declaration.operator}, whose arguments are {', '.join(wanted)}"
        )


class UnknownName(ValueError):
    """An operator or framework that is not there."""


def _require_known(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise UnknownName(f"{what}={name!r}: expected one of {', '.join(known)}")


def _called(call: ast.Call) -> str:
    target = call.func
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def _house_name(path: Path) -> str:
    return "_".join(path.relative_to(HOUSE).parent.parts)


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _entry_point_path(point: importlib.metadata.EntryPoint) -> Path:
    """The file of an entry point's module, found without importing its parents."""
    first, *rest = point.value.partition(":")[0].split(".")
    spec = importlib.util.find_spec(first)
    if spec is None or spec.origin is None:
        raise ValueError(f"entry point {point.name!r}: no module {point.value!r}")
    if not rest:
        return Path(spec.origin)
    base = Path(spec.origin).parent.joinpath(*rest)
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _import(declaration: Declaration) -> ModuleType:
    if declaration.module:
        return importlib.import_module(declaration.module)
    digest = hashlib.sha256(str(declaration.path).encode()).hexdigest()[:12]
    name = f"cdfbench_user_{declaration.path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, declaration.path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{declaration.path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
