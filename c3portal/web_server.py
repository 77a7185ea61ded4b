"""What gunicorn is told beyond its command line (`--config python:c3portal.web_server`): how it logs."""

import environ

from c3portal import logs

logconfig_dict = logs.config(environ.Env())

# Pages renew themselves every other second, which is as long as gunicorn by itself keeps a connection at rest: it hung
# up on them in the middle of asking. Longer than proxies (60 to 120 s) and browsers keep one, so that these end it.
keepalive = 150
