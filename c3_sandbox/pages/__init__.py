"""The pages for people: the periods, the customers, the way in, and faults to order."""
