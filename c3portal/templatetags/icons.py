"""Icons on pages. Every template knows them without a load (TEMPLATES in the settings)."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import template
from django.core.files.storage import storages
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return the icon of this name, which stands beside words that say the same."""
    # A page has up to a hundred, and the address of the sprite is the same for all of them.
    return _drawn(name, storages["staticfiles"])


@cache
def _drawn(name: str, _of: Any) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}" /></svg>',
        static("vendor/bootstrap-icons-1.13.2/sprite.svg"),
        name,
    )
