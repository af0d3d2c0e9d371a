"""Pure functions from what is observed and what is desired to a plan. Nothing here acts."""
