"""A client that stands in for the phone: over HTTP and nothing else.

It imports no model, opens no database and reads none of the portal's settings.
"""
