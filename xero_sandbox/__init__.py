"""A stand-in for Xero over real HTTP: to try the portal, run its tests and measure it without an account.

It is a project of its own: it imports nothing of the portal and the portal imports nothing of it.
"""
