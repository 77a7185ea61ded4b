"""The profiles that people confirmed, and which one a file's header asks for."""

from __future__ import annotations

from collections.abc import Sequence

from invoices.matching.column_profile import BUILT_IN, ColumnProfile, Formats, field_of, folded
from invoices.matching.meanings import REQUIRED
from invoices.models import ImportProfile

__all__ = ("BUILT_IN", "ColumnProfile", "Formats", "missing_columns", "profile_for", "profile_named", "stored")


def profile_for(header: Sequence[str]) -> ColumnProfile | None:
    """Return the profile whose columns are all in `header`, None when there is none.

    First the one of exactly this header that was confirmed last, then the portal's own shape, then the stored one that
    uses most columns.
    """
    names = {folded(name) for name in header}
    by_age = ImportProfile.objects.order_by("-updated_at", "-pk")
    fitting = [profile for profile in map(stored, by_age) if profile.fits(header)]
    exact = (profile for profile in fitting if {folded(name) for name in profile.header} == names)
    own = BUILT_IN if BUILT_IN.fits(header) else None
    return next(exact, own) or max(fitting, key=lambda profile: len(profile.columns), default=None)


def profile_named(name: str) -> ColumnProfile | None:
    """Return the profile of that name, capitals apart, None when there is none."""
    if name.casefold() == BUILT_IN.name.casefold():
        return BUILT_IN
    found = ImportProfile.objects.filter(name__iexact=name).first()
    return stored(found) if found else None


def stored(profile: ImportProfile) -> ColumnProfile:
    """Return a stored profile as what conversion takes."""
    return ColumnProfile(
        name=profile.name,
        columns=profile.columns,
        formats=Formats.from_json(profile.formats),
        header=tuple(profile.header),
        pk=profile.pk,
        encoding=profile.encoding,
        sheet=profile.sheet,
    )


def missing_columns(header: Sequence[str]) -> list[str]:
    """Return the columns of the portal's own shape that are not in `header`."""
    there = {field_of(name) for name in header}
    return [name for name in REQUIRED if name not in there]
