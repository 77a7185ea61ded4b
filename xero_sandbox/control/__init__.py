"""The sandbox's own switchboard: state, faults, clock and hands-on changes, for tests and measurements."""
