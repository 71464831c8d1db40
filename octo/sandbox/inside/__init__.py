"""What runs in the sandbox's own processes: the standard library and nothing else."""
