"""Proving the trail: digests, seals, verification, checkpoints and exports."""
