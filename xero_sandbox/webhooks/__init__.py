"""Webhooks: what each app is told of its organisations' documents, and how often it is tried."""
