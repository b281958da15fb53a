"""What people see: pages, documentation, forms and charts. It has no models and calls the services of the apps."""
