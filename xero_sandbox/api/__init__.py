"""The accounting API: what it checks, in Xero's order, and what it answers."""
