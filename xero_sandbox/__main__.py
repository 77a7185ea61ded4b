"""`python -m xero_sandbox`: prepare the data file, seed it when empty, and serve on this machine alone."""

from xero_sandbox.server import main

if __name__ == "__main__":
    main()
