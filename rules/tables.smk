"""Tables over a whole run."""
