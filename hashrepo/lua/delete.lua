-- Removes fields of a record that exists.
--
-- KEYS[1]  the record
-- ARGV[8 ..]  names to remove
-- Result: how many were there.
if not existed then return 0 end
bump()
reserve()
local removed = 0
for i = 8, #ARGV do removed = removed + redis.call('HDEL', KEYS[1], ARGV[i]) end
settle()
renew()
return removed
