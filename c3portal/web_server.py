"""What gunicorn is told beyond its command line (`--config python:c3portal.web_server`): how it logs."""

import environ

from c3portal import logs

logconfig_dict = logs.config(environ.Env())

# Pages renew themselves every other second, which is gunicorn's own limit for a connection at rest: it hung up on them in
# the middle of asking. Longer than what proxies (60 to 120 s) and browsers keep a connection for, so that they end it.
keepalive = 150
