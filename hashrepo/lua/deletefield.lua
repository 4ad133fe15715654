-- Removes fields of a record. Run by HashRepo.DeleteField.
--
-- KEYS[1]    the record
-- ARGV[8..]  names of the fields
-- Result: the number of fields that existed.
if not existed then return 0 end
if prepare_index then prepare_index() end
increment_version()
add_reserved()
local removed = 0
for i = 8, last_argument do removed = removed + redis.call('HDEL', KEYS[1], ARGV[i]) end
remove_reserved()
renew()
if write_index then write_index() end
return removed
