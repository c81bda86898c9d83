"""How the day is told in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from hub.demo.asking import Fact
from hub.demo.partner import Receipt

WIDTH = 100


class Telling:
    """Sentences and tables, in the order of the day."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._console.width = min(self._console.width, WIDTH)

    def title(self, words: str, under: str) -> None:
        """The first lines."""
        self._console.print(f"\n[bold]{escape(words)}[/]")
        self._console.print(f"[dim]{escape(under)}[/]")

    def act(self, when: str, where: str) -> None:
        """A new part of the day."""
        self._console.print()
        self._console.print(Rule(f"[bold]{escape(when)}[/]: {escape(where)}", align="left", style="dim"))

    def say(self, sentence: str) -> None:
        """One sentence or two."""
        self._console.print(escape(sentence))

    def quote(self, sentence: str) -> None:
        """What OnceTold itself answered."""
        self._console.print(f"  [italic]{escape(sentence)}[/]")

    def command(self, line: str) -> None:
        """What one would type."""
        self._console.print(f"  [cyan]$ {escape(line)}[/]")

    def facts(self, heading: str, facts: Sequence[Fact]) -> None:
        """Answers, one line for each category."""
        table = Table(
            title=escape(heading), title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 2)
        )
        table.add_column(style="dim", no_wrap=True)
        table.add_column()
        for category, group in groupby(facts, key=lambda fact: fact.question.category):
            answers = "; ".join(f"{fact.question.words}: {fact.value}" for fact in group)
            table.add_row(category.lower().replace("_", " "), escape(answers))
        self._console.print(table)

    def receipts(self, signed_by: str, receipts: Sequence[Receipt]) -> None:
        """Signed receipts."""
        table = Table(
            title="Signed receipts", title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0)
        )
        for column in ("signed by", "fragment", "outcome", "looked at", "signature"):
            table.add_column(column)
        for receipt in receipts:
            table.add_row(
                escape(signed_by),
                f"{receipt.fragment_id[:8]}…",
                receipt.outcome,
                ", ".join(receipt.looked_at),
                "verified by the hub" if receipt.sent else "not sent yet",
            )
        self._console.print(table)

    def figures(self, rows: Mapping[str, object]) -> None:
        """The end: names and numbers."""
        self.act("In the end", "what is found in the agencies' databases and in the hub")
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column(justify="right", style="bold")
        table.add_column()
        for words, number in rows.items():
            table.add_row(escape(str(number)), escape(words))
        self._console.print(table)
