"""The user interface: pages, documentation, forms and charts. Has no models; calls the services of the apps."""
