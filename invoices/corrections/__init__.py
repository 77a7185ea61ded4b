"""Invoices and credit notes that the portal makes to correct what is in Xero."""
