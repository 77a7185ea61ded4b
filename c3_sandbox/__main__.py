"""`python -m c3_sandbox`: prepare the data file, seed it when empty, and serve on this machine alone."""

from c3_sandbox.server import main

if __name__ == "__main__":
    main()
