"""The groups of staff. Their permissions come by migration."""

SUPPORT = "Support"
AUDITOR = "Auditor"
