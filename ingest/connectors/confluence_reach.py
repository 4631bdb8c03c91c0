"""Does an audience reach anybody, given who is in which group?"""

from collections.abc import Mapping, Sequence

from ingest.changes import Memberships
from ingest.connectors.confluence_access import Layer
from kb.access import Audience, grantee


def reachable(layers: Audience, memberships: Memberships) -> bool:
    """Does every layer reach somebody: everyone, a person, a group of the settings, or a group with somebody in it?"""
    groups = {f"group:{name.lower()}": members for name, members in memberships.groups.items()}
    return all(_reaches(layer, groups) for layer in layers.layers)


def _reaches(layer: Layer, groups: Mapping[str, Sequence[str]]) -> bool:
    seen: set[str] = set()
    waiting = list(layer)
    while waiting:
        word = waiting.pop()
        if word not in groups:
            return True
        if word not in seen:
            seen.add(word)
            waiting += [grantee(member) for member in groups[word]]
    return False
