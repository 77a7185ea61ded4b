"""The release before is updated to this one while it posts; what its units and containers call still starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from c3portal.testing import wait_until
from c3portal.tests import containers, release_before
from c3portal.tests.machine import Visitor
from c3portal.tests.updating import Portal, bring_in, is_done, next_release, portal_of
from xero_sandbox.testing import SandboxControl, SandboxProcess

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, postgres: str, sandbox_process: SandboxProcess) -> Iterator[Portal]:
    """The release before, running; all that is typed and started is what its own files say."""
    folder = tmp_path_factory.mktemp("before")
    try:
        base = release_before.unpack(folder / "tree")
    except release_before.NoHistoryError as error:
        pytest.skip(str(error))
    sandbox = SandboxControl(sandbox_process.url)
    sandbox.reset()
    sandbox.set_limits(minute=1000)
    with portal_of(folder / "machine", postgres, sandbox, "as_before", base) as portal:
        yield portal


def test_the_release_before_is_updated_to_this_one_while_it_posts(old: Portal, tmp_path: Path) -> None:
    visitor, port = Visitor(old.machine.env["PORTAL_URL"]), old.ports[0]
    visitor.sign_in(port)
    upload = visitor.upload(port, "20260918")
    wait_until(lambda: is_done(visitor.get(port, upload)), "The first period is posted by the old release", patience=60)

    present = containers.stage(tmp_path / "present")
    old.machine.gather_static(present)
    bring_in(old, next_release(present, tmp_path / "new"))
    new_web, new_worker = old.webs[-1], old.workers[-1]
    assert all(service.folder == tmp_path / "new" for service in (new_web, new_worker, old.beat))
    # Units and containers that nobody has exchanged yet go on calling this release by the addresses of the one before.
    assert new_web.argv[:3] == ["python", "-m", "c3portal.start"]
    assert old.machine.is_healthy("web", new_web)
    assert old.machine.is_healthy("worker", new_worker)
    assert old.machine.is_healthy("beat", old.beat)
    for service in (new_web, new_worker, old.beat):
        service.stop()
        assert service.process.returncode == 0
