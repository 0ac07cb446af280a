"""What changed for whom, in an order that no reader can miss anything of."""
