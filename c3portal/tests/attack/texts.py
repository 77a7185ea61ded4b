"""Hostile texts, and a portal in which every text of every table is one: the tables and fields are the models' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.db import models

from c3portal.encryption.fields import EncryptedTextField
from c3portal.models import AuditEntry
from invoices.models import PostLog
from invoices.models.fields import ExactDecimalField

APPS = ("c3portal", "xero_integration", "c3_integration", "invoices")
# `#` stands for the number of the field that a text stands in.
TEXTS = {
    "plain": "attack#x",
    "elements": '<attack-#><script>attack()</script><img src=x onerror="attack()"><svg/onload=attack()>',
    "attributes": "\" attack#=1 onmouseover=attack() ' attack#=1 onfocus='attack()' autofocus ` attack#=1 >",
    "ends": "</textarea></title></option></script></style></template>--><attack-#>]]><!--",
    "templates": '{{ 1|add:8428921612 }}{% now "Y" %}{#{86423*97531}}${86423*97531}%(attack)s{0}{attack.__class__}',
    "addresses": "javascript:attack()//https://evil.example/#",
    "formulas": "=cmd|'/C calc'!A0;=1+#;@SUM(A1)|+1+1|-2+3",
    "formulas in lists": "attack#;=1+1;\t=1+1,=1+1|=1+1",
    "formulas in lines": "attack#\r=1+1\n@SUM(A1)\r\n+1+1\n\t-2+3",
    "headers": 'attack#"\r\nSet-Cookie: attack=1\r\nContent-Type: text/html\r\n\r\n<attack-#>',
    "log lines": 'attack#\n2026-11-26 00:00:00 ERROR attack {"level": "ERROR"}\r\x1b[2Jattack',
    "control characters": "attack#\x01\x08\x0b\x1b[31m\x7f\x85\u2028\u2029\ufffe",
    "directions": "\u202eattack#\u2066\u2067\u200b\u200f\ufeff\u00ad",
    "faces": "\U0001f469\u200d\U0001f4bb\U0001f3f4\U000e0067\u0301" * 30,
    "long words": "attack#" + "W" * 2000,
    "paths": "../../../../etc/passwd%00#\\..\\..\\",
    "blanks": " \t\u00a0\u3000 ",
}
# Left as they are, and why.
LEFT = {
    "c3portal.User.password": "a hash, which no page shows",
    "c3portal.Heartbeat.process": "a key of the program's own",
    "xero_integration.TokenSet.lease_holder": "a key of the program's own",
    "c3_integration.C3Fetch.lease_holder": "a key of the program's own",
    "invoices.ImportSettings.time_zone": "one of a list, which a form holds it to",
    "invoices.ImportRun.stored_as": "a name of the program's own",
    "invoices.ReplacedInvoice.before": "what an invoice was, for the database alone",
    "invoices.ReplacedCustomer.before": "what a customer was, for the database alone",
    "invoices.ReplacedCustomer.after": "what a customer was, for the database alone",
    "invoices.UploadDraft.search": "makes the selection empty",
    "invoices.UploadDraft.state": "makes the selection empty",
    "invoices.UploadDraft.filters": "words and ids of the program's own, which a form holds them to",
    "invoices.AttentionCheck.invoice_ids": "ids of invoices",
    "invoices.ListChoices.columns": "names of the program's own, of which others are passed over",
    "invoices.PeriodClosing.figures": "what the program compares, which no page shows",
    "invoices.AttentionCheck.known": "what the program compares, which no page shows",
    "invoices.UploadDraft.invoice_ids": "ids of invoices",
    "invoices.DocumentChange.details": "what the program asks of Xero, made of its own facts",
    "invoices.LaterVersion.facts": "what an invoice would be, for the database alone",
    "invoices.Invoice.contact_id": "an id of Xero's, which no page shows",
    "xero_integration.XeroSettings.moved_to": "says that the portal is somewhere else, and then nothing else is shown",
    "xero_integration.XeroConnection.contacts_lease_holder": "a key of the program's own",
    "c3portal.Notice.path": "an address that the portal makes of the names of its own pages",
    "c3portal.Webhook.kinds": "words of the program's own",
    "xero_integration.CallBudget.in_flight": "figures of the program's own",
    "xero_integration.CallBudget.started": "figures of the program's own",
}
# Xero's words for what a thing is: with any other the thing is not offered, and its texts are not shown.
LEFT |= dict.fromkeys(
    [
        "xero_integration.Account.type",
        "xero_integration.Account.status",
        "xero_integration.TaxRate.status",
        "xero_integration.Contact.status",
        "xero_integration.TrackingCategory.status",
    ],
    "decides whether the rest is shown",
)
# What is looked up by one another has one text, or nothing would be found.
ALIKE = {
    "xero_integration.XeroSettings.license_account_code": "xero_integration.Account.code",
    "xero_integration.XeroSettings.azure_account_code": "xero_integration.Account.code",
    "xero_integration.XeroSettings.custom_account_code": "xero_integration.Account.code",
    "xero_integration.XeroSettings.theme_id": "xero_integration.BrandingTheme.theme_id",
    "invoices.AccountOverride.account_code": "xero_integration.Account.code",
    "invoices.CustomerOverride.theme_id": "xero_integration.BrandingTheme.theme_id",
    "invoices.TaxOverride.tax_type": "xero_integration.TaxRate.tax_type",
    "invoices.TaxOverride.tax_name": "invoices.InvoiceLine.tax_name",
    "xero_integration.ContactLink.contact_id": "xero_integration.Contact.contact_id",
    "xero_integration.ContactLink.customer_key": "invoices.Customer.tenant_id",
}
# Append-only: the database refuses to change their rows.
RECORDS = (AuditEntry, PostLog)
Shape = Callable[[str], Any]
# What a field of JSON holds, as the code that reads it takes for granted.
SHAPES: dict[str, Shape] = {
    "c3_integration.C3Fetch.notes": lambda text: [text],
    "c3_integration.C3Fetch.outcomes": lambda text: [
        {"billing_id": text, "result": text, "words": text, "correlation_id": text, "lines": 1}
    ],
    "xero_integration.TaxRate.components": lambda text: [[text, "10"]],
    "xero_integration.TrackingCategory.options": lambda text: [text],
    "invoices.ImportRun.notes": lambda text: [text],
    "invoices.Posting.sent_facts": lambda text: {"contact": text, "date": text, "due_date": text, "total": text},
    "invoices.Posting.edits": lambda text: {"contact": {"sent": text, "now": text}, text: {"sent": text, "now": text}},
    "invoices.DocumentChange.details": lambda text: {text: text},
    "invoices.LaterLine.source": lambda text: {text: text},
    "invoices.DocumentEvent.facts": lambda text: [text],
    "invoices.InvoiceLine.source": lambda text: {text: text, "CustomerName": text, "ProductSKUId": text},
    "invoices.Customer.c3_details": lambda text: {"email": text, "address": {"line1": text}},
    "xero_integration.Contact.address": lambda text: {"line1": text},
    "invoices.AttentionCheck.problems": lambda text: [
        {
            "key": "x",
            "code": text,
            "subject": text,
            "words": text,
            "fix": "",
            "severity": "blocked",
            "count": 1,
            "money": {text: "1.00"},
        }
    ],
    "invoices.AttentionCheck.in_short": lambda text: {
        "count": 1,
        "more": 0,
        "first": [{"words": text, "count": 1, "money": {text: "1.00"}, "show": "/"}],
    },
    "invoices.AttentionCheck.drift": lambda text: [{"words": text, "places": 1, "url": "/", "general": False}],
    "invoices.ListChoices.views": lambda text: [{"name": text, "query": {"q": text}}],
    "invoices.Upload.invoiced": lambda text: {text: "1.00"},
    "invoices.OthersInXero.documents": lambda text: [
        dict.fromkeys(("number", "type", "date", "contact", "currency", "total", "status"), text)
    ],
    "c3portal.Notice.data": lambda text: {text: text},
    "c3portal.AuditEntry.before": lambda text: {text: text, "Many": [text, text]},
    "c3portal.AuditEntry.after": lambda text: {text: [text], "Many": text},
}


def _preview(text: str) -> dict[str, Any]:
    invoices = {"count": 1, "first": [{"number": text, "customer_name": text, "currency": text, "total": "1.00"}]}
    kinds = dict.fromkeys(("new", "changed", "unchanged", "differing", "held_back"), invoices)
    money = {"currency": text, "before": "1.00", "now": "2.00"}
    last = {
        "last_period": text,
        "totals": [{**money, "invoices_before": 1, "invoices": 1}],
        "customers_missing": [text],
        "customers_new": [text],
        "largest_changes": [{**money, "customer_name": text, "change": "1.00"}],
    }
    return kinds | {
        "totals": [{"currency": text, "invoices": 1, "subtotal": "1.00", "tax": "0.00", "total": "1.00"}],
        "errors": [{"number": text, "row": 2, "field": text, "reason": text}],
        "notes": [text],
        "period_notes": [text],
        "last_period": last,
    }


SHAPES |= {
    "invoices.ImportRun.preview": _preview,
    "invoices.ImportRun.options": lambda text: {"constants": {"BillingId": text}, "encoding": text, "sheet": text},
    "invoices.ImportProfile.header": lambda text: [text],
    "invoices.ImportProfile.columns": lambda text: {"InvoiceNumber": text},
    "invoices.ImportProfile.formats": lambda text: {"fixed": {"CurrencyCode": text}},
}


def text_fields() -> Iterator[tuple[str, type[models.Model], models.Field[Any, Any]]]:
    """Yield each field of the portal's tables that holds a text, under its name; no secrets, figures or choices."""
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            for field in model._meta.concrete_fields:
                name = f"{app}.{model.__name__}.{field.name}"
                is_text = isinstance(field, models.CharField | models.TextField | models.JSONField)
                is_other = isinstance(field, EncryptedTextField | ExactDecimalField)
                if is_text and not is_other and not field.choices and not field.primary_key and name not in LEFT:
                    yield name, model, field


