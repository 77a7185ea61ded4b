"""Defaults that can be overridden and reverted: the rows of the three pages and what may be kept, a module for each."""
