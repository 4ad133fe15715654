-- Sets a value, with the lifetime of a key that exists kept or renewed.
--
-- KEYS[1]  the record
-- ARGV[5]  the value
-- Result: {the value that was there before, or nil}.
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[5], 'KEEPTTL')
renew()
return {before}
