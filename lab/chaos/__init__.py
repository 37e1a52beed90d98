"""
The fault laboratory (`make chaos`): real processes on a real PostgreSQL, which are killed, cut off and frozen.

Each scenario lets callers write, does harm, and then compares what the callers were told with what the tables hold.
docs/reliability.md says which promise each of them shows. It is no part of an installation.
"""
