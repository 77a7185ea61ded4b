"""Customers and their contacts in Xero."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from c3portal.audit.record import Action, record, record_changes
from c3portal.http import confirmation
from c3portal.http.next_address import next_address
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.contacts import link_statuses, matching, resellers, standings
from invoices.contacts.link_statuses import LinkStatus, State
from invoices.contacts.matching import NotLinked
from invoices.contacts.standings import Standings
from invoices.customers.listing import Filter
from invoices.importing import locks
from invoices.models import Customer
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection

MAX_PROBLEMS_SHOWN = 5


@require_safe
@role_required(*roles.ALL)
def contacts_page(request: HttpRequest) -> HttpResponseBase:
    """Lead on to the customers, who are listed there with their contacts."""
    return redirect(_list(Filter(request.GET)))


def _list(asked: Filter) -> str:
    query = asked.kept()
    return f"{reverse('customers')}?{query}" if query else reverse("customers")


def _back(request: HttpRequest) -> str:
    """Return where a form of contacts leads: to the page that had it, else to the view of the list that it names."""
    return next_address(request) or _list(Filter(QueryDict(request.POST.get("back", ""))))


@require_POST
@role_required(*roles.FINANCE)
def contacts_do(request: HttpRequest) -> HttpResponseBase:
    """Do the `action` (link, create, unlink) for the ticked customers, or with `all` for those of the filter."""
    query = Filter(QueryDict(request.POST.get("back", "")))
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is None:
        raise BadRequest("There is no such action.")
    if connection := _connection(request):
        everything = "all" in request.POST
        if not everything and not request.POST.getlist("customer"):
            messages.warning(request, "Nothing was selected. Tick the customers it is about.")
        elif action is _unlink and not everything and not confirmation.is_sure(request):
            return _ask_to_unlink(request, _chosen(request, connection, query))
        else:
            action(request, connection, _chosen(request, connection, query), everything)
    return redirect(_back(request))


def _ask_to_unlink(request: HttpRequest, chosen: Sequence[LinkStatus]) -> HttpResponseBase:
    names = [f"{each.customer.name}: {each.linked or 'no contact'}" for each in chosen]
    more = len(names) - MAX_PROBLEMS_SHOWN
    follows = [
        *names[:MAX_PROBLEMS_SHOWN],
        *([f"And {more:,} more."] if more > 0 else []),
        "The next upload links none of them to the same contact again by itself: it finds another, or creates one.",
        "Nothing is changed in Xero.",
    ]
    return confirmation.ask(
        request,
        f"Unlink {_customers(len(chosen))}?",
        follows,
        "Unlink",
        back=_back(request),
        kept=[
            ("action", "unlink"),
            ("back", request.POST.get("back", "")),
            *(("customer", str(each.customer.pk)) for each in chosen),
        ],
    )


def _connection(request: HttpRequest) -> XeroConnection | None:
    connection = XeroConnection.objects.current()
    if connection is None or not connection.is_usable:
        messages.error(request, "Contacts are those of an organisation in Xero: connect first.")
        return None
    return connection


def _chosen(request: HttpRequest, connection: XeroConnection, asked: Filter) -> list[LinkStatus]:
    if "all" in request.POST:
        shown = asked.shown(connection, asked.found(Standings(connection).everyone))
        ticked = {str(each.pk) for each in shown}
    else:
        ticked = set(request.POST.getlist("customer"))
    return [each for each in link_statuses.link_statuses(connection) if str(each.customer.pk) in ticked]


@contextmanager
def _recorded(
    request: HttpRequest, connection: XeroConnection, what: str, customers: Sequence[Customer]
) -> Iterator[None]:
    """Record whose contacts were changed, even when it ended half way."""
    before = matching.linked(connection, customers)
    try:
        yield
    finally:
        after = matching.linked(connection, customers)
        record_changes(request, Action.CONTACT, f"Contacts of {connection.name} {what}", before, after)


@contextmanager
def _changed(
    request: HttpRequest, connection: XeroConnection, what: str, customers: Sequence[Customer]
) -> Iterator[None]:
    """Change contacts and record it, or neither; one at a time for each customer."""
    keys = [customer.pk for customer in customers]
    with transaction.atomic():
        locks.hold_customers(keys)
        with _recorded(request, connection, what, customers):
            yield


def _link(request: HttpRequest, connection: XeroConnection, chosen: Sequence[LinkStatus], everything: bool) -> None:
    # Of a whole filter only what is sure: a similar name needs to be looked at.
    if everything:
        pairs = {
            each.customer.tenant_id: each.suggestion.contact_id
            for each in chosen
            if each.suggestion and each.suggestion.is_sure
        }
    else:
        shown = {each.customer.tenant_id: request.POST.get(f"suggested-{each.customer.pk}", "") for each in chosen}
        pairs = {key: contact_id for key, contact_id in shown.items() if contact_id}
    try:
        with _changed(request, connection, "linked", [each.customer for each in chosen]):
            linked, problems = matching.link(connection, pairs) if pairs else (0, [])
    except NotLinked as error:
        messages.error(request, str(error))
        return
    _report(request, linked, "linked", problems)
    if left := len(chosen) - len(pairs):
        why = (
            "a similar name is linked when its own box is ticked" if everything else "no contact is suggested for them"
        )
        messages.info(request, f"{_customers(left)} left out: {why}.")


def _create(request: HttpRequest, connection: XeroConnection, chosen: Sequence[LinkStatus], everything: bool) -> None:
    # Of a whole filter not for those whose contact may be there already.
    able = [
        each
        for each in chosen
        if not each.linked and not resellers.is_another(each.customer) and not (everything and _needs_review(each))
    ]
    customers = [each.customer for each in able]
    try:
        outcome = matching.create(connection, customers, _recorded(request, connection, "created", customers))
    except (NotLinked, XeroError) as error:
        messages.error(request, f"Not all were created: {error}")
        return
    names = {each.customer.tenant_id: each.customer.name for each in able}
    _report(
        request, outcome.created, "created in Xero", [f"{names[key]}: {why}" for key, why in outcome.problems.items()]
    )
    if found := outcome.linked - outcome.created:
        messages.info(request, f"{_customers(found)} had a contact with their number or name: linked to that.")
    if left := len(chosen) - len(able):
        why = "have a contact, or need a look: tick their own box" if everything else "have a contact already"
        messages.info(request, f"{_customers(left)} left out: they {why}.")
    if (more := len(able) - matching.MOST_AT_ONCE) > 0:
        messages.info(request, f"{_customers(more)} to go: press Create in Xero again.")


def _needs_review(each: LinkStatus) -> bool:
    is_guess = each.suggestion is not None and not each.suggestion.is_sure
    return is_guess or each.state in (State.CHOOSE, State.CLASH, State.ARCHIVED, State.VIA_RESELLER)


def _unlink(request: HttpRequest, connection: XeroConnection, chosen: Sequence[LinkStatus], everything: bool) -> None:
    # The next upload would create all those contacts anew.
    if everything:
        messages.warning(request, "Unlinking takes ticked customers only, not a whole filter.")
        return
    with _changed(request, connection, "unlinked", [each.customer for each in chosen]):
        count = matching.unlink(connection, [each.customer for each in chosen])
    messages.success(
        request, f"{_customers(count)} unlinked, which counts from the next upload on. Nothing was changed in Xero."
    )


ACTIONS: dict[str, Callable[[HttpRequest, XeroConnection, Sequence[LinkStatus], bool], None]] = {
    "link": _link,
    "create": _create,
    "unlink": _unlink,
}


def _customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _report(request: HttpRequest, count: int, what: str, problems: Sequence[str]) -> None:
    if count or not problems:
        messages.success(request, f"{_customers(count)} {what}.")
    if problems:
        more = len(problems) - MAX_PROBLEMS_SHOWN
        rest = f" And {more:,} more." if more > 0 else ""
        messages.error(request, f"Not {what}: {' '.join(problems[:MAX_PROBLEMS_SHOWN])}{rest}")


@require_POST
@role_required(*roles.FINANCE)
def read_contacts(request: HttpRequest) -> HttpResponseBase:
    """Read the contacts from Xero again."""
    if connection := _connection(request):
        try:
            count = matching.read_again(connection)
        except (NotLinked, XeroError) as error:
            messages.error(request, f"Contacts could not be read: {error}")
        else:
            record(request, Action.OPERATION, f"The contacts of {connection.name} were refreshed: {count:,}")
            messages.success(request, f"{count:,} contacts of {connection.name} were read.")
    return redirect(_back(request))


@role_required(*roles.FINANCE)
def choose_contact(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Choose a customer's contact by hand, from those that may be it or that `q` finds."""
    customer = get_object_or_404(Customer, pk=pk)
    connection = _connection(request)
    if connection is None:
        return redirect("customers")
    if request.method == "POST":
        return _chosen_by_hand(request, connection, customer)
    words = request.GET.get("q", "").strip()
    context = {
        "customer": customer,
        "standing": standings.of_one(connection, customer),
        "candidates": matching.candidates(connection, customer, words),
        "search": words,
        "contact_url": connection.contact_url(""),
        "back": Filter(QueryDict(request.GET.get("back", ""))).kept(),
        "next": next_address(request),
    }
    return render(request, "invoices/contacts/choose.html", context)


