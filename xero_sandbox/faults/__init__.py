"""Faults that can be ordered: what networks, gateways and Xero itself do to a caller on a bad day."""
