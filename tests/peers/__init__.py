"""Stand-ins of other services: real servers, so that the product's own clients are tested."""
