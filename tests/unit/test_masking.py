"""What hides a secret, and damages nothing else."""

from __future__ import annotations

import json

import pytest

from aks_action.model.masking import masks

KEY_FILE = """{
  "type": "service_account",
  "project_id": "shop-prod",
  "private_key_id": "0b1c2d3e4f",
  "private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhk\\nG9w0BAQEFAASCBKcwg\\n-----END\
 PRIVATE KEY-----\\n",
  "client_email": "deployer@shop-prod.iam.gserviceaccount.com",
  "token_uri": "https://oauth2.googleapis.com/token"
}"""
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhk\nG9w0BA==\n-----END PRIVATE KEY-----"


def test_of_a_key_file_lines_and_secret_values_are_masks_and_no_names_that_outputs_need() -> None:
    found = masks(KEY_FILE)
    assert {"MIIEvQIBADANBgkqhk", "G9w0BAQEFAASCBKcwg", "0b1c2d3e4f"} <= set(found)
    assert not {"{", "}", "shop-prod", "service_account"} & set(found)
    assert not [each for each in found if each.startswith("-----")]
    assert any(each.startswith('"private_key": "-----BEGIN') for each in found)


def test_a_key_file_in_one_line_is_a_mask_as_a_whole_with_its_secret_values() -> None:
    text = json.dumps(json.loads(KEY_FILE))
    assert {text, "MIIEvQIBADANBgkqhk", "0b1c2d3e4f"} <= set(masks(text))


def test_the_armour_of_a_key_is_in_every_key_and_hides_nothing() -> None:
    assert masks(PEM) == ("MIIEvQIBADANBgkqhk", "G9w0BA==")


@pytest.mark.parametrize(
    "secret",
    ["", " ", "x", "a1b2c", "}}}}}}}}", "--------", "00000000", "latest", "Password", "\n{\n}\n"],
)
def test_what_stands_everywhere_is_no_mask(secret: str) -> None:
    assert masks(secret) == ()


@pytest.mark.parametrize("secret", ["hunter2", "s3cret-t0ken", "correct horse battery", "{p4ssw}"])
def test_a_password_is_its_own_mask(secret: str) -> None:
    assert masks(f" {secret}\n") == (secret,)


def test_values_deep_in_a_document_are_found_and_too_deep_ones_are_lines() -> None:
    auths = {"auths": {"r.example": {"auth": "c29tZWJvZHk6cGFzcw=="}}, "email": "a@b.example"}
    assert "c29tZWJvZHk6cGFzcw==" in masks(json.dumps(auths))
    assert masks("[" * 5000) == ()
