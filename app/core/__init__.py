"""What every package stands on: settings, database, errors, shared HTTP shapes."""
