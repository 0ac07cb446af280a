"""Every mail of the portal with sample data, for who works on it: `/dev/mails/`, with `DEBUG` alone.

What is shown was written by the very functions that send mails, for people and things that exist in a
transaction which is rolled back. It speaks English: nobody but developers reads it.
"""
