-- Len: returns the number of entries of a feed that have a value. It checks the
-- type itself, since XLEN of the embedded server replies twice otherwise.
--
-- KEYS[1]  the feed
-- Result: the number.
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind == 'none' then return 0 end
if kind ~= 'stream' then return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value') end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local length = redis.call('XLEN', KEYS[1])
if last and string.sub(last[1], 1, 2) == '2-' then return length - 1 end
return length
