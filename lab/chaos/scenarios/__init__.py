"""One kind of harm a module, each with a function `run`."""
