"""From records to what people read: tables, notes, figures, files."""
