"""The control calls: what the pages do and more, by machine, for tests."""
