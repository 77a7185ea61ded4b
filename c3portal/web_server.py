"""What gunicorn is told beyond its command line (`--config python:c3portal.web_server`): how it logs."""

import environ

from c3portal import logs

logconfig_dict = logs.config(environ.Env())
