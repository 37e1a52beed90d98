"""The scenes in which a process is killed at each point in turn."""
