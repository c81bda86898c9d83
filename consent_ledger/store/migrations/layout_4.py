"""Layout 4: keys are found by the key they are wrapped under, so that one parent's can be re-wrapped."""

from sqlalchemy import Column, Connection, Index, LargeBinary, MetaData, Table

_keys = Table("keys", MetaData(), Column("parent_id", LargeBinary(16)))
_by_parent = Index("keys_parent", _keys.c.parent_id)


def apply(connection: Connection) -> None:
    """No row changes."""
    _by_parent.create(connection)
