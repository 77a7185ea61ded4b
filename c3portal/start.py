"""`python -m c3portal.start PROCESS`, as units and images of the release before call it: `c3portal.processes.start`."""

import sys

from c3portal.processes.start import main

if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
