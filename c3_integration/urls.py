"""Addresses of the settings."""

from django.urls import path

from c3_integration import views

urlpatterns = [
    path("settings/c3/", views.settings_c3, name="settings_c3"),
    path("settings/c3/test/", views.try_settings, name="settings_c3_test"),
]
