-- The planner needs no statistics of these, which would keep words of records that are erased.
ALTER TABLE capsa_records
    ALTER COLUMN title SET STATISTICS 0,
    ALTER COLUMN text SET STATISTICS 0,
    ALTER COLUMN context SET STATISTICS 0,
    ALTER COLUMN path SET STATISTICS 0,
    ALTER COLUMN created_at_text SET STATISTICS 0,
    ALTER COLUMN metadata SET STATISTICS 0;
ALTER TABLE capsa_quarantine
    ALTER COLUMN reason SET STATISTICS 0,
    ALTER COLUMN content SET STATISTICS 0;
