"""The audit log: what happened. Import from `medimic.audit.log` and `.presenters`."""
