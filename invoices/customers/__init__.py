"""Customers: who they are in Xero, what is their own, what they were billed and owe."""
