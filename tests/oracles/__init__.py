"""Independent models of the rules, against which the service is compared."""
