"""Shared by the Python tests: the real programs as child processes, gRPC clients, certificates and seeds."""
