"""
The fault laboratory (`make chaos`): real processes on a real PostgreSQL are killed, cut off and frozen.

Each scenario lets callers write, and does harm. Then it compares what the callers were told with what the tables hold.
docs/reliability.md says which promise each scenario shows.
"""
