"""From a question to what is worth showing: found, of the right project, grouped, dated, and without secrets."""
