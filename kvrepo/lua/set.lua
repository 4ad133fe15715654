-- Set, SetMany and Swap, with KeepTTL: writes a value.
--
-- preamble.lua runs first and takes ARGV[1] to ARGV[4].
--
-- KEYS[1]  the value
-- ARGV[5]  the new value
-- Result: {the previous value, or nil}.
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[5], 'KEEPTTL')
renew()
return {before}
