"""Jobs on a cluster: create, follow, show, cancel. The only kubernetes import."""
