-- Adds to an integer field, within the bounds of the field's Go type.
--
-- KEYS[1]  the record
-- ARGV[5]  field
-- ARGV[6]  what to add, decimal
-- ARGV[7]  least value, '' for that of int64
-- ARGV[8]  greatest value, '' for that of int64
-- Result: the new value, decimal text; the status OVERFLOW, and nothing
-- changed, where it lies outside. Bounds are given only for types of at most
-- 32 bits, which Lua's numbers hold exactly. HINCRBY itself guards int64, on
-- Redis; miniredis wraps around, which the signs give away.
local before = redis.call('HGET', KEYS[1], ARGV[5])
redis.call('HINCRBY', KEYS[1], ARGV[5], ARGV[6])
local after = redis.call('HGET', KEYS[1], ARGV[5])

local was, by, is = tonumber(before or '0'), tonumber(ARGV[6]), tonumber(after)
if (ARGV[7] ~= '' and is < tonumber(ARGV[7])) or (ARGV[8] ~= '' and is > tonumber(ARGV[8]))
  or (was > 0 and by > 0 and is < 0) or (was < 0 and by < 0 and is >= 0) then
  if before then
    redis.call('HSET', KEYS[1], ARGV[5], before)
  else
    redis.call('HDEL', KEYS[1], ARGV[5])
  end
  return redis.status_reply('OVERFLOW')
end
redis.call('HDEL', KEYS[1], '_')
renew()
return after
