-- Writes a record: fields set, fields removed, or all but those set removed.
-- A record left with no field keeps the reserved field '_', so that it exists.
--
-- KEYS[1]  the record
-- ARGV[5]  '1': fields that are not set here are removed (replace)
-- ARGV[6]  number of fields to set, n
-- ARGV[7 .. 6+2n]  name and value of each
-- ARGV[7+2n ..]    names to remove
-- Result: 1.
local replace, n = ARGV[5] == '1', tonumber(ARGV[6])
local last = 6 + 2 * n

local keep = {}
if n == 0 then
  redis.call('HSET', KEYS[1], '_', '')
  keep['_'] = true
end
for i = 7, last, 1000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, last)))
end

if replace then
  for i = 7, last, 2 do keep[ARGV[i]] = true end
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if not keep[name] then redis.call('HDEL', KEYS[1], name) end
  end
else
  for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
  if redis.call('HLEN', KEYS[1]) > 1 then redis.call('HDEL', KEYS[1], '_') end
end
renew()
return 1
