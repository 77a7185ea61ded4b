"""The three roles, held as Django groups of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group
from django.db.models import Func, IntegerField, Subquery

from c3portal.models.notices import Notice

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
    """Return the user's role, None for someone who may see the sign-in pages alone.

    Every page asks for it, and shows how many notices its reader has not seen: `unseen_notices` comes with it.
    """
    if not user.is_authenticated:
        return None
    if not hasattr(user, "_role"):
        found = user.groups.filter(name__in=ALL).values_list("name", _unseen(user)).first()
        user._role, user.unseen_notices = found or (None, 0)
    return user._role  # type: ignore[no-any-return]


def _unseen(user: User) -> Subquery:
    rows = Notice.objects.unseen_by(user).order_by()
    return Subquery(rows.annotate(count=Func("pk", function="COUNT", output_field=IntegerField())).values("count"))
