"""Deletions under faults, each response checked against the backend's journal."""
