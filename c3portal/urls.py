"""Every address of the portal."""

from django.urls import include, path

from c3portal.audit import views as audit_views
from c3portal.notifications import inbox_views, preference_views, webhook_views
from c3portal.processes import health
from c3portal.users import invitation_views
from c3portal.users import views as users_views

handler500 = "c3portal.http.error_pages.server_error"

urlpatterns = [
    path("", include("xero_integration.urls")),
    path("", include("c3_integration.urls")),
    path("", include("invoices.urls")),
    path("", include("c3portal.users.sign_in.urls")),
    path("accounts/invitation/", invitation_views.invitation, name="invitation"),
    path("accounts/invitation/<str:token>/", invitation_views.invitation_link, name="invitation_link"),
    path("settings/users/", users_views.users, name="users"),
    path("settings/users/invite/", users_views.invite, name="user_new"),
    path("settings/users/<int:pk>/", users_views.user, name="user"),
    path("settings/users/<int:pk>/role/", users_views.user_role, name="user_role"),
    path("settings/users/<int:pk>/invite/", users_views.user_invite, name="user_invite"),
    path(
        "settings/users/<int:pk>/deactivate/", users_views.user_action, {"action": "deactivate"}, name="user_deactivate"
    ),
    path("settings/users/<int:pk>/activate/", users_views.user_action, {"action": "activate"}, name="user_activate"),
    path(
        "settings/users/<int:pk>/second-factor/",
        users_views.user_action,
        {"action": "second-factor"},
        name="user_second_factor",
    ),
    path("settings/audit/", audit_views.audit_record, name="audit_record"),
    path("settings/audit.csv", audit_views.audit_csv, name="audit_csv"),
    path("settings/audit.jsonl", audit_views.audit_jsonl, name="audit_jsonl"),
    path("notices/", inbox_views.notices, name="notices"),
    path("notices/seen/", inbox_views.notices_seen, name="notices_seen"),
    path("account/notices/", preference_views.notice_choices, name="notice_choices"),
    path("settings/webhooks/", webhook_views.webhooks, name="webhooks"),
    path("settings/webhooks/<int:pk>/", webhook_views.webhook, name="webhook"),
    path("settings/webhooks/<int:pk>/test/", webhook_views.webhook_test, name="webhook_test"),
    path("settings/webhooks/<int:pk>/switch/", webhook_views.webhook_switch, name="webhook_switch"),
    path("settings/webhooks/<int:pk>/secret/", webhook_views.webhook_roll, name="webhook_roll"),
    path("settings/webhooks/<int:pk>/delete/", webhook_views.webhook_delete, name="webhook_delete"),
    path("settings/deliveries/<int:pk>/again/", webhook_views.delivery_again, name="delivery_again"),
    path("", include("operations.urls")),
    path("health/live", health.live, name="health_live"),
    path("health/web", health.web, name="health_web"),
    path("health/ready", health.ready, name="health_ready"),
]
