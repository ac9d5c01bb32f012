"""What the README's figures come from.  Each part prints what it measured, in one run."""
