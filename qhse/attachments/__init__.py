"""Evidence: files on records. It knows no domain; apps say which of their records take files."""
