"""Signing in: passwords, second factors and the company's own sign-in, on django-allauth."""
