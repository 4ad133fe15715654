-- Renews the lifetime of a record that is in a list. Run by HashRepo.Touch.
--
-- KEYS[1]  the record
-- Result: 1 if the record exists, 0 otherwise.
if not existed then return 0 end
renew()
renew_look()
return 1
