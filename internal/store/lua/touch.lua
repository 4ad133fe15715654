-- Touch: renews the lifetime of a record.
--
-- KEYS[1]  the record
-- Result: 1 if the record exists, otherwise 0.
if not existed then return 0 end
renew()
return 1
