"""Whether the ports are free before anything is started."""

from __future__ import annotations

import itertools
import socket

from c3portal.launch.environment import Plan

LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def refuse_taken(plan: Plan) -> None:
    """Raise SystemExit that names each taken port and a free one."""
    wanted = [("PORT", plan.port, "the portal")]
    if plan.with_sandbox:
        wanted.append(("SANDBOX_PORT", plan.sandbox_port, "the Xero sandbox"))
    if plan.with_c3_sandbox:
        wanted.append(("C3_SANDBOX_PORT", plan.c3_sandbox_port, "the C3 sandbox"))
    for (name, port, _), (other, its_port, _) in itertools.combinations(wanted, 2):
        if port == its_port:
            raise SystemExit(f"{name} and {other} are both {port}: give each its own number.")
    taken = [
        f"Port {port} is taken by another program, so {who} cannot listen on it. "
        f"Stop that program, or choose another port: make run {name}={_next_free(port)}"
        for name, port, who in wanted
        if is_taken(port)
    ]
    if taken:
        raise SystemExit("\n".join(taken))


def is_taken(port: int) -> bool:
    """Return whether `localhost:port` is in use, by IPv4 or IPv6 (browsers try both)."""
    return any(_answers(family, host, port) for family, host in LOOPBACKS) or not _can_listen(port)


def _answers(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            return probe.connect_ex((host, port)) == 0
    except OSError:
        return False


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        # As gunicorn does: a port whose last connections are merely winding down counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _next_free(port: int) -> int:
    candidates = (candidate for candidate in range(port + 1, 65536) if not is_taken(candidate))
    return next(candidates, 8000)
