"""Where a reader may be sent on to."""

import pytest
from django.test import RequestFactory

from c3portal.http.next_address import is_ours, next_address
from c3portal.http.tests.test_odd_requests import ELSEWHERE


@pytest.mark.parametrize("address", [*ELSEWHERE, "", "http://[", "http://testserver.evil.example/", "x" * 5000])
def test_it_leads_to_no_other_site(address: str, rf: RequestFactory) -> None:
    request = rf.get("/", {"next": address})
    assert not is_ours(request, address)
    assert next_address(request) == ""


@pytest.mark.parametrize("address", ["/invoices/logs/?a=1", "contacts/", "http://testserver/invoices/"])
def test_it_leads_to_a_page_of_the_portal(address: str, rf: RequestFactory) -> None:
    assert next_address(rf.get("/", {"next": address})) == address


def test_where_the_request_came_by_https_it_leads_to_no_plain_http(rf: RequestFactory) -> None:
    assert not is_ours(rf.get("/", secure=True), "http://testserver/invoices/")


def test_another_name_of_the_portal_is_another_site(rf: RequestFactory) -> None:
    """A host in ALLOWED_HOSTS may answer with another portal, or with nothing of ours."""
    assert not is_ours(rf.get("/"), "http://localhost/invoices/")
