"""The accounts that a demonstration can be signed in with. Models are not touched here."""

# (address, what it shows), in the order in which they are listed.
ACCOUNTS: tuple[tuple[str, str], ...] = (
    ("solo@demo.example", "provider on Individual, one device place free"),
    ("trial@demo.example", "provider on Free Trial"),
    ("overdue@demo.example", "provider on Individual whose last invoice is overdue"),
    ("admin@clinic.example", "organization admin of Fernbrook Clinic (Team)"),
    ("provider@clinic.example", "provider there, with devices in every state"),
    ("colleague@clinic.example", "provider there, shares a tablet"),
    ("patient@clinic.example", "patient there"),
    ("admin@hospital.example", "organization admin of Hollin Hill Hospital (Enterprise)"),
    ("locum@demo.example", "provider in both organizations"),
    ("support@demo.example", "support staff: /admin/, asks for a second factor"),
    ("auditor@demo.example", "auditor: /admin/, asks for a second factor"),
)


def lines() -> list[str]:
    """One line for each account, for a terminal."""
    widest = max(len(email) for email, _ in ACCOUNTS)
    return [f"{email:<{widest}}  {what}" for email, what in ACCOUNTS]
