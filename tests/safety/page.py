"""The page "What we tested against": the hazard log with what came of its tests, to print and to sign."""

from collections.abc import Iterable, Sequence
from html import escape

from tests.safety.hazards import Hazard
from tests.safety.outcomes import NOT_RUN, Outcomes, of_row

_STYLE = """
@page { size: A4; margin: 18mm }
body { font: 10.5pt/1.45 system-ui, sans-serif; color: #111; max-width: 60em; margin: 2em auto }
section { break-inside: avoid; border-top: 1.5pt solid #111; margin-top: 1.5em }
h1, h2 { line-height: 1.2 } h2 { font-size: 12pt; margin: .5em 0 }
dl { display: grid; grid-template-columns: 11em 1fr; gap: .2em 1em; margin: 0 }
dt { font-weight: 600 } dd { margin: 0 }
table { border-collapse: collapse } td, th { border: .5pt solid #777; padding: .25em .7em; text-align: left }
ul { margin: 0; padding-left: 1.1em } code { font-size: 8.5pt; overflow-wrap: anywhere }
.sign { margin-top: 3em } .sign td { height: 3em; width: 16em }
"""
_INTRODUCTION = """
<p>Each hazard is something that could hurt a person through sharing too much, too little, or in the
wrong way. Beside it stands what holds it back and the tests that prove it, with what came of them when
this page was made. A test that <em>takes the control out</em> shows that the others can fail.</p>
<p><strong>An open hazard is not held back.</strong> Do not start a service that depends on it before
you have a way of your own, written beside it. The likelihoods are estimates by the makers. You know
your services: your clinical safety officer sets them anew before you go live (DCB0160), and keeps this
page with the safety case.</p>
<p>Risk is 1 (acceptable) to 5 (never acceptable), from consequence and likelihood by the table in NHS
England's template of a hazard log.</p>
"""
_SIGNING = """
<section class="sign"><h2>Read and accepted</h2><table>
<tr><th></th><th>Name</th><th>Signature</th><th>Date</th></tr>
<tr><th>Data protection officer</th><td></td><td></td><td></td></tr>
<tr><th>Clinical safety officer</th><td></td><td></td><td></td></tr>
</table></section>
"""
_STATE = {"built": "built", "part": "built in part", "open": "OPEN: not built"}


def render(rows: Sequence[Hazard], outcomes: Outcomes, made: str, version: str) -> str:
    """The whole page as HTML that needs nothing else. `made` says when, `version` of what."""
    return (
        '<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>What we tested against</title>'
        f"<style>{_STYLE}</style><h1>What we tested against</h1>"
        f"<p>OnceTold {escape(version)}, {escape(made)}.</p>{_INTRODUCTION}"
        f"{_overview(rows)}{''.join(_row(row, outcomes) for row in rows)}{_SIGNING}</html>\n"
    )


def _overview(rows: Sequence[Hazard]) -> str:
    cells = "".join(
        f"<tr><th>{severity}</th>"
        + "".join(
            f"<td>{sum(row.severity == severity and row.state == state for row in rows)}</td>"
            for state in _STATE
        )
        + "</tr>"
        for severity in ("CRITICAL", "HIGH", "MEDIUM")
    )
    heads = "".join(f"<th>{escape(words)}</th>" for words in _STATE.values())
    return f"<table><tr><th></th>{heads}</tr>{cells}</table>"


def _row(row: Hazard, outcomes: Outcomes) -> str:
    pairs = [
        ("Harm", escape(row.harm)),
        ("Cause", escape(row.cause)),
        ("Control", escape(row.control)),
        ("Consequence", escape(row.consequence)),
        ("Without control", f"{row.before}: risk {row.risk(row.before)}"),
        ("With it", f"{row.after}: risk {row.risk(row.after)}"),
        ("What remains", escape(row.residual)),
    ]
    if row.open:
        pairs.append(("Open", escape(row.open)))
    if row.proofs:
        pairs.append(("Tests", of_row(row, outcomes)))
        pairs.append(("", _listed(row.tests, outcomes)))
    if row.without:
        pairs.append(("Control taken out", _listed(row.without, outcomes)))
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in pairs)
    return (
        f'<section id="{row.id}"><h2>{row.id} ({row.severity}, {_STATE[row.state]}) {escape(row.hazard)}</h2>'
        f"<dl>{listed}</dl></section>"
    )


def _listed(tests: Iterable[str], outcomes: Outcomes) -> str:
    lines = (f"<li>{outcomes.get(test, NOT_RUN)} <code>{escape(test)}</code></li>" for test in tests)
    return f"<ul>{''.join(lines)}</ul>"
