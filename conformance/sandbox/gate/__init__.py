"""0Gate: sessions, capabilities, quotes, rails, customers, transactions, branding and webhooks."""
