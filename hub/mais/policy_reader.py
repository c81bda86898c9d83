"""Reads a SharingPolicy of anybody's. It is refused as a whole, with everything that has to be mended."""

import re

from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    DataCategory,
    LawfulBasis,
    OnEnd,
    Purpose,
)
from hub.mais import terms
from hub.mais.errors import PolicyRefused, Problem
from hub.mais.fields import Fields
from hub.mais.json_text import read_object
from hub.mais.sharing_policy import PolicyBasis, PolicyParty, PolicyRow, SharingPolicy

_ID = r"[a-z0-9][a-z0-9-]{0,39}"
_NOTICE = r"[!-~]{1,100}"
_URI = r"[a-zA-Z][a-zA-Z0-9+.-]*:[!-~]{1,500}"
_TEXT = "Write one line of at most 200 characters."
_MAIS = "MAIS requires it: see the SharingPolicy of its draft."
_SHORT_ID = "Write at most 40 small letters, digits and hyphens, beginning with a letter or digit."


def read_policy(raw: bytes) -> SharingPolicy:
    """The policy of a document. Raises NotJson, PolicyRefused.

    Nothing about the law is assumed: a basis, a condition, what happens at the end, a notice that is not
    written has to be written. What the hub cannot hold to is refused, unless the document says in
    `oncetold:kept_outside` that the parties see to it themselves.
    """
    problems: list[Problem] = []
    top = Fields("", read_object(raw), problems)
    _check_form(top)
    rows = _rows(top)
    policy = SharingPolicy(
        agreement_id=_agreement_id(top),
        version=top.whole("oncetold:version", "Write the version, or nothing.")
        if top.has("oncetold:version")
        else 0,
        title=top.text("Name", _TEXT),
        start_time=top.moment("StartDate", "Write 2026-01-01, or 2026-01-01T09:00:00Z."),
        end_time=top.moment("EndDate", "Write 2027-01-01 (the end of the day before), or a time."),
        notice_id=top.text(
            "oncetold:notice_id",
            "Write the id of the privacy notice that people are given, without spaces.",
            _NOTICE,
        ),
        parties=_parties(top, rows),
        rows=rows,
        uri=top.text("URI", "Write the address where this policy is published.", _URI),
        contact=top.text("Contact", _TEXT),
    )
    if policy.end_time <= policy.start_time and not any(
        p.field in ("StartDate", "EndDate") for p in problems
    ):
        top.problem("EndDate", "is not after StartDate", "Correct the two.")
    _check_summary(top, "Data", [terms.of_category(row.category) for row in rows], "category")
    _check_summary(top, "Purpose", [terms.of_purpose(row.purpose) for row in rows], "purpose")
    _check_rules(top, rows)
    top.done()
    if problems:
        raise PolicyRefused(problems)
    return policy


_MOST_DAYS = 36525
"""A hundred years, as in the contract."""


def _check_form(top: Fields) -> None:
    if top.has("@context") and top.take("@context", "") != terms.PREFIXES:
        top.problem("@context", "redefines terms", "Take it out: only the prefixes written here are known.")
    if top.has("@type") and top.take("@type", "") != "SharingPolicy":
        top.problem(
            "@type", "is no SharingPolicy", "Import a SharingPolicy, not a Request or other document."
        )


def _agreement_id(top: Fields) -> str:
    own = ""
    for identifier in top.objects("Identifier", _MAIS, most=1):
        value = identifier.text("value", _MAIS)
        if identifier.text("System", _MAIS, _URI) == terms.AGREEMENT_SYSTEM:
            own = value
        identifier.done()
    if top.has("oncetold:agreement_id") or not own:
        return top.text("oncetold:agreement_id", f"Choose this hub's id of the agreement. {_SHORT_ID}", _ID)
    return own


def _rows(top: Fields) -> tuple[PolicyRow, ...]:
    needs = (
        "Write one row {category, purpose, on_end, self_captured_restricted} for each pair that is shared."
    )
    found: dict[tuple[DataCategory, Purpose], PolicyRow] = {}
    for fields in top.objects("oncetold:rows", needs):
        category = fields.term("category", DataCategory, needs)
        purpose = fields.term("purpose", Purpose, needs)
        on_end = fields.term("on_end", OnEnd, "Say what becomes of copies when a permission ends.")
        captured = fields.flag("self_captured_restricted", "Write false unless the parties agreed otherwise.")
        days = 0
        if fields.has("retention_days"):
            days = fields.whole(
                "retention_days", "Write after how many days a record is erased, or leave it out."
            )
            if days > _MOST_DAYS:
                fields.problem(
                    "retention_days", f"is more than {_MOST_DAYS}", "Leave it out: no period here."
                )
        fields.done()
        if category is None or purpose is None or on_end is None:
            continue
        if (category, purpose) in found:
            fields.problem("", "names a pair a second time", "Leave one: two would end in two ways.")
        found[category, purpose] = PolicyRow(category, purpose, on_end, captured, days)
    return tuple(found.values())


def _parties(top: Fields, rows: tuple[PolicyRow, ...]) -> tuple[PolicyParty, ...]:
    needed = terms.in_order(row.purpose for row in rows)
    parties = [_party(fields, needed) for fields in top.objects("Party", _MAIS)]
    if len(parties) == 1:
        top.problem("Party", "names one agency alone", "Name at least two: nobody shares with itself.")
    ids = [party.agency_id for party in parties if party.agency_id]
    if len(set(ids)) < len(ids):
        top.problem("Party", "names an agency twice", "Name each once, with all its bases.")
    return tuple(parties)


