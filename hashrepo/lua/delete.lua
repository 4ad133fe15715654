-- Removes fields of a record that exists. One left with no field keeps the
-- reserved field '_', so that it exists and keeps a lifetime.
--
-- KEYS[1]  the record
-- ARGV[7 ..]  names to remove
-- Result: how many were there.
if not existed then return 0 end
bump()
redis.call('HSET', KEYS[1], '_', '')
local removed = 0
for i = 7, #ARGV do removed = removed + redis.call('HDEL', KEYS[1], ARGV[i]) end
if redis.call('HLEN', KEYS[1]) > 1 then redis.call('HDEL', KEYS[1], '_') end
renew()
return removed
