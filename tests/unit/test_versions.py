"""Which kind of release a version names."""

import pytest

from aks_action.model.versions import ReleaseType, release_type


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v1.2.0", ReleaseType.STABLE),
        ("1.2.0", ReleaseType.STABLE),
        ("v2", ReleaseType.STABLE),
        ("v1.2.0+build.5", ReleaseType.STABLE),
        ("v1.2.0-rc.1", ReleaseType.RC),
        ("v1.2.0rc1", ReleaseType.RC),
        ("v1.2.0-RC1", ReleaseType.RC),
        ("v1.2.0-beta.2", ReleaseType.BETA),
        ("1.2.0b2", ReleaseType.BETA),
        ("v1.2.0-alpha", ReleaseType.ALPHA),
        ("v1.2.0a1", ReleaseType.ALPHA),
        ("v1.2.0-alpha.1+sha.abc", ReleaseType.ALPHA),
    ],
)
def test_a_version_tells_its_kind_of_release(version: str, expected: ReleaseType) -> None:
    assert release_type(version) is expected


@pytest.mark.parametrize(
    "version", ["latest", "", "v", "master", "v1.2.0-dev", "v1.2.0-1", "1.2.0-rc.1-dirty", "v1.2.x"]
)
def test_what_is_no_known_version_never_passes_for_a_stable_one(version: str) -> None:
    assert release_type(version) is ReleaseType.NONE
