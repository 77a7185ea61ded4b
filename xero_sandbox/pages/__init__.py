"""The pages for people: My Apps and a plain look into each organisation's books."""
