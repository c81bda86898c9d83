"""The adapters' configuration, as an agency's IT team would write it by hand."""

from __future__ import annotations

import json
from pathlib import Path

from hub.demo.agencies import Agency
from hub.demo.asking import Form, Question

CONFIG = "adapter.toml"


def write_config(
    agency: Agency, folder: Path, *, hub_address: str, pki: Path, feed_id: str, wait_seconds: int
) -> Path:
    """Writes one adapter's configuration and returns its path."""
    lines = [
        f"# {agency.name}: publishes from and writes into its own cases.db",
        "[hub]",
        _setting("address", hub_address),
        _setting("ca_file", str(pki / "authority.pem")),
        _setting("certificate_file", str(pki / f"{agency.agency_id}-1.pem")),
        _setting("key_file", str(pki / f"{agency.agency_id}-1.key")),
        "",
        "[feed]",
        _setting("feed_id", feed_id),
        f"wait_seconds = {wait_seconds}",
        "",
        "[sink]",
        _setting("kind", "sql"),
        _setting("url", "sqlite:///cases.db"),
        # One file, made for the day: no versions, no index, and nobody backs it up.
        _setting("version_history", "none"),
        _setting("search_index", "none"),
        "backups_until_days = 0",
        "",
        "[source]",
        _setting("kind", "sql"),
        _setting("url", "sqlite:///cases.db"),
    ]
    for form in agency.forms:
        lines += _records(agency, form)
    path = folder / CONFIG
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _records(agency: Agency, form: Form) -> list[str]:
    lines = [
        "",
        "[[source.records]]",
        _setting("name", form.table),
        _setting("query", f"SELECT * FROM {form.table} ORDER BY id"),  # noqa: S608  # our own table's name
        _setting("record_type", form.record_type),
        _setting("record_id", "id"),
        _setting("client_reference", "reference"),
        _setting("occurred_time", "written_at"),
        _setting("service_type", agency.service_type),
        _setting("source_system", f"{agency.agency_id}-cases"),
    ]
    for question in form.questions:
        lines += _column(agency, question)
    if form.note is not None:
        lines += [
            "[[source.records.columns]]",
            _setting("column", form.note),
            _setting("kind", "text"),
            _setting("field", "text"),
            _setting("release", "released"),
        ]
    return lines


def _column(agency: Agency, question: Question) -> list[str]:
    lines = [
        "[[source.records.columns]]",
        _setting("column", question.column),
        _setting("kind", question.kind),
        _setting("field", question.field),
    ]
    if question.field == "answers":
        lines += [_setting("category", question.category), _setting("question_system", agency.agency_id)]
    if question.kind == "code":
        lines.append(_setting("system", agency.agency_id))
    return lines


def _setting(key: str, value: str) -> str:
    # A JSON string in plain ASCII is a TOML string.
    return f"{key} = {json.dumps(value)}"
