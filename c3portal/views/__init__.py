"""The pages of the portal's shell, a module for each."""
