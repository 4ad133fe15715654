-- Removes a record that has the version asked for.
--
-- KEYS[1]  the record
-- Result: 1 where it was there, else 0.
return redis.call('UNLINK', KEYS[1])
