"""What C3 bills: the customers, what they buy, and the periods made of both."""
