"""The pages about invoices, a module for each."""
