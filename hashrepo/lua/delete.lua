-- Removes a record that has the required version. Run by HashRepo.Delete.
--
-- KEYS[1]  the record
-- Result: 1 if the record existed, 0 otherwise.
return redis.call('UNLINK', KEYS[1])