def fill(kind: str) -> dict[int, str]:
    """Write the text of this kind into every field of every row; return the fields by their number in it."""
    numbered = dict(enumerate(text_fields(), start=100))
    numbers = {name: number for number, (name, _, _) in numbered.items()}
    for name, model, field in numbered.values():
        if model not in RECORDS:
            _fill_field(name, model, field, TEXTS[kind].replace("#", str(numbers[ALIKE.get(name, name)])))
    for record in RECORDS:
        own = {number: (name, field) for number, (name, model, field) in numbered.items() if model is record}
        _add_to(
            record,
            {
                field.name: _value(name, field, TEXTS[kind].replace("#", str(number)), 0)
                for number, (name, field) in own.items()
            },
        )
    _fill_libraries(TEXTS[kind].replace("#", "99"))
    return {number: name for name, number in numbers.items()}


def _fill_field(name: str, model: type[models.Model], field: models.Field[Any, Any], text: str) -> None:
    rows = model._base_manager.all()
    if not rows.exists():
        raise AssertionError(f"{name}: make a row of {model.__name__} in the fixture `everything`.")
    # Where a rule says which rows have such a text, the others stay without.
    filled = rows if isinstance(field, models.JSONField) else rows.exclude(**{field.name: ""})
    for number, row in enumerate((filled if filled.exists() else rows).order_by("pk")):
        rows.filter(pk=row.pk).update(**{field.name: _value(name, field, text, number)})


