"""What a method costs: counted on the meta device, and as a table."""
