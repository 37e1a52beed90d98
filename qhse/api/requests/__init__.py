"""What is checked of a request before a view sees it."""
