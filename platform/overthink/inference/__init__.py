"""What stored predictions say about leaving early: confidence, perfect exiting."""
