"""The files that pages load: the style sheet, the script and the icon. No framework, and nothing from elsewhere."""
