"""House rules that no linter of ours knows: names, sizes, swallowed errors, unsafe loaders, machine paths."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("adapters", "consent_ledger", "deploy", "hub", "proto", "tests")
TEXT = {".py", ".proto", ".sh", ".md", ".toml", ".service", ".cfg", ".ini", ".sql", ".yaml"}
LINE_BUDGET = 400
NAMELESS = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)$")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|tmp|home|farm|Users|mnt)/\w")
UNSAFE_CALLS = {
    "eval", "exec", "pickle.loads", "pickle.load", "marshal.loads", "marshal.load", "shelve.open",
    "yaml.load", "yaml.unsafe_load", "os.system",
}  # fmt: skip
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill"}


def generated(path: Path) -> bool:
    return (
        path.name.endswith(("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi"))
        and "oncetold" in path.parts
    )


def sources(*suffixes: str) -> list[Path]:
    """Every file of ours with such an ending; never empty, so that no rule passes by finding nothing."""
    found = [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in suffixes and "__pycache__" not in path.parts and not generated(path)
    ]
    assert found, f"no source ends with {suffixes}"
    return found


def shown(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def offences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and rule of each thing in a module that a reviewer should not have to look for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            wide = node.type is None or dotted(node.type) in {"Exception", "BaseException"}
            silent = all(
                isinstance(line, ast.Pass | ast.Continue)
                or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
                for line in node.body
            )
            if node.type is None:
                yield node.lineno, "a bare except"
            elif wide and silent:
                yield node.lineno, "an error swallowed whole"
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in UNSAFE_CALLS:
                yield node.lineno, f"a call of {name}"
            if any(
                word.arg == "shell" and getattr(word.value, "value", None) is True for word in node.keywords
            ):
                yield node.lineno, "a shell in between"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            for module in modules:
                if module.split(".")[0] in UNSAFE_MODULES:
                    yield node.lineno, f"an import of {module}"


def test_no_file_is_named_after_nothing_in_particular() -> None:
    assert [shown(path) for path in sources(".py") if NAMELESS.search(path.stem)] == []


def test_files_stay_within_the_line_budget() -> None:
    sizes = {shown(path): len(path.read_text().splitlines()) for path in sources(".py", ".proto", ".sh")}

    assert {path: size for path, size in sizes.items() if size > LINE_BUDGET} == {}


def test_no_error_is_swallowed_and_nothing_unsafe_is_loaded() -> None:
    found = [
        f"{shown(path, line)} {rule}"
        for path in sources(".py")
        for line, rule in offences(ast.parse(path.read_text()))
    ]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:\n    g()",
        "for x in y:\n    try:\n        f()\n    except BaseException:\n        continue",
        "import pickle",
        "from marshal import loads",
        "eval(x)",
        "yaml.load(x)",
        "subprocess.run(x, shell=True)",
    ],
)
def test_the_rule_bites(source: str) -> None:
    assert list(offences(ast.parse(source)))


def test_no_path_of_one_machine_is_written_down() -> None:
    found = [
        shown(path, number)
        for path in [
            *sources(*TEXT),
            ROOT / "README.md",
            ROOT / "CHANGELOG.md",
            ROOT / "Makefile",
            ROOT / ".ci/run",
        ]
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]

    assert found == []


def test_no_test_is_switched_off() -> None:
    off = re.compile(r"@pytest\.mark\.(skip|skipif|xfail)\b|pytest\.(skip|xfail)\(")
    found = [
        shown(path, number)
        for path in sources(".py")
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if off.search(line)
    ]

    assert found == []
