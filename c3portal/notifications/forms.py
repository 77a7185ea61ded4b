"""Forms of notices and webhooks."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from c3portal.models import Webhook
from c3portal.models.notices import Kind
from c3portal.notifications import webhook_client


class ChoicesForm(forms.Form):
    """The kinds of notice that a user wants by mail."""

    kinds = forms.MultipleChoiceField(
        label="Tell me by e-mail when", choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )


class WebhookKindsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The kinds of notice that a webhook gets."""

    kinds = forms.MultipleChoiceField(
        label="Post these notices",
        choices=Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one notice, or switch the webhook off."},
    )

    class Meta:
        model = Webhook
        # Set by `save`: the model's own check would not take "none", which stands for all.
        exclude = ("url", "secret", "kinds", "is_active", "created_at", "created_by")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["kinds"] = self.instance.kinds or Kind.values

    def save(self, commit: bool = True) -> Webhook:
        # All kinds are kept as none, so that the webhook gets kinds of later releases too.
        chosen = self.cleaned_data["kinds"]
        self.instance.kinds = [] if set(chosen) == set(Kind.values) else chosen
        return cast(Webhook, super().save(commit))


class WebhookForm(WebhookKindsForm):
    url = forms.URLField(
        label="Address",
        assume_scheme="https",
        max_length=500,
        help_text="An https:// address that answers a POST within ten seconds, with 200 to 299.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Webhook
        fields = ("url",)

    def clean_url(self) -> str:
        """Return the address. Raises ValidationError for a known one and for one that is not posted to."""
        url = str(self.cleaned_data["url"])
        if Webhook.objects.filter(url=url).exists():
            raise ValidationError("This address is in the list already.")
        try:
            webhook_client.check(url)
        except webhook_client.WebhookFailed as error:
            raise ValidationError(str(error)) from error
        return url
