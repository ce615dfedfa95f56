"""Information gain of decision trees, and conditional maximum entropy."""
