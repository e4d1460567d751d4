"""Seeded defects, grouped by the mistake they model. Each replaces one seam of the healthy sandbox."""
