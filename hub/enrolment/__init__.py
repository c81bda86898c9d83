"""How an adapter comes by its certificate: invited with a code, confirmed by six words, renewed by itself."""
