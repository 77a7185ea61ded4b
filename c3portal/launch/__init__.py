"""`make run`: everything the portal needs, started on this machine under one process manager."""
