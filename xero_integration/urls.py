"""Addresses of the settings and the connection."""

from django.urls import path

from xero_integration import views, webhook_views

urlpatterns = [
    path("settings/general/", views.settings_general, name="settings_general"),
    path("settings/general/webhook/", webhook_views.webhook_key, name="webhook_key"),
    path("xero/connect/", views.connect, name="xero_connect"),
    path("xero/organisation/", views.choose_organisation, name="choose_organisation"),
    path("xero/disconnect/", views.disconnect, name="xero_disconnect"),
    path("xero/refresh/", views.refresh, name="xero_refresh"),
    path("xero/try-now/", views.try_now, name="xero_try_now"),
]
