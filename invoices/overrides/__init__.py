"""Defaults that can be overridden and reverted."""
