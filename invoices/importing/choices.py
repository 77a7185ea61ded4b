"""What a person, a profile and Settings chose for a file. Writes nothing."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from invoices.importing.opening import Wanted, with_rates
from invoices.matching.column_profile import BUILT_IN, ColumnProfile
from invoices.matching.profiles import missing_columns, profile_for, stored
from invoices.models import ImportRun, ImportSettings, KindRule
from invoices.reading.errors import WANTED, FileRefused
from invoices.reading.rows import ReadOptions
from invoices.reading.table import open_table
from xero_integration.models import XeroConnection


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen for one import; None is for the file's header or for Settings to say."""

    run: ImportRun | None
    profile: ColumnProfile | None
    constants: Mapping[str, str] | None
    options: ReadOptions
    chosen_all_or_nothing: bool | None

    @property
    def all_or_nothing(self) -> bool:
        """Whether one wrong invoice refuses the whole file."""
        if self.chosen_all_or_nothing is not None:
            return self.chosen_all_or_nothing
        # Settings that nobody has opened yet are no row.
        return ImportSettings.objects.filter(all_or_nothing=True).exists()

    def wanted_for(self, path: Path) -> Wanted:
        """Return how the file at `path` is to be read and judged. Raises FileRefused when no profile fits it."""
        profile = self.profile or self._chosen_before() or self._found(path)
        wanted = Wanted(
            profile=profile,
            constants=self.constants or {},
            options=self.options,
            time_zone=billing_time_zone(),
            kinds=dict(KindRule.objects.values_list("category", "kind")),
            is_c3=profile is BUILT_IN or (self.run is not None and self.run.source == ImportRun.Source.C3),
            all_or_nothing=self.all_or_nothing,
        )
        return with_rates(path, wanted)

    def _chosen_before(self) -> ColumnProfile | None:
        return stored(self.run.profile) if self.run is not None and self.run.profile is not None else None

    def _found(self, path: Path) -> ColumnProfile:
        with path.open("rb") as stream:
            header = open_table(stream, self.options).header
        profile = profile_for(header)
        if profile is None:
            missing = ", ".join(missing_columns(header))
            why = f"Columns are missing: {missing}." if missing else "Two columns have one name."
            raise FileRefused(f"{why} Match the columns of the file first. {WANTED}")
        return profile


def billing_time_zone() -> dt.tzinfo:
    """Return the time zone in which a moment of a file becomes a day: that of Settings, else the organisation's in
    Xero, else the portal's."""
    chosen = ImportSettings.objects.values_list("time_zone", flat=True).first()
    connection = None if chosen else XeroConnection.objects.current()
    return zoneinfo.ZoneInfo(chosen or (connection.time_zone if connection else "") or settings.TIME_ZONE)
