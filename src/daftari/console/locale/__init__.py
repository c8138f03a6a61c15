"""The texts of the console in other languages, as ``make messages`` finds them and people translate them."""
