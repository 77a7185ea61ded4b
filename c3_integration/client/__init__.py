"""Calls to C3: signing in, its envelope, periods, lines and customers. No database here."""
