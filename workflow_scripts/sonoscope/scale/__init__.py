"""What full scale costs, and what is measured about speed and survival."""
