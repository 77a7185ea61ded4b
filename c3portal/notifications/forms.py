"""The forms of the notices: what a user wants to be told, and where webhooks go."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from c3portal.models import Webhook
from c3portal.models.notices import Kind
from c3portal.notifications import webhook_client


class ChoicesForm(forms.Form):
    """Which kinds of notice a user wants by mail."""

    kinds = forms.MultipleChoiceField(
        label="Tell me by e-mail when", choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )


class WebhookKindsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Which kinds of notice a webhook gets; all of them are kept as none, so that it gets later ones too."""

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
        """Save the webhook with the chosen kinds."""
        chosen = self.cleaned_data["kinds"]
        self.instance.kinds = [] if set(chosen) == set(Kind.values) else chosen
        return cast(Webhook, super().save(commit))


class WebhookForm(WebhookKindsForm):
    """A new webhook."""

    url = forms.URLField(
        label="Address",
        assume_scheme="https",
        max_length=500,
        help_text="An https:// address that takes a POST and answers with a status of 200 to 299 within ten seconds.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Webhook
        fields = ("url",)

    def clean_url(self) -> str:
        """Refuse an address that is there already, or that the portal does not post to."""
        url = str(self.cleaned_data["url"])
        if Webhook.objects.filter(url=url).exists():
            raise ValidationError("This address is in the list already.")
        try:
            webhook_client.check(url)
        except webhook_client.WebhookFailed as error:
            raise ValidationError(str(error)) from error
        return url
