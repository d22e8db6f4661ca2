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


def ends_after_it_begins(rows: ir.Table) -> ir.BooleanValue:
    """A version is valid for some time, or still is."""
    return rows.expires_at.isnull() | (rows.effective_at < rows.expires_at)


def first_begins_by(rows: ir.Table, key: str, created_date: str) -> ir.BooleanValue:
    """The first version of a key begins on the day it was created, or before: what happened on that day has one."""
    is_first = rows.effective_at == rows.effective_at.min().over(ibis.window(group_by=key))
    return ~is_first | (rows.effective_date <= rows[created_date])


def key_names_one_id(rows: ir.Table, key: str, identity: str) -> ir.BooleanValue:
    """Two ids never share a key."""
    return rows[identity].min().over(ibis.window(group_by=key)) == rows[identity].max().over(ibis.window(group_by=key))
