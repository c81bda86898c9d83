"""Reading Prometheus' page as Prometheus does."""

import re
import urllib.request
from dataclasses import dataclass

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One line of the page."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    def __getitem__(self, label: str) -> str:
        return dict(self.labels)[label]


def scrape(port: int) -> bytes:
    """The page's bytes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        body: bytes = answer.read()
        assert answer.headers["Content-Type"].startswith("text/plain")
        return body


def samples(page: bytes) -> list[Sample]:
    """Every sample on a page; fails on a line that is none."""
    found = []
    for line in page.decode().splitlines():
        if line.startswith("#") or not line:
            continue
        read = _LINE.fullmatch(line)
        assert read is not None, line
        name, labels, value = read.groups()
        found.append(Sample(name, tuple(_LABEL.findall(labels or "")), float(value)))
    return found


def series(page: bytes) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Names and labels on a page."""
    return {(one.name, one.labels) for one in samples(page)}