def _party(fields: Fields, needed: list[str]) -> PolicyParty:
    name = fields.text("Name", _TEXT)
    agency_id = _agency_id(fields)
    receives_only = fields.flag(
        "oncetold:receives_only", "Write true if this party only receives, otherwise false."
    )
    needs = (
        "Write {purpose, lawful_basis, article9, article10} for each purpose: nobody guesses a basis in law."
    )
    bases: list[PolicyBasis] = []
    listed = fields.has("oncetold:bases")
    for one in fields.objects("oncetold:bases", needs, most=20):
        purpose = one.term("purpose", Purpose, needs)
        lawful = one.term("lawful_basis", LawfulBasis, "Name the UK GDPR Article 6(1) basis.")
        article9 = one.term("article9", Article9Condition, "Name it, or write null.", or_null=True)
        article10 = one.term("article10", Article10Condition, "Name it, or write null.", or_null=True)
        one.done()
        if purpose is None or lawful is None:
            needed = [] if purpose is None else [other for other in needed if other != purpose]
            continue
        if any(basis.purpose is purpose for basis in bases):
            one.problem("", "is a second basis of one purpose", "Leave one.")
        bases.append(PolicyBasis(purpose, lawful, article9, article10))
    stated = {basis.purpose for basis in bases}
    for purpose_word in needed if listed else []:
        if purpose_word not in stated:
            fields.problem("oncetold:bases", f"states no basis for {purpose_word}", needs)
    fields.done()
    return PolicyParty(agency_id, name, receives_only, tuple(bases))


def _agency_id(fields: Fields) -> str:
    """The party's id at the hub; ids in other catalogues say the same party, and are not kept."""
    listed = fields.items("CatalogueID", _MAIS)
    own = [
        one.get("value")
        for one in listed
        if isinstance(one, dict) and one.get("system") == terms.AGENCY_SYSTEM
    ]
    if len(own) == 1 and isinstance(own[0], str) and re.fullmatch(_ID, own[0]):
        return own[0]
    if listed:
        fields.problem(
            "CatalogueID",
            "does not hold one id of an agency at this hub",
            f'Add {{"value": AGENCY, "system": "{terms.AGENCY_SYSTEM}"}} with the id it has at the hub.',
        )
    return ""


def _check_summary(top: Fields, key: str, expected: list[str], word: str) -> None:
    """`Data` and `Purpose` say in MAIS's words what the rows say exactly: neither may say more."""
    stated = [terms.short(one) if isinstance(one, str) else one for one in top.items(key, _MAIS)]
    if not expected:
        return
    for number, one in enumerate(stated, start=1):
        if one not in expected:
            top.problem(
                f"{key}[{number}]",
                f"is no {word} of the rows",
                "Add its rows, or take it out: see export-mais.",
            )
    missing = [one for one in terms.in_order(expected) if one not in stated]
    if stated and missing:
        top.problem(key, f"lacks {', '.join(missing)}, of which there are rows", "Add it, or drop the rows.")


def _check_rules(top: Fields, rows: tuple[PolicyRow, ...]) -> None:
    outside = top.items("oncetold:kept_outside", "", least=0)
    for number, one in enumerate(outside, start=1):
        if one not in list(terms.UNDERSTOOD):
            top.problem(
                f"oncetold:kept_outside[{number}]",
                f"must be one of {', '.join(terms.UNDERSTOOD)}",
                "Name the field whose codes the parties see to themselves.",
            )
    codes = {key: _codes(top, key, key in outside) for key in terms.UNDERSTOOD}
    permitted, forbidden = codes["PermittedUse"], codes["Restrictions"]
    if permitted and not set(terms.READ_AND_COPY) <= set(permitted):
        needs = f"A hub does both: {', '.join(terms.READ_AND_COPY)}."
        top.problem("PermittedUse", "does not permit reading and copying", needs)
    if not set(terms.READ_AND_COPY).isdisjoint(forbidden):
        needs = "A hub delivers copies that staff read: such a policy is not for it."
        top.problem("Restrictions", "forbids reading or copying", needs)
    duties = codes["DataRecipientResponsibilities"]
    if terms.ERASING_DUTY in duties and any(row.on_end is not OnEnd.ERASE for row in rows):
        needs = "Give every row on_end ERASE, or drop the duty."
        top.problem(
            "DataRecipientResponsibilities", "demands erasure at the end, which some rows do not", needs
        )


def _codes(top: Fields, key: str, kept_outside: bool) -> list[str]:
    """The codes of one rule field, those noted that neither hub nor parties see to."""
    found = []
    for number, one in enumerate(top.items(key, _MAIS, least=int(key == "PermittedUse")), start=1):
        code = terms.short(one) if isinstance(one, str) else ""
        found.append(code)
        if not code or not (kept_outside or code in terms.UNDERSTOOD[key]):
            top.problem(
                f"{key}[{number}]",
                "is nothing that the hub can hold to",
                f"Take it out; if the parties see to it themselves, name {key} in oncetold:kept_outside.",
            )
    return found
