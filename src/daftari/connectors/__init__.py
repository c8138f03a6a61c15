"""What CRMs and databases say; each system has its own module or package. No rules, and none of our tables."""
