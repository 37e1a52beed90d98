"""The laboratory: what harms, doubts and measures the product. It is never shipped."""
