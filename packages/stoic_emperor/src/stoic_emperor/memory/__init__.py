"""What is remembered of a person: kept, found again, shown, reworded and forgotten."""
