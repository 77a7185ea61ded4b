"""What may happen to a portal whose documents live on in Xero, and how it turns out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st

from invoices.tests.xero_in_memory import FATES

STATUSES = st.sampled_from(["DRAFT", "AUTHORISED"])
GOES_ON = st.sampled_from(["", "", "approve", "send"])
WHICH = st.integers(0, 5)
# Faults come seldom enough that several things come about in one sequence.
FATE = st.sampled_from([*FATES, *["answered"] * 6, "done late", "answer lost", "nothing done"])
DEATHS = st.sampled_from([*[None] * 9, 0, 1, 2])
# At how many stops a worker is let go on: mostly at all of them.
STOPS = st.sampled_from([9, 9, 9, 9, 0, 1, 2, 3])


class Ask(StrEnum):
    """What a person asks for."""

    TAKE_BACK = "take back"
    APPROVE = "approve"
    MAIL = "mail"
    MAIL_AGAIN = "mail once more"
    WITHDRAW = "withdraw"
    POST_AGAIN = "post again"


ASKS = st.sets(st.sampled_from(Ask), min_size=1)


@dataclass(frozen=True)
class Chance:
    """How a step turns out: `way`, `what` and `which` are counted round; at how many `stops` a worker is let go on,
    what `fate` its call has, and after how many `moves` it dies, if it does."""

    way: int
    what: int
    which: int
    stops: int
    fate: str
    moves: int | None
    status: str
    goes_on: str
    seconds: int


CHANCES = st.builds(
    Chance,
    way=st.integers(0, 99),
    what=st.integers(0, 19),
    which=WHICH,
    stops=STOPS,
    fate=FATE,
    moves=DEATHS,
    status=STATUSES,
    goes_on=GOES_ON,
    seconds=st.sampled_from([11, 60, 125, 250, 400]),
)
