"""A stand-in for C3 over real HTTP: to try the portal and run its tests without an account there.

It is a project of its own: it imports nothing of the portal or of the other sandbox, and they import nothing of it.
"""
