"""What every answer tells the browser not to do."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

PERMISSIONS_POLICY = ", ".join(
    [
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer",
                "autoplay",
                "browsing-topics",
                "camera",
                "display-capture",
                "encrypted-media",
                "fullscreen",
                "geolocation",
                "gyroscope",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "picture-in-picture",
                "screen-wake-lock",
                "serial",
                "sync-xhr",
                "usb",
                "xr-spatial-tracking",
            )
        ),
        # The Copy button, and passkeys.
        "clipboard-write=(self)",
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    ]
)

Answer = Callable[[HttpRequest], HttpResponseBase]


def headers_for_all(get_response: Answer) -> Answer:
    """Add Permissions-Policy and nosniff."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # Django's security middleware, inside of this, leaves it out of its own refusals, as of an unknown host.
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    return middleware


def nothing_is_kept(get_response: Answer) -> Answer:
    """Have no browser and no proxy keep what signed-in people see."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        was_signed_in = request.user.is_authenticated
        response = get_response(request)
        if was_signed_in or request.user.is_authenticated:
            # Going back after sign-out shows none of it.
            response.headers["Cache-Control"] = "no-store, private"
        return response

    return middleware
