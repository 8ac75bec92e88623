"""Everything an outsider can see will live here: the status page, the change log and their feeds."""
