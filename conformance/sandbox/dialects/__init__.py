"""Legal variations, grouped by the silence of the sources they use. Each replaces one seam."""