@require_POST
@role_required(*roles.FINANCE)
def answer_contact(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Say which of the contacts shown (`shown`, ids) the customer is (`contact`), or with `another` that it is none."""
    customer = get_object_or_404(Customer, pk=pk)
    if connection := _connection(request):
        try:
            if "another" in request.POST:
                _set_apart(request, connection, customer)
            else:
                _use(request, connection, customer)
        except NotLinked as error:
            messages.error(request, str(error))
    return redirect(next_address(request) or "customers")


def _use(request: HttpRequest, connection: XeroConnection, customer: Customer) -> None:
    with _changed(request, connection, "chosen before posting", [customer]):
        linked, problems = matching.link(connection, {customer.tenant_id: request.POST.get("contact", "")})
    if linked:
        messages.success(request, f"{customer.name} is linked.")
    else:
        messages.error(request, " ".join(problems))


def _set_apart(request: HttpRequest, connection: XeroConnection, customer: Customer) -> None:
    with transaction.atomic():
        names = matching.set_apart(connection, customer, request.POST.getlist("shown"))
        words = f"{customer.name} ({customer.tenant_id}) gets a contact of its own in {connection.name}"
        record(request, Action.CONTACT, words, after={"It is none of": ", ".join(names)})
    messages.success(request, f"The next upload creates a contact for {customer.name}.")


def _chosen_by_hand(request: HttpRequest, connection: XeroConnection, customer: Customer) -> HttpResponseBase:
    try:
        with _changed(request, connection, "chosen by hand", [customer]):
            linked, problems = matching.link(connection, {customer.tenant_id: request.POST.get("contact", "")})
    except NotLinked as error:
        linked, problems = 0, [str(error)]
    if linked:
        messages.success(request, f"{customer.name} is linked, which counts from the next upload on.")
        return redirect(_back(request))
    messages.error(request, " ".join(problems))
    kept = {"back": request.POST.get("back", ""), "next": next_address(request)}
    query = urlencode({name: value for name, value in kept.items() if value})
    return redirect(f"{reverse('choose_contact', args=[customer.pk])}?{query}")
