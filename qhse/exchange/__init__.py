"""Records in from tables: CSV and XLSX. It knows no domain: apps register what they take."""
