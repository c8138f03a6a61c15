"""The tests. Ana owns the project Shopify, Ben has a key of it that may only read, Chao owns another project, Kalro."""
