"""The desk of support and auditors: the pages of the admin that span apps, and what may be done there."""
