"""The environment's one custom domain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sandbox.imgwire.support import Api

DOMAIN = "/api/v1/custom_domain/"
TEST = "/api/v1/custom_domain/test_connection"


def test_without_a_domain_everything_is_404(api: Api) -> None:
    statuses = [
        api.http.get(DOMAIN).status_code,
        api.http.delete(DOMAIN).status_code,
        api.http.post(TEST).status_code,
    ]

    assert statuses == [404, 404, 404]


def test_a_domain_is_created_connected_and_deleted(api: Api) -> None:
    created = api.http.post(DOMAIN, json={"hostname": "Images.example.com"}).json()
    assert (created["status"], created["certificate_status"], created["last_verified_at"]) == (
        "PENDING",
        "PENDING",
        None,
    )
    assert created["cname_record"] == created["hostname"] == "images.example.com"
    assert created["dcv_cname_record"] == "_acme-challenge.images.example.com"
    assert api.http.get(DOMAIN).json() == created

    tested = api.http.post(TEST).json()

    assert (tested["status"], tested["certificate_status"]) == ("CONNECTED", "ACTIVE")
    assert tested["last_verified_at"] is not None
    assert api.http.delete(DOMAIN).json() == {"status": "deleted"}
    assert api.http.get(DOMAIN).status_code == 404


def test_a_second_domain_is_409(api: Api) -> None:
    api.http.post(DOMAIN, json={"hostname": "a.example.com"})

    assert api.http.post(DOMAIN, json={"hostname": "b.example.com"}).status_code == 409


@pytest.mark.parametrize(
    "hostname",
    ["", "example.com", "https://a.example.com", "a.example.com/x", "a.example.com:80", "a example.com",
     "a..example.com", "-a.example.com", "a.example.com?x", "a.example.com\n", "*.example.com", "1.2.3.4",
     "a." * 126 + "com"],
)  # fmt: skip
def test_only_subdomains_are_accepted(api: Api, hostname: str) -> None:
    assert api.http.post(DOMAIN, json={"hostname": hostname}).status_code == 422


def test_dns_may_never_be_published(start_api: Callable[..., Api]) -> None:
    api = start_api(custom_domain_connects=False, claimed_hostnames=("taken.example.com",))
    api.http.post(DOMAIN, json={"hostname": "a.example.com"})

    tested = api.http.post(TEST).json()

    assert (tested["status"], tested["certificate_status"]) == ("PENDING", "PENDING")


def test_a_hostname_of_another_environment_is_409(start_api: Callable[..., Api]) -> None:
    api = start_api(claimed_hostnames=("taken.example.com",))

    assert api.http.post(DOMAIN, json={"hostname": "taken.example.com"}).status_code == 409
