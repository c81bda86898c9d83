"""The contract's records as the hub keeps them: checked, split by category, built for delivery."""
