"""What of an API server's words is told of a Secret, and that all of it is read in linear time."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aks_action.clients.kube.errors import Asked, from_status
from aks_action.clients.kube.quoting import NOT_SHOWN, cleaned, of_secret, why_of_secret
from aks_action.model.manifests import ObjectRef

HUSH = "hush4711"
QUOTA = 'secrets "keys" is forbidden: exceeded quota: few, requested: secrets=1, limited: secrets=2'
HANDLED = 'Secret in version "v1" cannot be handled as a Secret: '
GO = "json: cannot unmarshal number into Go struct field Secret.data of type string"
TYPED = "failed to create typed patch object (shop/keys; /v1, Kind=Secret): "
ASKED = Asked(
    verb="apply",
    ref=ObjectRef(api_version="v1", kind="Secret", name="keys", namespace="shop"),
    resource="secrets",
    host="cluster.example",
)


def sent(value: object) -> bytes:
    return json.dumps({"kind": "Secret", "data": {"a": value, ".dockerconfigjson": "x"}}).encode()


WRONG = TYPED + ".data.a: expected string, got another type"
BOTH = ".data..dockerconfigjson: expected string, got{}\n  .data.a: field not declared in schema"
DENIED = 'admission webhook "policy.example" denied the request'


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (TYPED + ".data.a: expected string, got &value{" + HUSH, WRONG),
        (TYPED + f".data.a: expected string, got &{{x}} .{HUSH}: expected string, got x", WRONG),
        (
            TYPED + "errors:\n  " + BOTH.format(" &{1}"),
            TYPED + BOTH.format(" another type").replace("\n  ", "; "),
        ),
        (HANDLED + GO, "data: expected string, got number"),
        (HANDLED + "illegal base64 data at input byte 4", "illegal base64 data at input byte 4"),
        ('namespaces "shop" not found', 'namespaces "shop" not found'),
        (f"{DENIED}: {HUSH} is too weak", f"{DENIED}; {NOT_SHOWN}"),
        (QUOTA, QUOTA),
        (f'the value "{HUSH}" not found', NOT_SHOWN),
        (f'User "x" cannot "{HUSH}"', NOT_SHOWN),
        (HUSH, NOT_SHOWN),
        ("", NOT_SHOWN),
    ],
)
def test_of_a_secret_only_what_the_server_says_of_any_is_told(message: str, told: str) -> None:
    assert of_secret(message, sent([HUSH])) == told


@pytest.mark.parametrize(
    ("reason", "message", "told"),
    [
        ("FieldValueInvalid", f'Invalid value: "{HUSH}": field is immutable', "field is immutable"),
        (
            "FieldValueInvalid",
            f'Invalid value: "{HUSH}": must be no more than 63 bytes',
            "must be no more than 63 bytes",
        ),
        ("FieldValueInvalid", f"Invalid value: {HUSH}: {HUSH}", "is not a valid value"),
        ("Odd", HUSH, f"is refused; {NOT_SHOWN}"),
    ],
)
def test_the_reason_of_a_field_is_one_that_is_known(reason: str, message: str, told: str) -> None:
    assert why_of_secret(reason, message) == told


ODD = st.text(st.sampled_from(" .:;{}[]()\"'\\\n\tgotdata&"), max_size=30) | st.text(max_size=12)
AROUND = st.sampled_from(
    [
        "%s", TYPED + "%s", TYPED + ".data.a: expected string, got &{%s}", "Invalid value: %s: why",
        "Invalid value: {%s}: field is immutable", 'secrets "%s" not found', "json: %s",
        'admission webhook "w.example" denied the request: %s', TYPED + ".%s: expected string, got",
        'Secret in version "v1" cannot be handled as a Secret: %s', 'unknown field "%s',
    ]
)  # fmt: skip


@given(around=AROUND, before=ODD, after=ODD, code=st.sampled_from([400, 403, 409, 422, 500, 503]))
@example(around=TYPED + "%s", before=".data.a: expected string, got &{} .", after=": x", code=500)
def test_no_text_of_a_secret_gets_through_whatever_stands_around_it(
    around: str, before: str, after: str, code: int
) -> None:
    text = around.replace("%s", f"{before}{HUSH} {HUSH}{after}")
    cause = {"reason": "FieldValueInvalid", "field": "data.a", "message": text}
    status = {"kind": "Status", "message": text, "details": {"causes": [cause]}}
    error = from_status(status, ASKED, code=code, sent=sent([f"{before}{HUSH}{after}"]))
    assert HUSH not in f"{error} {getattr(error, 'message', '')} {getattr(error, 'causes', '')}"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "part",
    [
        "got &{",
        "} ",
        "got &{}",
        "Invalid value: ",
        "Invalid value: {",
        "}: ",
        '"',
        " .a: expected x, got ",
    ],
)
@pytest.mark.parametrize("end", ["", "} .", "}: why"])
def test_a_megabyte_is_read_in_linear_time(part: str, end: str) -> None:
    """Where the time grows with the square, this takes hours."""
    text = part * (1_000_000 // len(part)) + end
    assert len(cleaned(text)) < 500
    assert len(of_secret(TYPED + text, sent([text]))) < 500
    assert why_of_secret("", text)
