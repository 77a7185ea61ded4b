"""C3's API and Microsoft's token endpoint before it."""
