"""How the catalogue's tables came to be, one file a step. A step, once released, is never changed."""
