-- Renews a record's lifetime.
--
-- KEYS[1]  the record
-- Result: 1 if it exists, else 0.
if not existed then return 0 end
renew()
return 1
