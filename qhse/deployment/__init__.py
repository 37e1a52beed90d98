"""What a deployment needs: checks at start, connections, the server's worker, probes."""
