"""One column to one field: what kinds there are, which field takes which, and how a value is read.

The kind is a promise about the column. `text` is words somebody wrote, and goes to a free-text field only;
every other kind refuses values that look like words, so that a note cannot travel as a code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from oncetold.v1 import common_pb2
from oncetold.v1.common_pb2 import CategorisedAnswer, Coding, DataCategory, FreeText

KINDS = ("code", "date", "number", "name", "text", "yes_no")
SETTINGS = {
    "column",
    "kind",
    "field",
    "system",
    "codes",
    "question",
    "question_system",
    "category",
    "release",
}
# A code has no spaces and is short: a sentence never matches.
CODE = re.compile(r"[!-~]{1,40}")
LEAVES = {"Coding", "FreeText", "CategorisedAnswer"}
LONGEST_NAME = 100
LONGEST_TEXT = 20_000
# Control characters and bidirectional overrides, which the contract refuses; \n and \t are allowed in text
# only.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
YES = {"1", "y", "yes", "true", "t"}
NO = {"0", "n", "no", "false", "f"}


class ColumnProblem(Exception):
    """A column is declared wrongly; `sentence` says how to declare it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class RowRejected(Exception):
    """A value is not what its column promises; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column. `target` is the field's message name, or its scalar type for a plain field."""

    column: str
    kind: str
    path: str
    fields: tuple[str, ...]
    target: str
    repeated: bool
    system: str
    codes: Mapping[str, str] | None
    question: str
    question_system: str
    category: int
    release: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a value: written into the record, or a text kept home."""

    written: bool = False
    kept_home: bool = False


def read_column(entry: Mapping[str, object], body: Descriptor) -> Column:
    """Reads one declaration against the record type it is for. ColumnProblem if it may not be."""
    unknown = sorted(set(entry) - SETTINGS)
    if unknown:
        raise ColumnProblem(f"{unknown[0]} is not a setting.")
    words = {key: entry.get(key, "") for key in SETTINGS - {"codes"}}
    for key, value in words.items():
        if not isinstance(value, str):
            raise ColumnProblem(f"{key} must be a text in quotes.")
    setting = {key: str(value) for key, value in words.items()}
    if not setting["column"] or not setting["field"]:
        raise ColumnProblem("column and field are needed.")
    if setting["kind"] not in KINDS:
        raise ColumnProblem(f"kind must be one of {', '.join(KINDS)}.")
    found = _field(setting["field"], body)
    target = found.message_type.name if found.message_type is not None else _scalar(found)
    _check_pair(setting, target, found)
    return Column(
        column=setting["column"],
        kind=setting["kind"],
        path=setting["field"],
        fields=tuple(setting["field"].split(".")),
        target=target,
        repeated=found.is_repeated,
        system=setting["system"],
        codes=_codes(entry.get("codes")),
        question=setting["question"] or setting["column"],
        question_system=setting["question_system"] or setting["system"],
        category=_category(setting["category"]),
        release=setting["release"] or None,
    )


def _check_pair(setting: Mapping[str, str], target: str, found: FieldDescriptor) -> None:
    kind, path = setting["kind"], setting["field"]
    if kind == "text":
        if not (target == "FreeText" and _is_free_text(found)):
            raise ColumnProblem(
                f"a text column may hold anything about anyone, so it is very restricted (V), and {path} is "
                "not free text: map it to a free-text field, or leave it out."
            )
        if not setting["release"]:
            raise ColumnProblem(
                f"{path} needs release = the column in which the author names what is released; "
                "a row without them keeps its text home."
            )
        return
    if target == "FreeText":
        raise ColumnProblem(f"{path} is free text: its kind must be text, with a release column.")
    takes = {
        "code": {"Coding", "CategorisedAnswer", "STRING", "CATEGORY"},
        "date": {"DATE", "CategorisedAnswer"},
        "number": {"WHOLE", "CategorisedAnswer"},
        "name": {"STRING"},
        "yes_no": {"BOOL", "CategorisedAnswer"},
    }
    if target not in takes[kind]:
        raise ColumnProblem(f"{path} does not take kind {kind}.")
    if target == "CategorisedAnswer":
        if not setting["category"]:
            raise ColumnProblem(f"{path} needs category: what this answer is about.")
        if not (setting["question_system"] or setting["system"]):
            raise ColumnProblem(f"{path} needs question_system: the coding system that the question is from.")
    if kind == "code" and target in LEAVES and not setting["system"]:
        raise ColumnProblem(f"{path} needs system: the coding system that the codes are from.")


def _field(path: str, body: Descriptor) -> FieldDescriptor:
    """The field at a dotted path, e.g. `place.postcode`. Only the last step may be repeated."""
    message: Descriptor | None = body
    found: FieldDescriptor | None = None
    for step in path.split("."):
        if message is None or (found is not None and found.is_repeated) or message.name in LEAVES:
            raise ColumnProblem(f"{path} goes too deep: name the field itself.")
        found = message.fields_by_name.get(step)
        if found is None:
            raise ColumnProblem(f"{body.name} has no field {path}.")
        message = found.message_type
    if found is None or (found.message_type is not None and found.message_type.name not in LEAVES):
        raise ColumnProblem(f"{path} has parts: name one of them.")
    return found


def _is_free_text(found: FieldDescriptor) -> bool:
    return bool(found.GetOptions().Extensions[common_pb2.free_text])


def _scalar(found: FieldDescriptor) -> str:
    if found.type == FieldDescriptor.TYPE_STRING:
        return "DATE" if found.name.endswith("_date") else "STRING"
    if found.enum_type is DataCategory.DESCRIPTOR:
        return "CATEGORY"
    return "BOOL" if found.type == FieldDescriptor.TYPE_BOOL else "WHOLE"


def _codes(raw: object) -> Mapping[str, str] | None:
    if raw is None:
        return None
    if (
        isinstance(raw, Mapping)
        and raw
        and all(isinstance(value, str) and CODE.fullmatch(value) for value in raw.values())
    ):
        return {str(key): str(value) for key, value in raw.items()}
    raise ColumnProblem("codes must be a table from each value of the column to a code without spaces.")


def _category(name: str) -> int:
    if not name:
        return 0
    try:
        return DataCategory.Value(f"DATA_CATEGORY_{name}")
    except ValueError:
        raise ColumnProblem("category is not one the contract knows.") from None


def put(body: Message, column: Column, row: Mapping[str, object]) -> Outcome:
    """Writes one value into a record's body. An empty value writes nothing. RowRejected if it is not of its
    kind."""
    value = row[column.column]
    if value is None or (isinstance(value, str) and not value.strip()):
        return Outcome()
    if column.kind == "text":
        return _put_text(body, column, value, row[column.release or ""])
    holder = body
    for step in column.fields[:-1]:
        holder = getattr(holder, step)
    name = column.fields[-1]
    if column.target == "Coding":
        coding = Coding(system=column.system, code=_code(value, column))
        if column.repeated:
            getattr(holder, name).append(coding)
        else:
            getattr(holder, name).CopyFrom(coding)
    elif column.target == "CategorisedAnswer":
        answer = _answer(value, column)
        if column.repeated:
            getattr(holder, name).append(answer)
        else:
            getattr(holder, name).CopyFrom(answer)
    else:
        setattr(holder, name, _plain(value, column))
    return Outcome(written=True)


def _put_text(body: Message, column: Column, value: object, release: object) -> Outcome:
    """Words go only with the categories that their author released in this very row."""
    released = _released(release)
    if not released:
        return Outcome(kept_home=True)
    words = str(value).replace("\r\n", "\n").replace("\r", "\n")
    if len(words) > LONGEST_TEXT:
        raise RowRejected("TEXT_TOO_LONG")
    if UNSAFE.search(words):
        raise RowRejected("TEXT_CONTROL_CHARACTER")
    holder = body
    for step in column.fields[:-1]:
        holder = getattr(holder, step)
    getattr(holder, column.fields[-1]).CopyFrom(FreeText(text=words, released_categories=released))
    return Outcome(written=True)


def _released(value: object) -> list[DataCategory.ValueType]:
    """Category names separated by commas, semicolons or spaces. A wrong name rejects the row: guessing would
    release."""
    if value is None:
        return []
    if not isinstance(value, str):
        raise RowRejected("RELEASE_INVALID")
    names = [name for name in re.split(r"[,;\s]+", value.strip()) if name]
    try:
        found = {DataCategory.Value(f"DATA_CATEGORY_{name}") for name in names}
    except ValueError:
        raise RowRejected("RELEASE_INVALID") from None
    if 0 in found:
        raise RowRejected("RELEASE_INVALID")
    return sorted(found)


def _code(value: object, column: Column) -> str:
    shown = str(int(value)) if isinstance(value, bool) else str(value).strip()
    if column.codes is not None:
        if shown not in column.codes:
            raise RowRejected("CODE_UNKNOWN")
        return column.codes[shown]
    if not CODE.fullmatch(shown):
        raise RowRejected("CODE_INVALID")
    return shown


def _named(category: str) -> int:
    """A category by its name. A wrong name rejects the row: guessing would tell what is hidden."""
    try:
        number = DataCategory.Value(f"DATA_CATEGORY_{category}")
    except ValueError:
        raise RowRejected("CODE_UNKNOWN") from None
    if not number:
        raise RowRejected("CODE_UNKNOWN")
    return number


def _answer(value: object, column: Column) -> CategorisedAnswer:
    question = Coding(system=column.question_system, code=column.question)
    answer = CategorisedAnswer(category=column.category, question=question)  # type: ignore[arg-type]  # from the enum
    if column.kind == "code":
        answer.coded.CopyFrom(Coding(system=column.system, code=_code(value, column)))
    elif column.kind == "date":
        answer.date = _date(value)
    elif column.kind == "yes_no":
        answer.yes = _yes_no(value)
    else:
        number = _number(value)
        if number == number.to_integral_value() and abs(number) < 2**63 and "." not in str(value):
            answer.whole_number = int(number)
        else:
            answer.decimal = f"{number:f}"
    return answer


def _plain(value: object, column: Column) -> str | int | bool:
    if column.target == "CATEGORY":
        return _named(_code(value, column))
    if column.kind == "date":
        return _date(value)
    if column.kind == "yes_no":
        return _yes_no(value)
    if column.kind == "number":
        number = _number(value)
        if number != number.to_integral_value() or not 0 <= number < 2**32:
            raise RowRejected("NUMBER_INVALID")
        return int(number)
    if column.kind == "code":
        return _code(value, column)
    shown = str(value).strip()
    if len(shown) > LONGEST_NAME or UNSAFE.search(shown) or "\n" in shown or "\t" in shown:
        raise RowRejected("NAME_INVALID")
    return shown


def _date(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return date.fromisoformat(str(value).strip()).isoformat()
    except ValueError:
        raise RowRejected("IMPOSSIBLE_DATE") from None


def _number(value: object) -> Decimal:
    """A finite decimal of at most 15 digits before and 6 after the point, as the contract takes it."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise RowRejected("NUMBER_INVALID") from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -6 or number.adjusted() > 14:
        raise RowRejected("NUMBER_INVALID")
    return number


def _yes_no(value: object) -> bool:
    shown = str(value).strip().lower()
    if shown in YES or value is True:
        return True
    if shown in NO or value is False:
        return False
    raise RowRejected("YES_NO_INVALID")
