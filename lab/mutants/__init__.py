"""Each mutant takes one guarantee out of a copy of the code. Whoever promises to notice must turn red."""
