"""JSON Schemas: read in any draft, normalised to 2020-12, and seen as shapes of options."""
