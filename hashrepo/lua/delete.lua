-- Removes a record that has the required version, and its entries in the list
-- and in the indexes. Run by HashRepo.Delete and DeleteAll.
--
-- KEYS[1]  the record
-- Result: 1 if the record existed, 0 otherwise.
local removed = redis.call('UNLINK', KEYS[1])
if delete_index then delete_index() end
return removed
