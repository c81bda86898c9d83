"""What no line of the product may do, whatever a reviewer overlooks: found in its syntax, by the linter."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from tests.guard.named_tests import ROOT

PRODUCT = ("adapters", "consent_ledger", "hub", "proto", "deploy")
MODULES = {
    # Whoever loads them runs what somebody else wrote.
    "pickle", "marshal", "shelve", "dill", "jsonpickle", "code", "codeop",
    # Entities, external and swelling ones: nothing here reads XML.
    "xml", "lxml", "xmlrpc",
    # Archives that swell, or write beside their folder: nothing here unpacks one.
    "zipfile", "tarfile", "zipimport",
    "telnetlib", "ftplib",
}  # fmt: skip
CALLS = {
    "eval", "exec", "compile", "__import__",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
    "shutil.unpack_archive", "tempfile.mktemp",
    "hashlib.md5", "hashlib.sha1",
    "ssl._create_unverified_context", "ssl._create_default_https_context",
    "grpc.insecure_server_credentials",
}  # fmt: skip
FLAGS = {"shell": True, "verify": False, "check_hostname": False}
LINTED = {
    "S102": "exec('1')",
    "S301": "import pickle\npickle.loads(b'')",
    "S307": "eval('1')",
    "S313": "import xml.etree.cElementTree as tree\ntree.parse('a')",
    "S314": "import xml.etree.ElementTree as tree\ntree.parse('a')",
    "S324": "import hashlib\nhashlib.md5(b'')",
    "S501": "import requests\nrequests.get('https://a', verify=False, timeout=1)",
    "S506": "import yaml\nyaml.load('a')",
    "S602": "import subprocess\nsubprocess.run('a' + input(), shell=True)",
    "S608": "def f(name: str) -> str:\n    return f'SELECT a FROM {name}'",
}
"""Ruff's rule, and a line that it has to find."""


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def banned(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything banned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            for one in node.names:
                if f"{node.module}.{one.name}" in CALLS:
                    yield node.lineno, f"{node.module}.{one.name}"
        elif isinstance(node, ast.Call):
            names = []
            if dotted(node.func) in CALLS:
                yield node.lineno, dotted(node.func)
            for word in node.keywords:
                if word.arg in FLAGS and getattr(word.value, "value", None) is FLAGS[word.arg]:
                    yield node.lineno, f"{word.arg}={FLAGS[word.arg]}"
        else:
            continue
        for name in names:
            if name.split(".")[0] in MODULES:
                yield node.lineno, name


def test_nothing_banned_is_imported_or_called() -> None:
    sources = [path for room in PRODUCT for path in sorted((ROOT / room).rglob("*.py"))]
    assert len(sources) > 100

    assert [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sources
        for line, name in banned(ast.parse(path.read_text()))
    ] == []


@pytest.mark.parametrize(
    "source",
    [
        *(f"import {name}" for name in sorted(MODULES)),
        *(f"from {name} import x" for name in sorted(MODULES)),
        *(f"{name}(x)" for name in sorted(CALLS)),
        *(f"f(x, {name}={value})" for name, value in FLAGS.items()),
        "import xml.dom.minidom",
        "from os import system",
    ],
)
def test_whatever_is_banned_is_found(source: str) -> None:
    assert list(banned(ast.parse(source)))


def test_the_linter_bans_them_too() -> None:
    """With our own settings, as `make check` runs it; no rule of these is switched off for the product."""
    for rule, source in LINTED.items():
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--output-format=json", "--stdin-filename=hub/x.py", "-"],
            input=f"{source}\n",
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert rule in {one["code"] for one in json.loads(done.stdout)}, rule


def test_the_product_is_exempt_from_no_rule_of_safety() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]

    assert "S" in lint["select"]
    assert {rule for rule in lint["ignore"] if rule.startswith("S") and rule != "SIM"} == {"S101"}
    assert set(lint["per-file-ignores"]) == {"tests/**"}
