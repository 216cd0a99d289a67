"""What a rule's Python calls that is not in it: functions of global helpers, and fields of data models.

Only what decides whether the rule matches is looked at: `rule` and what it reaches in the same text. What a title or a
context needs explains nothing.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARS = 200_000
"""A longer text calls nothing."""
MAX_HELPERS = 6
"""Functions that are shown."""
_NO_GLOBALS = frozenset({"panther_core", "panther_detection_helpers", "panther_sdk"})
"""Packages that Panther brings along: not among its globals."""


@dataclass(frozen=True, slots=True)
class Uses:
    """What decides in a rule, and is elsewhere."""

    helpers: tuple[tuple[str, str], ...] = ()
    """Module and name of each function or constant of a global helper, in the order of the text."""
    fields: tuple[str, ...] = ()
    """Names that the rule asks the log type's data model for."""


@lru_cache(maxsize=256)
def uses_of(body: str) -> Uses:
    """Read a rule's Python; nothing for a text that is not Python or has no `rule`."""
    tree = _parsed(body)
    local = {} if tree is None else _definitions(tree)
    if tree is None or "rule" not in local:
        return Uses()
    imported = dict(_imports(tree))
    helpers: dict[tuple[str, str], None] = {}
    fields: dict[str, None] = {}
    for node in _reached("rule", local):
        if isinstance(node, ast.Name) and node.id in imported:
            module, name = imported[node.id]
            if name:
                helpers[module, name] = None
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            module, name = imported[node.value.id]
            if not name:
                helpers[module, node.attr] = None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "udm":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                fields[first.value] = None
    return Uses(tuple(helpers)[:MAX_HELPERS], tuple(fields)[:MAX_HELPERS])


def definitions_of(code: str, names: Iterable[str]) -> dict[str, str]:
    """The text of functions and constants at the top of a module, by name; those that it has."""
    tree = _parsed(code)
    found = {} if tree is None else _definitions(tree)
    texts = {name: ast.get_source_segment(code, found[name]) for name in names if name in found}
    return {name: text for name, text in texts.items() if text}


def _parsed(code: str) -> ast.Module | None:
    if len(code) > MAX_CHARS:
        return None
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """Local name, then module and name in it; the name is empty for a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level and _is_global(node.module):
            yield from ((each.asname or each.name, (node.module, each.name)) for each in node.names)
        elif isinstance(node, ast.Import):
            for each in node.names:
                if _is_global(each.name):
                    yield each.asname or each.name, (each.name, "")


def _is_global(module: str) -> bool:
    """Whether a module may be a global of this Panther; those have no dots in their names."""
    return "." not in module and module not in sys.stdlib_module_names and module not in _NO_GLOBALS


def _reached(name: str, local: Mapping[str, ast.stmt]) -> Iterator[ast.AST]:
    """Every node of a definition and of those that it uses, in the order of the text."""
    waiting, seen = [name], {name}
    while waiting:
        for node in _in_order(local[waiting.pop(0)]):
            yield node
            if isinstance(node, ast.Name) and node.id in local and node.id not in seen:
                seen.add(node.id)
                waiting.append(node.id)


def _in_order(top: ast.AST) -> Iterator[ast.AST]:
    waiting = [top]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(ast.iter_child_nodes(node)))
