"""What the Python tests share: the real programs as child processes, and seeds for the backend."""
