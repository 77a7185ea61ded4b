"""What a hostile visitor, user or file would try, again at each run: `make attack` tries all of it."""
