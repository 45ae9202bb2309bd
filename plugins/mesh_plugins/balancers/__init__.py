"""Branch point three and the rules that pick an endpoint."""
