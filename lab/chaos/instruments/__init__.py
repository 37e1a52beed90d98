"""What scenarios work with: processes, proxies, writers, ledgers."""
