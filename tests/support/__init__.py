"""What tests share: clients, databases, builders. No test of its own."""
