"""What a person writes into the books at Xero's own pages, held to the same rules as what comes through the API."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from xero_sandbox import wire
from xero_sandbox.api import writing
from xero_sandbox.api.document_types import KIND_OF_TYPE, Kind
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import App, Document, Organisation


def create(organisation: Organisation, kind: Kind, element: Mapping[str, Any]) -> dict[str, Any]:
    """Write a document and return the API's answer about it."""
    whole = {"Type": kind.type} | element
    return _read(writing.create_documents(_request(organisation, whole), kind).body)


def change(row: Document, element: Mapping[str, Any]) -> list[str]:
    """Lay changes (fields as the API names them) over a document; return why they were refused, if they were."""
    kind = KIND_OF_TYPE[row.type]
    request = _request(row.organisation, element, str(row.document_id))
    written = _read(writing.create_or_update_documents(request, kind).body)[kind.resource][0]
    return [error["Message"] for error in written["ValidationErrors"]]


def _request(organisation: Organisation, element: Mapping[str, Any], ident: str = "") -> ApiRequest:
    person = App(client_id="", name="")
    return ApiRequest(person, organisation, ident, QueryDict("summarizeErrors=false&unitdp=4"), "", body=element)


def _read(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = wire.decode(body)
    return answer
