"""Legal variations, grouped by the silence of the sources they use. Each replaces a seam and breaks nothing."""
