"""Settings and an installation, rendered as the Kubernetes objects that run them: plain dicts, no client."""
