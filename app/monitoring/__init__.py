"""What an operator sees: errors, logs, alerts, diagnostics."""
