-- Sets a field if it still holds what was read: compare and swap.
--
-- KEYS[1]  the record
-- ARGV[5]  field
-- ARGV[6]  '1' where the field was there when it was read
-- ARGV[7]  what it held then
-- ARGV[8]  its new value
-- Result: 1, or 0 with nothing changed where it holds something else now.
local now = redis.call('HGET', KEYS[1], ARGV[5])
if (ARGV[6] == '1') ~= (now ~= false) or (now and now ~= ARGV[7]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[5], ARGV[8])
redis.call('HDEL', KEYS[1], '_')
renew()
return 1
