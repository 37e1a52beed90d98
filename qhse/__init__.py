"""Settings, routes, and what is about requests in general. It knows no domain words."""
