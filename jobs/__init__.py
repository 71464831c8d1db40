"""One file a container entry point."""
