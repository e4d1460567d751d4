"""What software nobody here wrote makes of our sandbox and our contract files."""
