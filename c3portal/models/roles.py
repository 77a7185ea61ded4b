"""The three roles, held as Django groups of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group

if TYPE_CHECKING:
    from c3portal.models import User

SYSTEM_ADMIN = "System Admin"
FINANCE_ADMIN = "Finance Admin"
SYSTEM_READER = "System Reader"
ALL = (SYSTEM_ADMIN, FINANCE_ADMIN, SYSTEM_READER)
# Who may do what a Finance Admin may: connect, import, choose accounts, upload, take back.
FINANCE = (SYSTEM_ADMIN, FINANCE_ADMIN)


def grant(user: User, role: str) -> None:
    """Give `user` this one role. Raises Group.DoesNotExist for an unknown one."""
    user.groups.set([Group.objects.get(name=role)])
    user.__dict__.pop("_role", None)


def role_of(user: Any) -> str | None:
    """Return the user's role, None for someone who may see the sign-in pages alone."""
    if not user.is_authenticated:
        return None
    if not hasattr(user, "_role"):
        user._role = user.groups.filter(name__in=ALL).values_list("name", flat=True).first()
    return user._role  # type: ignore[no-any-return]
