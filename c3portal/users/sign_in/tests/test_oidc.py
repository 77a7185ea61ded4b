"""The company's own sign-in: a real OpenID provider, the whole way there and back over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from playwright.sync_api import Page, expect

from c3portal.models import AuditEntry, User
from c3portal.settings import openid_provider
from c3portal.tests.providers import Person, ProviderProcess, provider_process
from c3portal.users.sign_in.oidc import CompanyAdapter, Provider, believed_address

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderProcess]:
    with provider_process(tmp_path_factory.mktemp("provider")) as process:
        yield process


@pytest.fixture
def provider(process: ProviderProcess, settings: Any, finance_admin: User) -> ProviderProcess:
    """The provider, set up in the portal; it knows Fiona, who is the portal's Finance Admin."""
    settings.OIDC_ISSUER = process.url
    settings.OIDC_TRUST_EMAIL = True
    settings.SOCIALACCOUNT_PROVIDERS = openid_provider(process.url, "the-portal", "its-secret", "Microsoft")
    process.knows("fiona", email="Finance@contoso.example", name="Fiona")
    return process


@pytest.fixture
def person(provider: ProviderProcess, portal: str) -> Person:
    return Person(portal)


def words(answer: requests.Response) -> str:
    return " ".join(answer.text.split())


def test_who_is_known_gets_in_and_no_token_is_kept(person: Person, finance_admin: User) -> None:
    answer = person.sign_in("fiona")
    assert answer.ok
    assert person.is_in
    account = SocialAccount.objects.get()
    assert (account.user, account.uid, account.provider) == (finance_admin, "fiona", "company")
    assert not SocialToken.objects.exists()
    assert "access_token" not in str(account.extra_data)
    subjects = list(AuditEntry.objects.order_by("pk").values_list("subject", flat=True))
    assert subjects == ["Tied to the company's sign-in", "Signed in"]
    assert AuditEntry.objects.latest("pk").after == {"With": ["the company's sign-in"]}


def test_the_question_is_bound_to_this_browser_by_state_and_pkce(person: Person) -> None:
    query = parse_qs(urlsplit(person.leave()).query)
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 16
    assert query["redirect_uri"] == [f"{person.portal}/accounts/oidc/company/login/callback/"]
    assert set(query["scope"][0].split()) == {"openid", "profile", "email"}


def test_the_second_time_it_is_the_subject_that_counts_and_not_the_address(
    person: Person, portal: str, provider: ProviderProcess, finance_admin: User
) -> None:
    person.sign_in("fiona")
    provider.knows("fiona", email="fiona.married@contoso.example")
    again = Person(portal)
    assert again.sign_in("fiona").ok
    assert again.is_in
    provider.knows("newcomer", email="finance@contoso.example")
    newcomer = Person(portal)
    assert newcomer.sign_in("newcomer").status_code == 403
    assert not newcomer.is_in


def test_once_untied_people_are_known_by_their_address_again(
    person: Person, portal: str, provider: ProviderProcess, finance_admin: User
) -> None:
    person.sign_in("fiona")
    provider.knows("fiona-at-the-new-app", email="finance@contoso.example")
    again = Person(portal)
    assert again.sign_in("fiona-at-the-new-app").status_code == 403
    call_command("untie_company_sign_in", "Finance@contoso.example")
    again.sign_in("fiona-at-the-new-app")
    assert again.is_in
    with pytest.raises(CommandError):
        call_command("untie_company_sign_in")


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "stranger@fabrikam.example"},
        {"name": "Nobody with an address"},
        {"email": "finance@contoso.example", "email_verified": False},
    ],
)
def test_a_stranger_is_shown_out_in_plain_words(
    person: Person, provider: ProviderProcess, claims: dict[str, Any]
) -> None:
    provider.knows("stranger", **claims)
    answer = person.sign_in("stranger")
    assert answer.status_code == 403
    assert "Ask a System Admin to invite you" in words(answer)
    assert not person.is_in
    assert User.objects.count() == 1
    assert not SocialAccount.objects.exists()
    assert "stranger@" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("verified", [False, None, "", "true", "false", 0, 1, [True], {}])
def test_only_a_plain_true_verifies_an_address(settings: Any, verified: object) -> None:
    for settings.OIDC_TRUST_EMAIL in (True, False):
        assert believed_address({"email": "a@contoso.example", "email_verified": verified}) == ""
        assert believed_address({"email": "a@contoso.example", "email_verified": True}) == "a@contoso.example"


def test_an_address_of_which_nothing_is_said_counts_only_where_the_setting_says_so(settings: Any) -> None:
    settings.OIDC_TRUST_EMAIL = False
    assert believed_address({"email": "a@contoso.example"}) == ""
    assert believed_address({"preferred_username": "a@contoso.example", "email_verified": True}) == ""
    settings.OIDC_TRUST_EMAIL = True
    assert believed_address({"email": "a@contoso.example"}) == "a@contoso.example"
    assert believed_address({"preferred_username": "a@contoso.example"}) == "a@contoso.example"
    assert believed_address({"email": ["a@contoso.example"]}) == ""


