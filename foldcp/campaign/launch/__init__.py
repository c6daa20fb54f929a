"""Launching: jobs in this process, on this machine or on a cluster, followed to their outcomes."""
