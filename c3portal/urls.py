"""Every address of the portal."""

from django.urls import include, path

from c3portal import health, metrics
from c3portal.views import audit, invitation, notices, users, webhooks

handler500 = "c3portal.errors.server_error"

urlpatterns = [
    path("", include("xero_integration.urls")),
    path("", include("invoices.urls")),
    path("", include("c3portal.sign_in.urls")),
    path("accounts/invitation/", invitation.invitation, name="invitation"),
    path("accounts/invitation/<str:token>/", invitation.invitation_link, name="invitation_link"),
    path("settings/users/", users.users, name="users"),
    path("settings/users/invite/", users.invite, name="user_new"),
    path("settings/users/<int:pk>/", users.user, name="user"),
    path("settings/users/<int:pk>/role/", users.user_role, name="user_role"),
    path("settings/users/<int:pk>/invite/", users.user_invite, name="user_invite"),
    path("settings/users/<int:pk>/deactivate/", users.user_action, {"action": "deactivate"}, name="user_deactivate"),
    path("settings/users/<int:pk>/activate/", users.user_action, {"action": "activate"}, name="user_activate"),
    path(
        "settings/users/<int:pk>/second-factor/",
        users.user_action,
        {"action": "second-factor"},
        name="user_second_factor",
    ),
    path("settings/audit/", audit.audit_record, name="audit_record"),
    path("settings/audit.csv", audit.audit_csv, name="audit_csv"),
    path("settings/audit.jsonl", audit.audit_jsonl, name="audit_jsonl"),
    path("account/notices/", notices.notice_choices, name="notice_choices"),
    path("settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("settings/webhooks/<int:pk>/", webhooks.webhook, name="webhook"),
    path("settings/webhooks/<int:pk>/test/", webhooks.webhook_test, name="webhook_test"),
    path("settings/webhooks/<int:pk>/switch/", webhooks.webhook_switch, name="webhook_switch"),
    path("settings/webhooks/<int:pk>/secret/", webhooks.webhook_roll, name="webhook_roll"),
    path("settings/webhooks/<int:pk>/delete/", webhooks.webhook_delete, name="webhook_delete"),
    path("settings/deliveries/<int:pk>/again/", webhooks.delivery_again, name="delivery_again"),
    path("metrics", metrics.metrics, name="metrics"),
    path("health/live", health.live, name="health_live"),
    path("health/web", health.web, name="health_web"),
    path("health/ready", health.ready, name="health_ready"),
]