def _value(name: str, field: models.Field[Any, Any], text: str, number: int) -> Any:
    if isinstance(field, models.JSONField):
        if name not in SHAPES:
            raise AssertionError(f"{name}: say in SHAPES what it holds, or in LEFT why it holds no text of anyone's.")
        return SHAPES[name](text)
    constraints = [each for each in field.model._meta.constraints if isinstance(each, models.UniqueConstraint)]
    alone = field.unique or any(field.name in each.fields for each in constraints)
    return _cut(text, field.max_length, f" {number}" if alone and number else "")


def _cut(text: str, longest: int | None, end: str) -> str:
    return text[: longest - len(end)] + end if longest else text[:3000] + end


def _add_to(record: type[models.Model], texts: dict[str, Any]) -> None:
    """Add each row of a record once more with these texts: those it has cannot be changed."""
    rows = list(record._base_manager.all())
    assert rows, f"Make a row of {record.__name__} in the fixture `everything`."
    for row in rows:
        row.pk = None
        row._state.adding = True
        for name, text in texts.items():
            setattr(row, name, text)
    record._base_manager.bulk_create(rows)


def _fill_libraries(text: str) -> None:
    """Fill what libraries keep of people: the names of passkeys, and what browsers say of themselves."""
    for passkey in Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN):
        passkey.wrap().name = text[:100]
        passkey.save()
    UserSession.objects.update(user_agent=text[:200])
