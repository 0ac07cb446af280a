"""Demonstration data: two organizations, and people of every kind with months behind them.

Names are made up, phone numbers come from the range that is kept for fiction.
"""
