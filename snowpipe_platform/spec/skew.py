"""Where what a model was trained with differs from what it would be asked with."""

from collections.abc import Iterator, Mapping

import ibis

from snowpipe_platform.errors import did_you_mean
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.signature import Signature


def skew(signature: Signature, lineage: Mapping[str, object], group: FeatureGroup) -> tuple[str, ...]:
    """Each difference in words; none where the group, as it is declared now, gives what the model takes.

    lineage: of the version, which names the group it was trained on and that group's version. A feature that the group
    has and the model does not take is no difference.
    """
    return tuple(_differences(signature, lineage, group))


def _differences(signature: Signature, lineage: Mapping[str, object], group: FeatureGroup) -> Iterator[str]:
    trained_on, version = lineage.get("feature_group"), lineage.get("feature_group_version")
    if trained_on != group.name:
        yield f"it was trained on {trained_on}, and would be asked with {group.name}"
    elif version != group.version:
        yield f"it was trained on version {version} of {group.name}, which is version {group.version} now"
    types = group.feature_types
    for feature in signature.features:
        found = types.get(feature.name)
        if found is None:
            hint = did_you_mean(feature.name, list(types)).rstrip(".")
            yield f"feature {feature.name!r} is none of {group.name} ({hint})"
        elif not _is_same(feature.type, found):
            yield f"feature {feature.name!r} was {feature.type}, and is {found} in {group.name}"


def _is_same(trained: str, declared: str) -> bool:
    """A type may be written in more than one way, as bool and boolean."""
    try:
        return bool(ibis.dtype(trained.lstrip("!")) == ibis.dtype(declared.lstrip("!")))
    except Exception:  # noqa: BLE001 - whatever its parser raises, the text is no type of Ibis and so not the group's
        return False
