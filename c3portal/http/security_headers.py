"""What every answer of the portal tells the browser not to do, whatever its status."""

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
    """Take from every page the browser's features that none of them uses.

    It stands outside of Django's security middleware, so it also says nosniff: that one leaves it out of its own
    refusals, such as of a host that the portal does not have.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    return middleware


def nothing_is_kept(get_response: Answer) -> Answer:
    """Have no browser and no proxy keep what signed-in people see: going back after sign-out shows none of it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        was_signed_in = request.user.is_authenticated
        response = get_response(request)
        if was_signed_in or request.user.is_authenticated:
            response.headers["Cache-Control"] = "no-store, private"
        return response

    return middleware
