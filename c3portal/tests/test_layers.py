"""Which folder may know which: the plan of docs/architecture.md as data, held against the imports."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from django.urls import URLResolver, get_resolver

from c3portal.tests.imports import ALL, PACKAGES, folder_of, imports, module_of, modules, reached_from, used_by

# From the bottom up. A module imports from its own folder and from those above it in this list. The package's own name
# stands for what lies in it beside the folders: addresses, settings, tasks.
LAYERS = (
    "c3portal.database",
    "c3portal.encryption",
    "c3portal.telemetry",
    "c3portal.outgoing",
    "c3portal.models",
    "c3portal.formats",
    "c3portal.http",
    "c3portal.processes",
    "c3portal.audit",
    "c3portal.notifications",
    "c3portal.users.sign_in",
    "c3portal.users",
    "c3portal.templatetags",
    "c3portal.launch",
    "c3portal",
    "c3portal.management.commands",
    "xero_integration.client",
    "xero_integration.models",
    "xero_integration",
    "c3_integration.client",
    "c3_integration.models",
    "c3_integration",
    "invoices.models",
    "invoices.reading",
    "invoices.matching",
    "invoices.importing",
    "invoices.documents",
    "invoices.contacts",
    "invoices.duplicates",
    "invoices.posting",
    "invoices.readback",
    "invoices.corrections",
    "invoices.changes",
    "invoices.selection",
    "invoices.preflight",
    "invoices.overrides",
    "invoices.customers",
    "invoices.fetching",
    "invoices.attention",
    "invoices.home",
    "invoices.closing",
    "invoices.listing",
    "invoices.details",
    "invoices.templatetags",
    "invoices.views",
    "invoices",
    "invoices.management.commands",
    "operations",
    "operations.backups",
    "operations.management.commands",
)
PLACE = {folder: place for place, folder in enumerate(LAYERS)}
# What holds nothing but a docstring.
EMPTY = ("c3portal.management", "invoices.management", "operations.management")


@pytest.mark.parametrize("module", ALL)
def test_it_imports_from_its_own_folder_and_below(module: str) -> None:
    here = folder_of(module)
    if here in EMPTY:
        assert not used_by(module)
        return
    above = {used for used in used_by(module) if PLACE[folder_of(used)] > PLACE[here]}
    assert not above, f"{module} imports from above itself: {sorted(above)}"


def test_every_folder_has_a_place() -> None:
    folders = {folder_of(module) for module in ALL}
    assert folders - {*LAYERS, *EMPTY} == set(), "Give these a place in LAYERS"
    assert {*LAYERS} - folders == set(), "LAYERS names folders that are not there"


def test_the_packages_stand_in_their_order() -> None:
    packages = [folder.partition(".")[0] for folder in LAYERS]
    assert packages == sorted(packages, key=PACKAGES.index)


def test_no_module_comes_back_to_itself() -> None:
    uses = {module: used_by(module) for module in ALL}
    while free := [name for name, used in uses.items() if not used & uses.keys()]:
        uses = {name: used for name, used in uses.items() if name not in free}
    assert not uses, f"These import one another in a circle, or lie above one: {sorted(uses)}"


# What a worker runs, and nobody else: a page waits for none of it, and starts without it.
WORKERS = {"invoices.posting.worker", "invoices.posting.sender", "invoices.posting.contact_step", "invoices.tasks"}
PAGES = tuple(
    module for module in ALL if {"urls", "views", "templatetags", "context_processors"} & {*module.split(".")}
)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_brings_the_worker_with_it(page: str) -> None:
    brought = reached_from(page)
    assert not {module: brought[module] for module in WORKERS & brought.keys()}, "Who imports them stands beside them"


def test_every_address_is_among_the_pages() -> None:
    assert ALL.keys() > WORKERS
    resolvers = [get_resolver()]
    views = set()
    for resolver in resolvers:
        for pattern in resolver.url_patterns:
            if isinstance(pattern, URLResolver):
                resolvers.append(pattern)
            else:
                views.add(module_of(inspect.unwrap(pattern.callback).__module__))
    assert views - {""} - reached_from(*PAGES).keys() == set()


def users_of(app: str, within: tuple[str, ...]) -> list[str]:
    return [
        module
        for module, path in modules(*within)
        if any(name.partition(".")[0] == app for name in imports(path)) and not module.endswith(".testing")
    ]


def test_xero_and_c3_do_not_know_each_other() -> None:
    assert users_of("xero_integration", ("c3_integration",)) == []
    assert users_of("c3_integration", ("xero_integration",)) == []


# Each a process of its own, for the far side of one connection.
SANDBOXES = ("xero_sandbox", "c3_sandbox")


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_the_portal_does_not_know_the_sandboxes(sandbox: str) -> None:
    assert users_of(sandbox, PACKAGES) == []


@pytest.mark.parametrize("known", [*PACKAGES, *SANDBOXES])
@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_sandbox_knows_neither_the_portal_nor_another(sandbox: str, known: str) -> None:
    assert sandbox == known or users_of(known, (sandbox,)) == []


def test_a_wrong_import_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("if TYPE_CHECKING:\n    import a\ndef later():\n    from invoices.posting import transitions\n")
    assert list(imports(source)) == ["invoices.posting.transitions"]
    assert module_of("invoices.posting.transitions.claim") == "invoices.posting.transitions"
    assert PLACE["invoices.posting"] > PLACE["xero_integration.models"] > PLACE["c3portal.http"]
