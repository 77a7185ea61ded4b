"""`python -m c3portal.broker`, as the Procfile of the release before calls it: `c3portal.processes.embedded_broker`."""

from c3portal.processes.embedded_broker import main

if __name__ == "__main__":
    main()
