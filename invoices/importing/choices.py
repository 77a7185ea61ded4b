"""What a person, a profile and Settings chose for a file. Writes nothing."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from invoices.importing import first_reading
from invoices.importing.first_reading import Progress, Reading
from invoices.importing.opening import Wanted, settle, with_rates
from invoices.matching.column_profile import BUILT_IN, ColumnProfile, columns_in
from invoices.matching.confirming import still_missing
from invoices.matching.conversion import LateColumns
from invoices.matching.profiles import missing_columns, stored
from invoices.models import ImportRun, ImportSettings, KindRule
from invoices.reading.errors import WANTED, FileRefused
from invoices.reading.rows import ReadOptions
from xero_integration.models import XeroConnection


class OtherThanShown(Exception):
    """What the file's cells mean was changed since a person was shown what it would bring."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen for one import; None is for the file's header or for Settings to say.

    `noticed` is what people should know of how a worker found the file; `shown` is the basis (`Wanted.basis`) of what a
    person was shown of it, None when nobody was.
    """

    run: ImportRun | None
    profile: ColumnProfile | None
    constants: Mapping[str, str] | None
    options: ReadOptions
    chosen_all_or_nothing: bool | None
    noticed: Sequence[str] = ()
    shown: str | None = None

    @property
    def all_or_nothing(self) -> bool:
        """Whether one wrong invoice refuses the whole file."""
        if self.chosen_all_or_nothing is not None:
            return self.chosen_all_or_nothing
        # Settings that nobody has opened yet are no row.
        return ImportSettings.objects.filter(all_or_nothing=True).exists()

    def read(self, path: Path, progress: Progress) -> tuple[Wanted, Reading]:
        """Return how the file at `path` is read, and what it says. Raises FileRefused, OtherThanShown, OSError, and
        LateColumns when a worker found out how to read it without them."""
        try:
            wanted = self.wanted_for(path)
            return wanted, first_reading.read(path, wanted, progress)
        except LateColumns as late:
            if self.is_settled:
                raise
            options = replace(self.options, columns=(*self.options.columns, *late.names))
        return replace(self, options=options).read(path, progress)

    def wanted_for(self, path: Path) -> Wanted:
        """Return how the file at `path` is to be read and judged. Raises FileRefused when no profile fits it, and
        OtherThanShown."""
        profile, options, noticed = self._settled(path)
        wanted = Wanted(
            profile=profile,
            constants=self.constants or {},
            options=options,
            time_zone=billing_time_zone(),
            kinds=dict(KindRule.objects.values_list("category", "kind")),
            is_c3=profile is BUILT_IN or (self.run is not None and self.run.source == ImportRun.Source.C3),
            all_or_nothing=self.all_or_nothing,
            noticed=tuple(noticed),
        )
        if self.shown is not None and wanted.basis != self.shown:
            raise OtherThanShown
        return with_rates(path, wanted)

    @property
    def is_settled(self) -> bool:
        """Whether a worker found out how to read the file, and asked what had to be asked."""
        return self.run is not None and self.run.pk is not None and self.profile is not None

    def _settled(self, path: Path) -> tuple[ColumnProfile, ReadOptions, Sequence[str]]:
        if self.profile and self.is_settled:
            return self.profile, self.options, self.noticed
        settled = settle(path, self.options, self.profile or self._chosen_before())
        if settled.profile is None:
            missing = ", ".join(missing_columns(settled.table.header))
            why = f"Columns are missing: {missing}." if missing else "Two columns have one name."
            raise FileRefused(f"{why} Match the columns of the file first. {WANTED}")
        if settled.questions:
            raise FileRefused(f"{' '.join(settled.questions)} Import the file by the page, where you can say so.")
        self._check_period(settled.profile, settled.table.header)
        return settled.profile, settled.options, settled.noticed

    def _check_period(self, profile: ColumnProfile, header: Sequence[str]) -> None:
        """Raises FileRefused when the file says its period and a person another one, or nobody any."""
        constants = self.constants or {}
        columns = columns_in(profile, header)
        if own := [columns[name] for name in constants if name in columns]:
            raise FileRefused(f"The file says its billing period itself ({', '.join(own)}). Leave --period out.")
        missing = still_missing(profile, header, constants)
        if missing and not constants:
            raise FileRefused(f"{' '.join(missing)} For a billing period, say it: --period.")

    def _chosen_before(self) -> ColumnProfile | None:
        return stored(self.run.profile) if self.run is not None and self.run.profile is not None else None


def billing_time_zone() -> dt.tzinfo:
    """Return the time zone in which a moment of a file becomes a day: that of Settings, else the organisation's in
    Xero, else the portal's."""
    chosen = ImportSettings.objects.values_list("time_zone", flat=True).first()
    connection = None if chosen else XeroConnection.objects.current()
    return zoneinfo.ZoneInfo(chosen or (connection.time_zone if connection else "") or settings.TIME_ZONE)
