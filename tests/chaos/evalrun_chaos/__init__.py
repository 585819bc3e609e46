# SPDX-License-Identifier: Apache-2.0
"""Deletions under faults, each response checked against the backend's journal."""
