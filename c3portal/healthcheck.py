"""`python -m c3portal.healthcheck PROCESS`, as containers of the release before ask: `c3portal.processes.healthcheck`.

Run as a file with -P too, as its image did, so it finds the other by its place and loads nothing of the portal.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).parent / "processes" / "healthcheck.py"), run_name="__main__")
