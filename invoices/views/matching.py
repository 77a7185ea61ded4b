"""Match columns: what each column of a file means, confirmed once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from c3portal.audit.record import Action, record_changes
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.importing import intake
from invoices.matching import profiles
from invoices.matching.agreement import Agreements
from invoices.matching.column_profile import columns_in
from invoices.matching.confirming import profile_from, proposed_choice
from invoices.matching.conversion import convert
from invoices.matching.forms import MatchForm
from invoices.matching.new_columns import new_meanings
from invoices.matching.profiles import ColumnProfile
from invoices.matching.proposal import ASKED, LIKELY, Proposal, propose
from invoices.models import ImportProfile, ImportRun, ImportSettings
from invoices.reading.errors import FileRefused
from invoices.reading.table import ReadOptions, open_table
from invoices.views import column_profiles, kinds

State = ImportRun.State
NOT_LOOKED_AT = (
    "The amounts of these columns contradict one another in some rows, as “Amounts” below says, so nothing was saved. "
    "Choose other columns, or confirm there that you have looked at it."
)
# Some seconds of counting; the worker counts them all before anything is imported.
MOST_ROWS = 200_000
TAKEN = "There is a profile of this name for other columns. Choose another name."


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def match_columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what each column of a file seems to mean, and keep what a person says. `action`: "confirm", "read" (the file
    again, in another encoding or sheet), else the choices so far are shown with what is known of them."""
    run = get_object_or_404(ImportRun.objects.select_related("profile"), pk=pk)
    if run.state not in (State.COLUMNS, State.READY):
        return redirect(run)
    if request.POST.get("action") == "read":
        return _read_again(request, run)
    try:
        proposal = proposal_of(run)
    except (FileRefused, OSError) as error:
        words = intake.GONE if isinstance(error, OSError) else str(error)
        return render(request, "invoices/matching/columns.html", {"run": run, "refusal": words})
    form = _form(request, run, proposal)
    agreements = _agreements(request, run, form) if request.method == "POST" and form.is_valid() else None
    if request.POST.get("action") == "confirm" and agreements and _confirm(request, run, form, agreements):
        return redirect(run)
    counted = MOST_ROWS if proposal.rows > MOST_ROWS else 0
    context = _context(request, run, form) | {"agreements": agreements, "counted": counted}
    return render(request, "invoices/matching/columns.html", context)


def proposal_of(run: ImportRun) -> Proposal:
    """Return the proposal that the worker left on the run, else make it. Raises FileRefused, OSError."""
    if stored := run.preview.get("proposal"):
        return Proposal.from_json(stored)
    path, options = intake.path_of(run.stored_as), intake.read_options(run)
    proposal = propose(lambda: open_table(path, options))
    ImportRun.objects.filter(pk=run.pk, state=State.COLUMNS).update(preview={"proposal": proposal.as_json()})
    return proposal


def _agreements(request: HttpRequest, run: ImportRun, form: MatchForm) -> Agreements | None:
    """Count whether the amounts of the chosen columns agree, over as many rows as people wait for; None, with an error
    in the form, when the file cannot be read so."""
    choice, options = form.choice(), _options(request, run)
    read = ReadOptions(options["encoding"], options["sheet"], tuple(options.get("columns", ())))
    try:
        table = open_table(intake.path_of(run.stored_as), read)
        source = convert(table, profile_from("", form.proposal, choice), choice.constants)
        agreements = Agreements(source.computed)
        for _ in agreements.over(itertools.islice(source.rows, MOST_ROWS)):
            pass
    except (FileRefused, OSError) as error:
        form.add_error(None, intake.GONE if isinstance(error, OSError) else str(error))
        return None
    return agreements


