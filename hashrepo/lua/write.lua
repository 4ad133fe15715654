-- Writes a record: fields set, fields removed, or all but those set removed.
-- A record left with no field keeps the reserved field '_', so that it exists.
--
-- KEYS[1]  the record
-- ARGV[7]  '1': fields that are not set here are removed (replace)
-- ARGV[8]  number of fields to set, n
-- ARGV[9 .. 8+2n]  name and value of each
-- ARGV[9+2n ..]    names to remove
-- Result: 1.
local replace, n = ARGV[7] == '1', tonumber(ARGV[8])
local last = 8 + 2 * n

bump()
local keep = { [ARGV[5]] = true }
local added = 0
if n == 0 then
  redis.call('HSET', KEYS[1], '_', '')
  keep['_'] = not versioned
end
for i = 9, last, 1000 do
  added = added + redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, last)))
end

if replace then
  for i = 9, last, 2 do keep[ARGV[i]] = true end
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if not keep[name] then redis.call('HDEL', KEYS[1], name) end
  end
else
  for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
  -- '_' stands alone: it is there only where fields came to it.
  if (added > 0 or n == 0) and redis.call('HLEN', KEYS[1]) > 1 then redis.call('HDEL', KEYS[1], '_') end
end
renew()
return 1
