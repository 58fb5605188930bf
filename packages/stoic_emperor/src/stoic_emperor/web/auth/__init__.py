"""Proving who is asking: passwords, cookies, tokens, and whoever sits at this machine."""
