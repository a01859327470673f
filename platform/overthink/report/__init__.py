"""What people look at: tables, figures, pages. Percent exists only here."""
