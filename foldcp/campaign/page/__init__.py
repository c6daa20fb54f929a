"""What the report shows, made ready for its template: tables, structures, maps of chain pairs."""
