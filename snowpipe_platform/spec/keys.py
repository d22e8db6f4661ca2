"""The key of an id outside an engine; in expressions it is `cleaning.stable_key`."""

import hashlib

KEY_BITS = 60


def key_of(identity: str) -> int:
    """A 60-bit key of a text: the first 15 hex digits of its md5."""
    return int(hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest()[:15], 16)
