"""The commands of inbound addresses, refused requests and reviews."""
