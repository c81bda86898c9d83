"""An access entry is read as it was written; of a reading as little as is wanted."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from uuid import UUID

from consent_ledger.access import (
    Accessed,
    AccessKind,
    PersonAccess,
    StepGroup,
    StepItem,
    StepKind,
    TermRow,
    Vouched,
    read_access_entry,
)
from consent_ledger.entry import Entry, KeyOwner
from consent_ledger.vault import ERASED_PART
from consent_ledger.vocabulary import HandlingMark, KeyCategory, PermissionState, Purpose

ORIGIN = bytes(range(16))
ROWS = (TermRow(Purpose.DIRECT_SUPPORT, "isa-1", PermissionState.ACTIVE),)
MARKS = (HandlingMark.NORDSCLCD,)
READ_ITEM = StepItem(0, b"", b"f" * 16, 3, b"")
SENT_ITEM = StepItem(7, b"e" * 16, b"f" * 16, 3, b"t" * 16)


def _entry(kind: AccessKind, step: StepKind, item: StepItem) -> tuple[Accessed, Entry]:
    group = StepGroup(step, ORIGIN, ROWS, MARKS, (item,))
    access = Accessed(
        kind, "hostel", "a name", UUID(int=1), people=(PersonAccess(UUID(int=2), True, (group,)),)
    )
    draft = access.draft(UUID(int=3))
    return access, Entry(1, draft.entry_class, draft.stream_id.bytes, 1, draft.parts, False, 0)


def test_an_access_is_read_as_it_was_written() -> None:
    for kind, step, item in (
        (AccessKind.READ, StepKind.READ, READ_ITEM),
        (AccessKind.FETCH, StepKind.DISCLOSE, SENT_ITEM),
    ):
        access, entry = _entry(kind, step, item)
        assert read_access_entry(entry) == access


def test_a_reading_without_what_was_read_still_tells_whose_it_was() -> None:
    _, entry = _entry(AccessKind.READ, StepKind.READ, READ_ITEM)
    read = read_access_entry(entry, what_was_read=False)
    assert read is not None
    [group] = read.people[0].groups
    assert (group.origin, group.items) == (ORIGIN, ())


def test_what_was_sent_is_never_left_out() -> None:
    access, entry = _entry(AccessKind.FETCH, StepKind.DISCLOSE, SENT_ITEM)
    assert read_access_entry(entry, what_was_read=False) == access


def test_whose_key_it_was_is_kept_and_nothing_is_where_nobody_kept_it() -> None:
    earlier, old = _entry(AccessKind.FETCH, StepKind.DISCLOSE, SENT_ITEM)
    assert b'"key"' not in old.parts[0].payload, "as in entries from before keys were kept"
    kept = replace(earlier, key="9f" * 32)
    draft = kept.draft(UUID(int=3))
    entry = Entry(1, draft.entry_class, draft.stream_id.bytes, 1, draft.parts, False, 0)
    read, before = read_access_entry(entry), read_access_entry(old)
    assert read is not None and before is not None
    assert (read, read.key, before.key) == (kept, "9f" * 32, "")


VOUCHED = Vouched(UUID(int=9), 1_772_442_000, "nav-1")


def _word() -> str:
    claims = {"jti": str(VOUCHED.jti), "exp": VOUCHED.expires, "sub": VOUCHED.subject, "client": "hos-3"}
    return f"head.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signed"


def test_a_word_that_names_a_client_is_sealed_as_their_reference_and_leaves_with_it() -> None:
    access = replace(_entry(AccessKind.READ, StepKind.READ, READ_ITEM)[0], assertion=_word())
    draft = access.draft(UUID(int=3), word_names=UUID(int=2))
    header, word, _ = draft.parts
    assert word.owners == (KeyOwner(UUID(int=2), KeyCategory.LINK),)
    assert _word().encode() not in header.payload and b"hos-3" not in header.payload
    whole = Entry(1, draft.entry_class, draft.stream_id.bytes, 1, draft.parts, False, 0)
    assert read_access_entry(whole) == replace(access, vouched=VOUCHED)
    # That it was used, and by whom, is known after it was erased too.
    left = whole._replace(parts=(draft.parts[0], ERASED_PART, draft.parts[2]))
    assert read_access_entry(left) == replace(access, assertion="", vouched=VOUCHED)


def test_a_word_that_names_nobody_is_sealed_for_the_hub() -> None:
    access = replace(_entry(AccessKind.READ, StepKind.READ, READ_ITEM)[0], assertion=_word())
    assert access.draft(UUID(int=3)).parts[1].owners == (KeyOwner(None, KeyCategory.ACCESS),)


def test_a_word_in_an_older_entry_stands_in_its_header() -> None:
    access, entry = _entry(AccessKind.READ, StepKind.READ, READ_ITEM)
    header = json.loads(entry.parts[0].payload) | {"assertion": _word()}
    first = entry.parts[0]
    old = type(first)(first.schema, json.dumps(header).encode(), first.owners)
    read = read_access_entry(entry._replace(parts=(old, *entry.parts[1:])))
    assert read == replace(access, assertion=_word(), vouched=VOUCHED)
