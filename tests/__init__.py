"""The tests. Ana owns the project Shopify, Ben has a read-only key of it, Chao owns another project, Kalro."""
