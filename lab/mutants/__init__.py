"""Each takes one guarantee out of a copy of the code; whoever promises to notice must turn red."""
