"""Backups of the database, without the keys that read its secrets; and coming back from one without a duplicate."""
