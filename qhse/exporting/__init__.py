"""Lists out as CSV and XLSX, streamed, and each export in the trail. It knows no domain."""
