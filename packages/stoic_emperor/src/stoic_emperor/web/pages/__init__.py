"""The pages: made on the server, from the same places that the API reads; the browser's script only adds to them."""
