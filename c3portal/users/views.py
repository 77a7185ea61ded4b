"""Settings → Users: who works in the portal, and with which role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from c3portal.http import confirmation
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.users import administration, invitations
from c3portal.users.forms import InvitationForm, RoleForm

admins_only = role_required(roles.SYSTEM_ADMIN)


@dataclass(frozen=True)
class Action:
    """Something to confirm before it is done; `follows` are sentences on its effects."""

    title: str
    follows: tuple[str, ...]
    button: str
    do: Callable[[HttpRequest, User], None]
    done: str


ACTIONS = {
    "deactivate": Action(
        "Deactivate {user}?",
        (
            "They are signed out everywhere at once and cannot sign in, not by their company's account either.",
            "Their uploads go on, and the record keeps their name. You can let them in again.",
        ),
        "Deactivate",
        administration.deactivate,
        "{user} is deactivated and signed out everywhere.",
    ),
    "activate": Action(
        "Let {user} in again?",
        ("With their earlier password and second factor, as {role}.",),
        "Let in again",
        administration.activate,
        "{user} can sign in again.",
    ),
    "second-factor": Action(
        "Remove the second factor of {user}?",
        (
            "Be sure that it is {user} who asks: speak with them, do not rely on an e-mail.",
            "App, passkeys and recovery codes stop working at once, and they are signed out everywhere. "
            "Until they set up a new one, the password alone lets them in.",
        ),
        "Remove",
        administration.take_second_factor,
        "{user} has no second factor any more, and is signed out everywhere.",
    ),
}


@require_safe
@admins_only
def users(request: HttpRequest) -> HttpResponseBase:
    """List all users."""
    return render(request, "users/list.html", {"people": administration.everyone()})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def invite(request: HttpRequest) -> HttpResponseBase:
    """Invite someone by mail, or by a link to hand over."""
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            user = administration.invite(request, cleaned["email"], cleaned["name"], cleaned["role"])
        except administration.NotDone as error:
            form.add_error("email", str(error))
        else:
            return _send(request, user)
    return render(request, "users/invite.html", {"form": form, "days": invitations.LIFE.days})


@require_safe
@admins_only
def user(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show one user, and what can be done about them."""
    found = get_object_or_404(administration.everyone(), pk=pk)
    return _page(request, found, RoleForm(initial={"role": roles.role_of(found)}))


@require_POST
@admins_only
def user_role(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give a user another role; confirm first to give up one's own."""
    found = get_object_or_404(administration.everyone(), pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form)
    role = form.cleaned_data["role"]
    gives_up = found == request.user and role != roles.SYSTEM_ADMIN
    if gives_up and "sure" not in request.POST:
        context = {"person": found, "to": role, "version": request.POST.get("version", "")}
        return render(request, "users/give_up.html", context)
    done = _done(request, lambda: administration.change_role(request, found, role), f"{found} is {role} from now on.")
    return redirect("home") if done and gives_up else redirect("user", found.pk)


@never_cache
@require_POST
@admins_only
def user_invite(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Invite once more someone who never signed in."""
    found = get_object_or_404(User, pk=pk)
    if not _done(request, lambda: administration.invite_again(request, found), ""):
        return redirect("user", found.pk)
    return _send(request, found)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def user_action(request: HttpRequest, pk: int, action: str) -> HttpResponseBase:
    """Confirm an action of ACTIONS, then do it."""
    found, chosen = get_object_or_404(administration.everyone(), pk=pk), ACTIONS[action]
    words = {"user": found, "role": roles.role_of(found) or "someone without a role"}
    if request.method == "POST":
        _done(request, lambda: chosen.do(request, found), chosen.done.format(**words))
        return redirect("user", found.pk)
    follows = [each.format(**words) for each in chosen.follows]
    back = reverse("user", args=[found.pk])
    return confirmation.ask(request, chosen.title.format(**words), follows, chosen.button, back=back)


def _page(request: HttpRequest, found: User, form: RoleForm) -> HttpResponse:
    context = {"person": found, "form": form, "days": invitations.LIFE.days, "version": administration.version(found)}
    return render(request, "users/user.html", context)


def _done(request: HttpRequest, do: Callable[[], None], words: str) -> bool:
    """Do it and say so, or say why not; return whether it was done."""
    try:
        do()
    except administration.NotDone as error:
        messages.error(request, str(error))
        return False
    if words:
        messages.success(request, words)
    return True


def _send(request: HttpRequest, invited: User) -> HttpResponse:
    """Mail the link, or show it this once: it is stored nowhere."""
    if invitations.send(invited, cast(User, request.user)):
        words = (
            f"An invitation is on its way to {invited.email}. Its link works once, for {invitations.LIFE.days} days."
        )
        messages.success(request, words)
        return redirect("users")
    until = timezone.now() + invitations.LIFE
    return render(request, "users/link.html", {"person": invited, "link": invitations.link(invited), "until": until})
