"""Invoices on paper: a plain description of what is printed, and the typst template that prints it."""
