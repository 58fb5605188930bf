"""The web application: many people, each with their own memory. Needs the extra ``web``."""
