"""What the rules of every dimension share: versions of one key neither overlap nor repeat."""

import ibis
import ibis.expr.types as ir


def next_start(rows: ir.Table, key: str) -> ir.TimestampValue:
    """When the key's next version begins; null for the last."""
    return rows.effective_at.lead().over(ibis.window(group_by=key, order_by="effective_at"))


def versions_do_not_overlap(rows: ir.Table, key: str) -> ir.BooleanValue:
    """A version ends before, or when, the next begins; only the last may be open."""
    following = next_start(rows, key)
    return following.isnull() | (rows.expires_at.notnull() & (rows.expires_at <= following))


def key_names_one_id(rows: ir.Table, key: str, identity: str) -> ir.BooleanValue:
    """Two ids never share a key."""
    return rows[identity].min().over(ibis.window(group_by=key)) == rows[identity].max().over(ibis.window(group_by=key))
