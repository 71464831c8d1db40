"""The DAG value, the pipelines, and their run on this machine."""
