"""Layout 4: keys are found by the key they are wrapped under, so that one parent's can be re-wrapped.

Records published before have their header under their category's key itself, and the state says up to where:
such a key stays when a record of the category is erased, or the headers of the others would go with it.
"""

from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, MetaData, String, Table, select

_keys = Table("keys", MetaData(), Column("parent_id", LargeBinary(16)))
_by_parent = Index("keys_parent", _keys.c.parent_id)
_head = Table("head", MetaData(), Column("size", BigInteger))
_state = Table("log_state", MetaData(), Column("name", String(64)), Column("value", LargeBinary))


def apply(connection: Connection) -> None:
    """No row changes."""
    _by_parent.create(connection)
    size = connection.execute(select(_head.c.size)).scalar_one()
    if size:
        connection.execute(_state.insert().values(name="sealed-directly-through", value=size.to_bytes(8)))
