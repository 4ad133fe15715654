-- Sets a value if it still is what was read: compare and swap.
--
-- KEYS[1]  the value
-- ARGV[5]  '1' where it was there when it was read
-- ARGV[6]  what it was then
-- ARGV[7]  the new value
-- Result: 1, or 0 with nothing changed where it is another now.
local now = redis.call('GET', KEYS[1])
if (ARGV[5] == '1') ~= existed or now and now ~= ARGV[6] then return 0 end
redis.call('SET', KEYS[1], ARGV[7], 'KEEPTTL')
renew()
return 1
