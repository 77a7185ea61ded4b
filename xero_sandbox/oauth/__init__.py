"""Apps, consent and tokens, after Xero's identity service."""
