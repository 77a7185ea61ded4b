"""What `make run` says once everything is up."""

from __future__ import annotations

from c3portal.launch.environment import Plan

SANDBOXES_CLICKS = """\
Then ({c3_sandbox} stands in for C3, {sandbox} for Xero):
  1. Sign in as the Finance Admin and press Fetch from C3
  2. Open one of its periods, confirm how its columns are matched, and press
     Import: the other periods follow by themselves
  3. Press Connect to Xero, and Allow access on the page of the sandbox
  4. Choose the September period, select all its invoices and press UPLOAD TO XERO
  5. See what would become of them, and press Post … invoices
  6. Press VIEW POST LOGS and see how each one fares"""

SANDBOX_CLICKS = """\
Then, in five clicks ({sandbox} stands in for Xero):
  1. Sign in as the Finance Admin and press Connect to Xero
  2. Press Allow access on the page of the sandbox
  3. Choose the September period, select all its invoices and press UPLOAD TO XERO
  4. See what would become of them, and press Post … invoices
  5. Press VIEW POST LOGS and see how each one fares"""

XERO_CLICKS = """\
Then, with your own app of Xero's developer portal (its redirect URI is {portal}/):
  1. Sign in as the System Admin and open Settings → General
  2. Fill in Client ID, Client Secret and the account codes, and press Save
  3. Press Connect to Xero and allow access in Xero
  4. Choose a period, select invoices, press UPLOAD TO XERO and Post … invoices,
     then VIEW POST LOGS"""


CLICKS = {("sandbox", "c3-sandbox"): SANDBOXES_CLICKS, ("sandbox",): SANDBOX_CLICKS, (): XERO_CLICKS}


def text(plan: Plan, sign_ins: str) -> str:
    """Return the address, the sign-ins (`setup_demo`'s output) and the next clicks."""
    clicks = CLICKS[plan.sandboxes]
    rule = "─" * 78
    return "\n".join(
        [
            "",
            rule,
            f"The portal is up:  {plan.portal_url}",
            "",
            "Sign in as",
            *(f"  {line}" for line in sign_ins.splitlines()),
            "",
            clicks.format(sandbox=plan.sandbox_url, c3_sandbox=plan.c3_sandbox_url, portal=plan.portal_url),
            "",
            *(["Mail that the portal sends is written below."] if plan.writes_mail_here else []),
            f"Ctrl-C stops everything. The data stays in {plan.var_dir}",
            rule,
        ]
    )