def test_an_unverified_address_signs_nobody_in(person: Person, provider: ProviderProcess, settings: Any) -> None:
    settings.OIDC_TRUST_EMAIL = False
    assert person.sign_in("fiona").status_code == 403
    provider.knows("fiona", email="finance@contoso.example", email_verified="true")
    assert person.sign_in("fiona").status_code == 403
    provider.knows("fiona", email="finance@contoso.example", email_verified=True)
    person.sign_in("fiona")
    assert person.is_in


def test_who_has_no_address_but_a_user_name_is_known_by_that(person: Person, provider: ProviderProcess) -> None:
    provider.knows("fiona-2", preferred_username="finance@contoso.example")
    person.sign_in("fiona-2")
    assert person.is_in


def test_a_deactivated_user_stays_out_the_first_time_and_later(
    person: Person, portal: str, finance_admin: User
) -> None:
    User.objects.update(is_active=False)
    assert person.sign_in("fiona").status_code == 403
    User.objects.update(is_active=True)
    person.sign_in("fiona")
    assert person.is_in
    User.objects.update(is_active=False)
    assert not person.is_in
    answer = Person(portal).sign_in("fiona")
    assert "This account is switched off" in answer.text


def test_another_browsers_answer_signs_nobody_in(person: Person, portal: str) -> None:
    back = person.authenticate(person.leave(), "fiona")
    thief = Person(portal)
    assert thief.come_back(back).status_code == 401
    assert not thief.is_in


def test_the_log_keeps_the_reason_and_not_whom_the_provider_names(
    provider: ProviderProcess, rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    error = OAuth2Error("AADSTS50105: the user 'anna@contoso.example' is not assigned to a role")
    company = CompanyAdapter().get_provider(rf.get("/"), "company")
    CompanyAdapter().on_authentication_error(rf.get("/"), company, error="unknown", exception=error)
    assert "AADSTS50105: the user '…' is not assigned" in caplog.text


def test_an_answer_with_another_state_signs_nobody_in(person: Person) -> None:
    back = person.authenticate(person.leave(), "fiona")
    state = parse_qs(urlsplit(back).query)["state"][0]
    answer = person.come_back(back.replace(state, "x" * len(state)))
    assert answer.status_code == 401
    assert "The sign-in failed" in answer.text
    assert not person.is_in


def test_an_answer_works_once(person: Person) -> None:
    back = person.authenticate(person.leave(), "fiona")
    assert person.come_back(back).ok
    assert person.come_back(back).status_code == 401


def test_a_token_that_another_key_signed_signs_nobody_in(
    person: Person, provider: ProviderProcess, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = Provider.openid_config.fget  # type: ignore[attr-defined]
    with provider_process(tmp_path) as other:
        back = person.authenticate(person.leave(), "fiona")
        keys = {"jwks_uri": f"{other.url}/jwks"}
        monkeypatch.setattr(Provider, "openid_config", property(lambda self: {**described(self), **keys}))
        assert person.come_back(back).status_code == 401
    assert not person.is_in


def test_a_provider_that_calls_itself_something_else_is_not_believed(person: Person, settings: Any) -> None:
    back = person.authenticate(person.leave(), "fiona")
    settings.OIDC_ISSUER = "https://login.contoso.example"
    assert person.come_back(back).status_code == 401
    assert not person.is_in


def test_a_provider_that_is_down_is_told_in_words(client: Client, settings: Any, db: None) -> None:
    settings.OIDC_ISSUER = "http://localhost:9"
    settings.SOCIALACCOUNT_PROVIDERS = openid_provider(settings.OIDC_ISSUER, "the-portal", "its-secret", "Microsoft")
    answer = client.post("/accounts/oidc/company/login/")
    assert answer.status_code == 401
    assert "Microsoft did not answer as expected" in answer.content.decode()


def test_without_a_provider_there_is_no_button_and_no_address(client: Client, db: None) -> None:
    assert "Go on with" not in client.get("/accounts/login/").content.decode()
    assert client.post("/accounts/oidc/company/login/").status_code == 404


@pytest.mark.parametrize(("counts", "led"), [(False, True), (True, False)])
def test_the_companys_own_second_factor_counts_where_the_setting_says_so(
    person: Person, settings: Any, counts: bool, led: bool
) -> None:
    settings.MFA_REQUIRED_FOR = ["all"]
    settings.OIDC_IS_TWO_FACTOR = counts
    person.sign_in("fiona")
    assert person.is_in is not led


def test_where_passwords_are_switched_off_only_the_company_leads_in(
    person: Person, client: Client, settings: Any, finance_admin: User
) -> None:
    settings.PASSWORD_SIGN_IN = False
    page = client.get("/accounts/login/").content.decode()
    assert "Continue with Microsoft" in page
    assert 'type="password"' not in page
    client.post("/accounts/login/", {"login": finance_admin.email, "password": "a password of the tests"})
    assert "_auth_user_id" not in client.session
    person.sign_in("fiona")
    assert person.is_in


@pytest.mark.browser
def test_one_goes_there_and_back_in_a_real_browser(provider: ProviderProcess, portal: str, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda each: complaints.append(each.text) if "Content Security Policy" in each.text else None)
    page.goto(f"{portal}/account/")
    page.get_by_role("button", name="Continue with Microsoft").click()
    page.wait_for_url(f"{provider.url}/**")
    page.locator("input[name=sub]").first.fill("fiona")
    page.locator("form button").first.click()
    expect(page).to_have_url(f"{portal}/account/")
    assert complaints == []
