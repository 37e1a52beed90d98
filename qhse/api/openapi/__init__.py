"""The OpenAPI document and the routes that it must equal."""
