"""The balance: deletions through failure, each answer held against the backend's journal."""
