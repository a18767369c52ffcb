"""Signed records: what was written with a key is believed, and nothing else."""

import pytest

from aks_action.errors import Conflict
from aks_action.model.bounded import Unpackable
from aks_action.model.documents import get_in, set_in, without
from aks_action.model.manifests import Document, ref_of
from aks_action.model.records import History, naming, open_objects, read_history
from aks_action.model.records.packing import decoded, encoded
from aks_action.model.records.secrets import record_secrets, release_secret
from aks_action.model.records.selection import chosen
from tests.unit.configuration.words import NAMESPACE, config_map
from tests.unit.records.words import PARENT, RELEASE, attempt, record

OLD, NEW = "o" * 32, "n" * 32
MADE, PARTS = record(3, "v3")
(SIGNED,) = record_secrets(MADE, PARTS, [OLD])
OWN = release_secret(
    PARENT, RELEASE, attempt(4), [ref_of(config_map())], labels={}, annotations={}, keys=[OLD]
)


def found(*secrets: Document, keys: tuple[str, ...] = (OLD,)) -> History:
    return read_history(secrets, RELEASE, NAMESPACE, keys)


def test_a_signed_record_is_read_with_the_key_and_without() -> None:
    assert found(SIGNED).records == (MADE,)
    assert found(SIGNED, keys=()).records == (MADE,)
    assert found(OWN).begun == found(OWN, keys=()).begun == attempt(4)


def test_keys_can_be_changed_one_by_one() -> None:
    """The new one signs while the old one is still believed."""
    assert found(SIGNED, keys=(NEW, OLD)).records == (MADE,)
    (again,) = record_secrets(MADE, PARTS, [NEW, OLD])
    assert found(again, keys=(NEW,)).records == (MADE,)
    assert "none of the keys" in str(found(again, keys=(OLD,)).unreadable[0])


def test_what_is_not_signed_is_not_believed() -> None:
    (unsigned,) = record_secrets(MADE, PARTS)
    assert "no HMAC, which `record-key` demands" in str(found(unsigned).unreadable[0])
    assert "no HMAC" in found(without(OWN, ("data", "hmac"))).doubt


@pytest.mark.parametrize("key", ["record", "members", "sources", "objects", "hmac"])
def test_no_byte_of_a_signed_record_can_be_changed(key: str) -> None:
    """Of the objects the record has a digest, which is looked at when they are opened."""
    data = decoded(SIGNED, key)
    other = record(3, "v4")[0].packed if key == "objects" else data[:-1] + bytes([data[-1] ^ 1])
    history = found(set_in(SIGNED, ("data", key), encoded(other)))
    if key == "objects":
        (read,) = history.records
        assert (read.digest, read.packed) == (MADE.digest, other)
    else:
        assert "none of the keys" in str(history.unreadable[0])


def test_a_signature_is_of_no_other_place() -> None:
    moved = naming.record_ref(RELEASE, NAMESPACE, 4).name
    secret = set_in(SIGNED, ("metadata", "name"), moved)
    assert "none of the keys" in str(found(secret).unreadable[0])
    assert "none of the keys" in found(set_in(OWN, ("data", "touched"), "H4sI")).doubt
    taken_back = without(OWN, ("data", "attempt"))
    assert "none of the keys" in found(taken_back).doubt, "what is left out counts, too"


def test_what_was_begun_last_cannot_be_put_back_to_an_older_state() -> None:
    """Whoever may write Secrets can keep what was signed once, and write it again."""
    former = release_secret(PARENT, RELEASE, attempt(2), [], labels={}, annotations={}, keys=[OLD])
    history = found(SIGNED, former)
    assert history.begun is None
    assert "tells of record 2 as begun last, and record 3 is there" in history.doubt
    with pytest.raises(Conflict, match="what was begun last is not known"):
        chosen(history, "", "1")


@pytest.mark.parametrize(
    ("release", "namespace"), [("other", NAMESPACE), (RELEASE, "elsewhere"), ("other", "elsewhere")]
)
def test_a_signature_is_of_no_other_release_and_namespace(release: str, namespace: str) -> None:
    ref = naming.record_ref(release, namespace, 3)
    secret = set_in(SIGNED, ("metadata", "name"), ref.name)
    secret = set_in(secret, ("metadata", "namespace"), namespace)
    history = read_history([secret], release, namespace, [OLD])
    assert not history.records
    assert "none of the keys" in str(history.unreadable[0])


def test_parts_of_a_signed_record_count_in_their_order() -> None:
    """The digest is of all of them together, and is signed."""
    one, other = MADE.packed[:50], MADE.packed[50:]
    (read,) = found(record_secrets(MADE, [one, other], [OLD])[-1]).records
    assert open_objects(read, one + other)
    for parts in (other + one, one, other):
        with pytest.raises(Unpackable):
            open_objects(read, parts)


def test_the_same_record_has_always_the_same_signature() -> None:
    """It is immutable: to write it again is fine only if it is the same."""
    assert record_secrets(MADE, PARTS, [OLD]) == (SIGNED,)
    assert OLD not in str(SIGNED)
    assert get_in(SIGNED, ("data", "hmac"))
