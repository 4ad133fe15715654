-- Mutate: writes a value if nobody changed it since it was read.
--
-- preamble.lua runs first and takes ARGV[1] to ARGV[4].
--
-- KEYS[1]  the value
-- ARGV[5]  '1' if the value existed when it was read, else ''
-- ARGV[6]  the value that was read
-- ARGV[7]  the new value
-- Result: 1, or 0 with nothing changed if the value differs from ARGV[6].
local now = redis.call('GET', KEYS[1])
if (ARGV[5] == '1') ~= existed or now and now ~= ARGV[6] then return 0 end
redis.call('SET', KEYS[1], ARGV[7], 'KEEPTTL')
renew()
return 1
