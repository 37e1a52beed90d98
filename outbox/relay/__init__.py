"""What leaves the installation: events go to a broker and to other couriers, at least once and in order."""
