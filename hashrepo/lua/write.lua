-- Writes a record: fields set, fields removed, or all but those set removed.
--
-- KEYS[1]  the record
-- ARGV[8]  '1': fields that are not set here are removed (replace)
-- ARGV[9]  number of fields to set, n
-- ARGV[10 .. 9+2n]  name and value of each
-- ARGV[10+2n ..]    names to remove
-- Result: 1.
local replace, n = ARGV[8] == '1', tonumber(ARGV[9])
local last = 9 + 2 * n

bump()
if n == 0 then reserve() end
local added = 0
for i = 10, last, 1000 do
  added = added + redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, last)))
end

if replace then
  local keep = {}
  if versioned then keep[ARGV[5]] = true end
  if n == 0 then keep['_'] = true end
  for i = 10, last, 2 do keep[ARGV[i]] = true end
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if not keep[name] then redis.call('HDEL', KEYS[1], name) end
  end
else
  for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
end
if n == 0 or added > 0 then settle() end
renew()
return 1
