"""What looks into everything: backups, retention, metrics, the demonstration."""
