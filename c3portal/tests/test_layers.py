"""Which module may know which: the plan of docs/architecture.md as data, held against the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from c3portal.testing import BASE_DIR

# From the top down; a module imports from its own layer and those below it. The last is pure: no Django, no HTTP.
LAYERS = {
    "addresses": "c3portal.urls c3portal.sign_in.urls c3portal.wsgi c3portal.web_server "
    "xero_integration.urls invoices.urls",
    "doors": "*.views *.views.* *.templatetags *.templatetags.* *.management *.management.* *.testing c3portal.demo "
    "c3portal.apps c3portal.health c3portal.start c3portal.healthcheck c3portal.errors c3portal.metrics",
    "tasks": "invoices.tasks c3portal.checks *.context_processors c3portal.middleware "
    "c3portal.sign_in.middleware c3portal.sign_in.checks "
    "c3portal.pruning c3portal.backups c3portal.backups.* "
    "c3portal.keys c3portal.scheduler c3portal.headers c3portal.tasks",
    "forms": "c3portal.notice_forms "
    "xero_integration.forms invoices.forms invoices.tables invoices.selection invoices.downloads* "
    "invoices.drafts invoices.ignoring invoices.tracks invoices.overrides.pages c3portal.audit_trail "
    "c3portal.sign_in.forms c3portal.sign_in.passwords c3portal.sign_in.accounts c3portal.sign_in.factors "
    "c3portal.sign_in.company c3portal.sign_in.reset_links "
    "c3portal.sign_in.familiar c3portal.sign_in.passkeys c3portal.people c3portal.people_forms c3portal.invitations",
    "journey": "invoices.journey invoices.contact_links invoices.inspection",
    "steps": "invoices.notices invoices.sending invoices.recovery invoices.twins invoices.importing invoices.payments",
    "rows": "invoices.posting invoices.post_log invoices.documents invoices.differences invoices.answers "
    "invoices.drift invoices.overrides invoices.overrides.rows invoices.overrides.accounts invoices.overrides.taxes "
    "invoices.overrides.customers invoices.line_rows",
    "xero": "xero_integration.connections xero_integration.contacts",
    "reference": "xero_integration.counting "
    "xero_integration.limits xero_integration.reference c3portal.audit c3portal.heartbeats "
    "c3portal.processes c3portal.leases c3portal.moments c3portal.disks "
    "c3portal.downloads c3portal.notices c3portal.deliveries c3portal.mail c3portal.webhook_changes",
    "models": "c3portal.models c3portal.models.* c3portal.roles xero_integration.models xero_integration.models.* "
    "invoices.models invoices.models.* c3portal.bodies c3portal.at_a_time c3portal.versions",
    "calls": "xero_integration.gateway xero_integration.departure",
    "borders": "c3portal.webhooks c3portal.http_client "
    "xero_integration.calls c3portal.logs c3portal.error_reports "
    "xero_integration.oauth xero_integration.pace xero_integration.fields invoices.fields c3portal.encryption "
    "c3portal.settings c3portal.schema c3portal.messages c3portal.state "
    "c3portal.celery c3portal.broker c3portal.sessions c3portal.tracing "
    "c3portal.clock c3portal.outages c3portal.certificate "
    "c3portal.launch.* c3portal c3portal.launch c3portal.append_only c3portal.sign_in xero_integration invoices",
    "pure": "c3portal.notice_words c3portal.plain_json xero_integration.shapes "
    "xero_integration.payloads xero_integration.proof xero_integration.errors invoices.mapping "
    "invoices.preflight invoices.parsing invoices.gathering invoices.reading invoices.columns invoices.numbers "
    "xero_integration.similar_names c3portal.sign_in.browsers",
}
ORDER = {pattern: place for place, patterns in enumerate(LAYERS.values()) for pattern in patterns.split()}
APPS = ("c3portal", "xero_integration", "invoices")


def modules(*apps: str) -> Iterator[tuple[str, Path]]:
    """Yield name and file of each module that is no test and no migration."""
    for app in apps:
        for path in sorted((BASE_DIR / app).rglob("*.py")):
            parts = path.relative_to(BASE_DIR).with_suffix("").parts
            if not {"tests", "migrations"} & set(parts):
                yield ".".join(parts).removesuffix(".__init__"), path


ALL = dict(modules(*APPS))


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of whatever a module imports when it runs, wherever the statement stands in it."""
    tree = ast.parse(path.read_text())
    for node in _running(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below `node`, without what is there for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _running(child)


def module_of(name: str) -> str:
    """Return the module of ours that holds `name`, or "" for someone else's."""
    while name and name not in ALL:
        name = name.rpartition(".")[0]
    return name


def layer(module: str) -> int:
    """Return the module's layer, 0 being the top. Raises LookupError for a module that the plan does not have."""
    if module in ORDER:
        return ORDER[module]
    found = [place for pattern, place in ORDER.items() if fnmatch(module, pattern)]
    if not found:
        raise LookupError(f"{module} has no place in LAYERS: give it one.")
    return found[0]


@pytest.mark.parametrize("module", ALL)
def test_it_imports_downwards_only(module: str) -> None:
    upwards = {used for name in imports(ALL[module]) if (used := module_of(name)) and layer(used) < layer(module)}
    assert not upwards, f"{module} imports from above itself: {sorted(upwards)}"


def test_no_module_comes_back_to_itself() -> None:
    uses = {name: {used for each in imports(path) if (used := module_of(each))} - {name} for name, path in ALL.items()}
    while free := [name for name, used in uses.items() if not used & uses.keys()]:
        uses = {name: used for name, used in uses.items() if name not in free}
    assert not uses, f"These import one another in a circle, or lie above one: {sorted(uses)}"


@pytest.mark.parametrize("module", LAYERS["pure"].split())
def test_the_rules_know_neither_django_nor_the_network(module: str) -> None:
    forbidden = {"django", "requests", "celery", "redis", "socket", "urllib3"}
    assert not {name.partition(".")[0] for name in imports(ALL[module])} & forbidden


def users_of(app: str, within: tuple[str, ...]) -> list[str]:
    return [
        module
        for module, path in modules(*within)
        if any(name.partition(".")[0] == app for name in imports(path)) and not module.endswith(".testing")
    ]


def test_what_knows_xero_does_not_know_invoices() -> None:
    assert users_of("invoices", ("xero_integration",)) == []


def test_the_portal_does_not_know_the_sandbox() -> None:
    assert users_of("xero_sandbox", APPS) == []


@pytest.mark.parametrize("app", APPS)
def test_the_sandbox_does_not_know_the_portal(app: str) -> None:
    assert users_of(app, ("xero_sandbox",)) == []


def test_a_wrong_import_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("if TYPE_CHECKING:\n    import a\ndef later():\n    from invoices import posting\n")
    assert list(imports(source)) == ["invoices.posting"]
    assert module_of("invoices.posting.queue") == "invoices.posting"
    assert layer("invoices.posting") < layer("xero_integration.models") < layer("invoices.parsing")
