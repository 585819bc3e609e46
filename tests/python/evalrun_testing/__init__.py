# SPDX-License-Identifier: Apache-2.0
"""Shared by the Python tests: the real programs as child processes, gRPC clients, certificates and seeds."""