def _options(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    """Return the run's options with how the form says that its file is to be read."""
    said = {name: request.POST.get(name, "")[:100] for name in ("encoding", "sheet")}
    return {**run.options, **{name: text or run.options.get(name, "") for name, text in said.items()}}


def _form(request: HttpRequest, run: ImportRun, proposal: Proposal) -> MatchForm:
    header = [column.name for column in proposal.columns]
    known = profiles.stored(run.profile) if run.profile else profiles.profile_for(header)
    columns = columns_in(known, header) | new_meanings(known, header) if known else proposed_choice(proposal).columns
    for each in proposal.fields.values() if known else ():
        # The profile says it.
        each.sureness = LIKELY if each.sureness == ASKED else each.sureness
    fixed = known.formats.fixed if known else {}
    is_kept = known is not None and known.pk is not None and {*known.header} == {*header}
    name = known.name if known and is_kept else _new_name(run.file_name)
    constants = run.options.get("constants", {}) if run.source == ImportRun.Source.C3 else {}
    data = request.POST if request.method == "POST" else None
    initial = {"name": name}
    return MatchForm(data, proposal=proposal, columns=columns, constants=constants, fixed=fixed, initial=initial)


def _new_name(file_name: str) -> str:
    stem = file_name.rpartition(".")[0] or file_name
    taken = {name.casefold() for name in ImportProfile.objects.values_list("name", flat=True)}
    names = (stem[:90] if count == 1 else f"{stem[:90]} {count}" for count in range(1, len(taken) + 3))
    return next(name for name in names if name.casefold() not in taken)


def _context(request: HttpRequest, run: ImportRun, form: MatchForm) -> dict[str, Any]:
    return {
        "run": run,
        "form": form,
        "proposal": form.proposal,
        "rows": form.rows(),
        "kinds": form.kinds(),
        "unused": form.unused(),
        "asks_currency": not form.column_of("CurrencyCode"),
        "asks_kind": not form.column_of("Category"),
        "is_confirming": request.POST.get("action") == "confirm",
        "encodings": _encodings(form.proposal),
    }


def _encodings(proposal: Proposal) -> list[str]:
    return list(dict.fromkeys([proposal.encoding, *proposal.other_encodings])) if proposal.encoding_is_guessed else []


def _read_again(request: HttpRequest, run: ImportRun) -> HttpResponse:
    """Have the file read in the encoding and sheet that the form says."""
    chosen = {name: request.POST.get(name, "")[:100] for name in ("encoding", "sheet")}
    intake.inspect_again(run, options={**run.options, **{name: text for name, text in chosen.items() if text}})
    return redirect("import_run", run.pk)


def _confirm(request: HttpRequest, run: ImportRun, form: MatchForm, agreements: Agreements) -> bool:
    """Keep the profile and have the file looked through with it; whether it could be kept."""
    # Of these very failures, and of no others that a later choice brought.
    if agreements.broken and request.POST.get("looked_at") != agreements.fingerprint:
        form.add_error(None, NOT_LOOKED_AT)
        return False
    choice = form.choice()
    constants = {name: text for name, text in choice.constants.items() if text}
    options = {**_options(request, run), "constants": constants}
    profile = replace(
        profile_from(form.cleaned_data["name"].strip(), form.proposal, choice),
        encoding=options.get("encoding", "")[:40],
        sheet=options.get("sheet", ""),
    )
    with transaction.atomic():
        # Two who confirm at once would both find that the name is free.
        ImportSettings.lock()
        stored = _keep(request, profile, agreements)
        if stored is None:
            form.add_error("name", TAKEN)
            return False
        if chosen := form.chosen_kinds():
            kinds.save(request, chosen)
        if not intake.inspect_again(run, profile=stored, options=options):
            messages.warning(request, "This file does not wait for its columns any more.")
    return True


def _keep(request: HttpRequest, profile: ColumnProfile, agreements: Agreements) -> ImportProfile | None:
    """Store a profile, over one of the same name when that is for the same columns; None when it is for others."""
    before = ImportProfile.objects.select_for_update(no_key=True).filter(name__iexact=profile.name).first()
    if before and {*before.header} != {*profile.header}:
        return None
    was = column_profiles.as_text(before) if before else {}
    stored = before or ImportProfile(name=profile.name)
    stored.header, stored.columns = list(profile.header), dict(profile.columns)
    stored.formats, stored.updated_by = profile.formats.as_json(), cast(User, request.user)
    # What was not asked this time stays as it was.
    stored.encoding, stored.sheet = profile.encoding or stored.encoding, profile.sheet or stored.sheet
    stored.save()
    subject = f"Settings → Column profiles: {stored.name}"
    looked_at = {"Taken as it is": "; ".join(map(str, agreements.broken))} if agreements.broken else {}
    record_changes(request, Action.MAPPING, subject, was, column_profiles.as_text(stored) | looked_at)
    return stored
