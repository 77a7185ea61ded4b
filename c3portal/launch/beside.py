"""Settings for `manage.py` typed beside `make run`, so that it works on the same portal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from c3portal.launch import environment
from c3portal.launch.environment import C3_ORIGIN, XERO_ORIGINS, Plan
from c3portal.processes import embedded_broker

SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS")
# What says on which state a portal works: of these, none may be set to anything else here.
STATE = (*SECRETS, "DATABASE_URL", "CELERY_BROKER_URL", *XERO_ORIGINS, C3_ORIGIN, "DEBUG")
# What goes with it, unless it is set otherwise here.
MANNERS = ("PORTAL_URL", "EMAIL_URL", "MFA_REQUIRED_FOR", "LOG_LEVEL", "LOG_FORMAT")
NOTHING_SET = (
    "No settings are given and `make run` has not run here: type `make run` once, and commands work on its portal, or "
    "set SECRET_KEY, ENCRYPTION_KEYS and DATABASE_URL in the environment or in .env (docs/operations.md, Settings)."
)


def keep(plan: Plan) -> None:
    """Write what this start is told into the state folder, for its owner alone."""
    settings = {name: plan.variables[name] for name in (*STATE, *MANNERS) if plan.variables.get(name)}
    if plan.with_broker:
        # Its address follows from the folder, which may be moved.
        del settings["CELERY_BROKER_URL"]
    environment.write_private(_file(plan.var_dir), json.dumps(settings, indent=1))


def join(variables: MutableMapping[str, str]) -> None:
    """Add to the environment `variables` what the last `make run` was told, and say so.

    Adds nothing beside complete settings of another portal. Raises SystemExit for a mixture.
    """
    given = environment.with_dotenv(variables)
    var_dir = environment.state_folder(given)
    if not (settings := _settings(var_dir)):
        return
    # A portal with settings of its own is never mixed up with this one.
    if other := [name for name in STATE if given.get(name) and given[name] != settings.get(name, "")]:
        _refuse_a_mixture(given, other, var_dir)
        return
    missing = {name: value for name, value in settings.items() if not given.get(name)}
    if missing:
        variables.update(missing)
        sys.stderr.write(f"On the portal of `make run` in {var_dir}, since no other is set.\n")


def what_to_do(variables: Mapping[str, str], problem: Exception) -> str:
    """Return what to tell a person whose command lacks settings."""
    given = environment.with_dotenv(variables)
    return str(problem) if any(given.get(name) for name in SECRETS) else NOTHING_SET


def _refuse_a_mixture(given: Mapping[str, str], other: list[str], var_dir: Path) -> None:
    if given.get("DEBUG") or all(given.get(name) for name in (*SECRETS, "DATABASE_URL")):
        return
    raise SystemExit(
        f"Set here otherwise than for the `make run` of {var_dir}: {', '.join(other)}. Take that away to work on its "
        f"portal, start `make run` again with it, or set all of {', '.join(SECRETS)} and DATABASE_URL for another."
    )


def _file(var_dir: Path) -> Path:
    return var_dir / "told.json"


def _settings(var_dir: Path) -> dict[str, str]:
    try:
        settings: dict[str, str] = json.loads(_file(var_dir).read_text())
        return {"CELERY_BROKER_URL": embedded_broker.url(var_dir), **settings}
    except (OSError, ValueError):
        # None was here, or it is another user's.
        return {}
