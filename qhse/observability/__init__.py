"""What is known about a request while it runs, and how it is logged and counted."""
