"""The Django app of what knows C3."""

from django.apps import AppConfig


class C3IntegrationConfig(AppConfig):
    name = "c3_integration"
    verbose_name = "C3"
