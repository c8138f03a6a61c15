"""What the pages show and what their forms do, one module a subject. Words stand in the templates."""
