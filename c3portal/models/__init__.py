"""The tables of the portal's shell."""

from c3portal.models.audit import AuditEntry
from c3portal.models.heartbeats import Heartbeat
from c3portal.models.moments import Lease, Moment
from c3portal.models.notices import Delivery, Notice, NoticeChoice, Webhook
from c3portal.models.people import User, UserManager
from c3portal.models.processes import LiveProcess

__all__ = [
    "AuditEntry",
    "Delivery",
    "Heartbeat",
    "Lease",
    "LiveProcess",
    "Moment",
    "Notice",
    "NoticeChoice",
    "User",
    "UserManager",
    "Webhook",
]
