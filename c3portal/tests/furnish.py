"""`python -m c3portal.tests.furnish SANDBOX EMAIL PASSWORD`: what an administrator does once on a new portal."""

import sys

import django

if __name__ == "__main__":
    django.setup()
    from c3portal.models import User, roles
    from xero_integration.testing import connect
    from xero_sandbox.testing import SandboxControl

    sandbox, email, password = sys.argv[1:]
    User.objects.create_user(email, password, role=roles.FINANCE_ADMIN)
    connect(SandboxControl(sandbox))
