"""A rule stands once: what only one module may do, the others ask it for."""

from __future__ import annotations

import ast

import pytest

from c3portal.models import roles
from c3portal.tests.imports import ALL, imports

ONLY = {
    "django.core.mail": "c3portal.notifications.email",
    "smtplib": "c3portal.notifications.email",
    "xero_integration.client.vocabulary.AccountType": "xero_integration.accounts",
    "django.utils.http.url_has_allowed_host_and_scheme": "c3portal.http.next_address",
}


@pytest.mark.parametrize("name", ONLY)
def test_it_is_used_in_one_place_alone(name: str) -> None:
    users = [module for module, path in ALL.items() if any(f"{used}.".startswith(f"{name}.") for used in imports(path))]
    assert users == [ONLY[name]]


def test_who_may_do_the_finance_work_is_written_down_once() -> None:
    named = [
        module
        for module, path in ALL.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if {"SYSTEM_ADMIN", "FINANCE_ADMIN"} == {ast.unparse(each).rpartition(".")[2] for each in _items(node)}
    ]
    assert named == ["c3portal.models.roles"]
    assert roles.FINANCE == (roles.SYSTEM_ADMIN, roles.FINANCE_ADMIN)


def _items(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return node.args
    return node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else []
