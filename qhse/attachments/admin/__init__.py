"""Files on the pages of records: a panel, steps that add one and void one, and downloads. It knows no domain."""
