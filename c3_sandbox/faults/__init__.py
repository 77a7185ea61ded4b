"""Faults that can be ordered: what networks, sign-ins and C3 itself do to a caller on a bad day."""
