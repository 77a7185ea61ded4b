"""The addresses of sign-in and of one's own account, with allauth's names."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as socialaccount
from django.urls import include, path, re_path

from c3portal.users.sign_in import views

sign_in = [
    path("login/", views.sign_in, name="account_login"),
    path("login/second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("login/passkey/", views.passkey_sign_in, name="mfa_login_webauthn"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("password/reset/", views.ForgottenPassword.as_view(), name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        views.NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("again/", account.reauthenticate, name="account_reauthenticate"),
    path("again/second-factor/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("again/passkey/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("oidc/cancelled/", socialaccount.login_cancelled, name="socialaccount_login_cancelled"),
    path("oidc/<provider_id>/login/", views.company_sign_in, name="openid_connect_login"),
    path("oidc/<provider_id>/login/callback/", views.company_callback, name="openid_connect_callback"),
]

own_account = [
    path("", views.own_account, name="own_account"),
    path("password/", views.ChangePassword.as_view(), name="account_change_password"),
    path("password/set/", views.FirstPassword.as_view(), name="account_set_password"),
    path("second-factor/", views.SecondFactor.as_view(), name="mfa_index"),
    path("second-factor/app/add/", views.AddApp.as_view(), name="mfa_activate_totp"),
    path("second-factor/app/remove/", views.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("second-factor/passkeys/add/", views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("second-factor/passkeys/<int:pk>/rename/", views.RenamePasskey.as_view(), name="mfa_edit_webauthn"),
    path("second-factor/passkeys/<int:pk>/remove/", views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("second-factor/codes/", views.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("second-factor/codes/new/", views.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("places/", views.Places.as_view(), name="usersessions_list"),
]

urlpatterns = [
    path("accounts/", include(sign_in)),
    path("account/", include(own_account)),
]
