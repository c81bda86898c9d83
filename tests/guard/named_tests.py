"""Tests that a table names: `path::function`, or `path::function[case]` with a case spelt out in its file."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def _functions(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


@cache
def _words(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def missing(ids: Iterable[str]) -> list[str]:
    """Those that name no test that exists."""
    found = []
    for one in ids:
        path, _, name = one.partition("::")
        function, bracket, case = name.partition("[")
        there = function in _functions(path)
        if not there or (bracket and case.removesuffix("]") not in _words(path)):
            found.append(one)
    return found
