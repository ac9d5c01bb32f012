"""The texts that more than one lab or page shares, both languages side by side."""
