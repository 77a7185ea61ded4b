"""A worker that is gone in the middle of a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from xero_integration.client.gateway import Gateway


class Killed(BaseException):
    """As if the process had ended here."""


@contextmanager
def killed_in_the_call(arrives: bool = True) -> Iterator[None]:
    """Within the block, who creates something in Xero is gone before the answer; it `arrives` there or does not.

    Raises pytest's failure when nobody was killed.
    """
    create = Gateway.create_documents

    def die(self: Gateway, *arguments: Any) -> None:
        if arrives:
            create(self, *arguments)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gateway, "create_documents", die)
        with pytest.raises(Killed):
            yield
