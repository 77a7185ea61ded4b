"""The side navigation: which pages it leads to, for whom, and which page belongs below which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from c3portal.models import roles


@dataclass(frozen=True)
class Entry:
    """One link: `url_name` is where it leads, `below` begins the names of the addresses that belong to it."""

    label: str
    url_name: str
    icon: str
    below: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset(roles.ALL)

    def holds(self, url_name: str) -> bool:
        """Return whether that address is this page, or one that is reached through it."""
        return url_name == self.url_name or url_name.startswith(self.below)


@dataclass(frozen=True)
class Group:
    """Links under one heading, "" for none."""

    label: str
    entries: Sequence[Entry] = field(default_factory=tuple)


_FINANCE, _ADMIN = frozenset(roles.FINANCE), frozenset({roles.SYSTEM_ADMIN})

GROUPS = (
    Group(
        "",
        (
            Entry("Home", "home", "house"),
            Entry("Needs attention", "needs_attention", "exclamation-circle"),
        ),
    ),
    Group(
        "Analyze → Business",
        (
            Entry(
                "Download Invoice/Payments",
                "invoice_list",
                "receipt",
                ("invoice", "preflight", "payload", "changed_", "selected_", "change_", "post_again", "credit_"),
            ),
            Entry("Billing periods", "periods", "calendar-check", ("period_",)),
            Entry("Post logs", "post_logs", "journal-text", ("upload",)),
            Entry("Customers", "customers", "people", ("customer", "choose_contact")),
            Entry(
                "Import",
                "import_invoices",
                "box-arrow-in-down",
                ("import_run", "import_undo", "match_columns", "held_back", "c3_fetch"),
                _FINANCE,
            ),
        ),
    ),
    Group(
        "Settings",
        (
            Entry("General", "settings_general", "gear", ("choose_organisation",), _ADMIN),
            Entry("Invoices from C3", "settings_c3", "cloud-download", ("settings_c3",), _ADMIN),
            Entry("Imports", "import_settings", "sliders", (), _ADMIN),
            Entry("Accounts", "account_overrides", "bank"),
            Entry("Taxes", "tax_overrides", "percent"),
            Entry("PO numbers", "order_overrides", "hash"),
            Entry("Column profiles", "column_profiles", "layout-three-columns", ("column_profile",)),
            Entry("Kinds", "kind_rules", "tags"),
            Entry("Users", "users", "person-gear", ("user_",), _ADMIN),
            Entry("Webhooks", "webhooks", "broadcast", ("webhook",), _ADMIN),
            Entry("Audit", "audit_record", "shield-check", (), _ADMIN),
        ),
    ),
)


def for_role(role: str) -> list[Group]:
    """Return the groups with what someone of `role` may open, without those that would be empty."""
    shown = [Group(each.label, [entry for entry in each.entries if role in entry.roles]) for each in GROUPS]
    return [each for each in shown if each.entries]


def current(groups: Sequence[Group], url_name: str) -> Entry | None:
    """Return the entry of the page named `url_name`, None where none holds it; the same name wins over a beginning."""
    entries = [entry for group in groups for entry in group.entries]
    exact = next((entry for entry in entries if entry.url_name == url_name), None)
    return exact or next((entry for entry in entries if entry.holds(url_name)), None)
