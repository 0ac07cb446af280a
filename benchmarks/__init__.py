"""Measurements that anyone can run again; docs/testing.md says how."""
